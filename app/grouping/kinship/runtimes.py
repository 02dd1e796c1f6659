"""Errors that a run time words, not the application: one line raises several of them, and they are several bugs."""

import re
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

WORDINGS: Final = re.compile(
    r"invalid literal for|could not convert|values to unpack|has no attribute|is not (?:a function|a constructor|"
    r"defined|iterable|callable|subscriptable|an object|extensible)|of (?:undefined|null)\b|(?:undefined|null) is not|"
    r"not supported between|unsupported operand|positional argument|required (?:positional|keyword)|unexpected keyword|"
    r"(?:index|offset)\b.{0,80}\b(?:out of|outside)|out of (?:range|bounds)|Cannot invoke \"|Cannot (?:read|load|store|"
    r"assign|enter|throw)\b.{0,80}\bbecause|because \"|cannot be cast|For input string|undefined (?:method|local|"
    r"variable|index|array|property|offset|constant|function)|uninitialized constant|wrong number of arguments|"
    r"Object reference not set|Unable to cast|Input string was|given key|Sequence contains|Nullable object|"
    r"nil pointer|invalid memory|divi(?:ded|sion|de) by zero|/ by zero|No value present|can't convert|nil can't be|"
    r"into (?:Integer|String|Float|Array|Hash)|lateinit property|No enum constant|No such property|"
    r"Invalid array length|Maximum call|Unexpected (?:token|end)|Assignment to constant|before initialization|"
    r"local variable|unhashable type|argument of type|time data|isoformat|day is out of|math domain|embedded null|"
    r"object of type|must be of(?: the)? type|Value cannot be null|parameter '|\(Parameter|codec can't|no function clause|"
    r"interface conversion|slice bounds|No module named|cannot import name|\[Errno|modified during|changed size",
    re.IGNORECASE,
)
"""How run times begin or word such an error; a linear pattern: each repetition has a bound."""

_PROSE: Final = 3


def is_run_time(kind: str) -> bool:
    """Tell whether a type is one that run times raise by themselves."""
    return kind.lower() in TYPES


def is_worded_by_run_time(kind: str, text: str) -> bool:
    """Tell whether a run time words such an error: one of its types, and no prose of the application's own."""
    lower = kind.lower()
    if lower in TYPES:
        return prose(text) < _PROSE or WORDINGS.search(text) is not None
    return lower in SHARED_TYPES and WORDINGS.search(text) is not None


def prose(text: str) -> int:
    """Count the words of a text that are words: two letters or more, no digit."""
    return sum(len(word) > 1 and word.isalpha() for word in words_of(text))
