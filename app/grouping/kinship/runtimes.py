"""Errors that a run time words, not the application: one line raises several of them, and they are several bugs."""

from typing import Final

from app.grouping.kinship.texts import words_of

TYPES: Final = frozenset((
    # Python
    "typeerror", "keyerror", "indexerror", "attributeerror", "nameerror", "unboundlocalerror", "zerodivisionerror",
    "importerror", "modulenotfounderror", "unicodedecodeerror", "unicodeencodeerror", "stopiteration",
    "buffererror",
    # JavaScript
    "referenceerror", "rangeerror", "syntaxerror", "urierror", "evalerror",
    # Java, Kotlin, Scala
    "nullpointerexception", "kotlinnullpointerexception", "classcastexception", "arrayindexoutofboundsexception",
    "indexoutofboundsexception", "stringindexoutofboundsexception", "numberformatexception", "arithmeticexception",
    "arraystoreexception", "negativearraysizeexception", "concurrentmodificationexception",
    "classnotfoundexception", "noclassdeffounderror", "nosuchmethoderror", "nosuchfielderror", "inputmismatchexception",
    "datetimeparseexception", "uninitializedpropertyaccessexception", "matcherror", "missingpropertyexception",
    "missingmethodexception", "abstractmethoderror", "incompatibleclasschangeerror", "verifyerror",
    # .NET
    "nullreferenceexception", "invalidcastexception", "indexoutofrangeexception", "keynotfoundexception",
    "dividebyzeroexception",
    # Ruby, PHP, Elixir
    "nomethoderror", "frozenerror", "floatdomainerror", "argumentcounterror", "divisionbyzeroerror",
    "errorexception", "functionclauseerror", "undefinedfunctionerror", "badmaperror", "caseclauseerror",
    # Go, Swift, Dart
    "runtime.error", "boundserror", "plainerrorstring", "casterror",
))  # fmt: skip
"""Lower case, without package. An application that raises one itself writes prose."""
SHARED_TYPES: Final = frozenset((
    "valueerror", "oserror", "lookuperror", "overflowerror", "nosuchelementexception", "formatexception",
    "overflowexception", "argumentoutofrangeexception", "argumentnullexception", "argumenterror", "stateerror",
))  # fmt: skip
"""Types that run times and applications raise alike: only the wording tells who did."""

WORDINGS: Final = (
    # Python
    "invalid literal for", "could not convert", "values to unpack", "has no attribute", "is not iterable",
    "is not callable", "is not subscriptable", "not supported between", "unsupported operand", "positional argument",
    "required keyword", "unexpected keyword", "local variable", "unhashable type", "argument of type", "time data",
    "isoformat", "day is out of", "math domain", "embedded null", "object of type", "codec can't", "no module named",
    "cannot import name", "[errno", "modified during", "changed size", "division by zero", "divide by zero",
    "out of range", "out of bounds", "is not defined",
    # JavaScript
    "is not a function", "is not a constructor", "is not an object", "is not extensible", " of undefined", " of null",
    "undefined is not", "null is not", "invalid array length", "maximum call", "unexpected token", "unexpected end",
    "assignment to constant", "before initialization",
    # Java, Kotlin, Groovy
    'cannot invoke "', 'because "', "cannot be cast", "for input string", "/ by zero", "no value present",
    "lateinit property", "no enum constant", "no such property",
    # .NET
    "object reference not set", "unable to cast", "input string was", "given key", "sequence contains",
    "nullable object", "value cannot be null", "parameter '", "(parameter", "was outside the bounds",
    # Ruby, PHP, Elixir
    "undefined method", "undefined local", "undefined variable", "undefined index", "undefined array key",
    "undefined property", "undefined offset", "undefined constant", "undefined function", "uninitialized constant",
    "wrong number of arguments", "can't convert", "nil can't be", "into integer", "into string", "into float",
    "into array", "into hash", "divided by 0", "divided by zero", "must be of type", "must be of the type",
    "no function clause",
    # Go
    "nil pointer", "invalid memory", "interface conversion", "slice bounds",
)  # fmt: skip
"""What run times word such errors with, lower case."""

_PROSE: Final = 3


def is_run_time(kind: str) -> bool:
    """Tell whether a type is one that run times raise by themselves."""
    return kind.lower() in TYPES


def is_worded_by_run_time(kind: str, text: str) -> bool:
    """Tell whether a run time words such an error: one of its types, and no prose of the application's own."""
    lower = kind.lower()
    if lower in TYPES:
        return prose(text) < _PROSE or _is_run_time_s(text)
    return lower in SHARED_TYPES and _is_run_time_s(text)


def _is_run_time_s(text: str) -> bool:
    lower = text.lower()
    return any(wording in lower for wording in WORDINGS)


def prose(text: str) -> int:
    """Count the words of a text that are words: two letters or more, no digit."""
    return sum(len(word) > 1 and word.isalpha() for word in words_of(text))
