"""The raise in lines of source: its verb, by language, and what it and its callers pass as text.

A verb inside a string is none: lines are read as tokens. Where the failing line has no verb,
the lines before are looked
at for one whose statement goes on over the failing line (Python before 3.8, PHP, a ``new`` on a line of its own).
"""

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from app.grouping.g2.expressions import arguments, callee, candidates, flat, is_variable, shown, texts
from app.grouping.g2.languages import LANGUAGES, Language
from app.grouping.g2.templates import Template, braces, joined, percent
from app.grouping.g2.tokens import NAME, OPERATOR, STRING, Source, Token, tokenise

BEFORE, AFTER = 6, 8
"""Lines before and after the failing one that are looked at."""
_EARLIER: Final = 2048
"""Characters of a statement that begins on an earlier line."""
_REMEMBERED: Final = 2048
"""Characters of lines whose reading is remembered."""
P = ParamSpec("P")
T = TypeVar("T")
_STATEMENTS: Final = 8
"""Raises of one line."""
_SHOWN: Final = 200


def _remembered(function: Callable[Concatenate[tuple[str, ...], P], T]) -> Callable[Concatenate[tuple[str, ...], P], T]:
    """Remember what short lines gave: the memory of 256 of them has a bound, whatever clients send."""
    cached = lru_cache(maxsize=256)(function)

    @wraps(function)
    def call(lines: tuple[str, ...], /, *rest: P.args, **named: P.kwargs) -> T:
        short = sum(map(len, lines)) <= _REMEMBERED
        return cached(lines, *rest, **named) if short else function(lines, *rest, **named)  # type: ignore[arg-type]  # all are hashable

    return call


class Raise(NamedTuple):
    """What one raise passes: literals, and plain variables."""

    templates: tuple[Template, ...]
    variables: tuple[str, ...]
    text: str
    """The statement, for people."""


class Reading(NamedTuple):
    """What the lines show of the raise; several on one line are told apart by the message."""

    found: tuple[Raise, ...]
    silent: bool
    """There is a line, and it shows no raise: the interpreter or an extension raised there."""


NOTHING: Final = Reading((), silent=False)


class Verbs(NamedTuple):
    """How a language raises."""

    hint: re.Pattern[str]
    """What a line must hold to be read at all."""
    keywords: frozenset[str] = frozenset()
    """Words that an expression follows."""
    calls: frozenset[str] = frozenset()
    """Functions and macros that raise, by the last part of their name."""
    made: re.Pattern[str] | None = None
    """Types that ``new`` makes, where no keyword stands."""


def _verbs(keywords: str = "", calls: str = "", made: str = "") -> Verbs:
    words = [*keywords.split(), *calls.split()]
    parts = [r"(?<![\w$])(?:" + "|".join(map(re.escape, words)) + r")(?![\w$])"] if words else []
    parts += [made] if made else []
    return Verbs(
        re.compile("|".join(parts)),
        frozenset(keywords.split()),
        frozenset(calls.split()),
        re.compile(made) if made else None,
    )


_ERRORS: Final = r"(?:Error|Exception|Fault|Failure)\b"
VERBS: Final = {
    "python": _verbs("raise assert"),
    "js": _verbs("throw", "invariant assert strictEqual deepStrictEqual fail", rf"{_ERRORS}\s*\("),
    "ruby": _verbs("raise fail abort"),
    "elixir": _verbs("raise reraise throw exit"),
    "php": _verbs("throw", "trigger_error abort abort_if abort_unless", rf"{_ERRORS}|new\s+(?:self|static)\b"),
    "go": _verbs("", "panic Panicf Errorf New Wrap Wrapf Fatalf"),
    "java": _verbs("throw", "", _ERRORS),
    "kotlin": _verbs("throw", "error require check requireNotNull checkNotNull fail TODO", _ERRORS),
    "scala": _verbs("throw", "require assert error fail", _ERRORS),
    "groovy": _verbs("throw assert", "", _ERRORS),
    "csharp": _verbs("throw", "Fail", _ERRORS),
    "swift": _verbs("throw", "fatalError preconditionFailure assertionFailure precondition assert", _ERRORS),
    "dart": _verbs("throw", "", _ERRORS),
    "rust": _verbs(
        "", "panic! unreachable! todo! unimplemented! bail! anyhow! ensure! assert! assert_eq! assert_ne! expect"
    ),
    "cpp": _verbs("throw", "abort_with fatal panic", r"(?:_error|Error|Exception|exception)\b"),
    "perl": _verbs("die croak confess", "throw"),
}  # fmt: skip
_LOG_LEVELS: Final = frozenset((
    "error", "warn", "warning", "critical", "fatal", "exception", "info", "notice", "alert", "emergency", "severe",
    "log", "debug",
    "logerror", "logwarning", "logcritical", "loginformation", "errorf", "warnf", "infof", "fatalf", "e", "w", "wtf",
))  # fmt: skip
"""Methods of loggers (lower case)."""
_LOGS: Final = frozenset(
    ("capturemessage", "capture_message", "captureexception", "capture_exception", "error_log", "println")
)
_LOG_HINT: Final = re.compile(r"(?i)capture_?(?:message|exception)|error_log|println|(?:\.|->|::)\s*\w{1,14}\s*[( ]")
_MODIFIERS: Final = frozenset(("if", "unless", "rescue", "and", "or", "do", "while", "until", "then", "end", "when"))
_METHODS: Final = frozenset((".", "->", "::", "?."))
_OPEN: Final = frozenset("([{")
_BEGINS_PART: Final = frozenset("\"'`)]},.+%")
_TERMINATORS: Final = frozenset(";)]}")


@_remembered
def read(lines: tuple[str, ...], at: int, language: str, *, log: bool) -> Reading:
    """Return the raises of the statement that holds the line ``at``; ``log`` looks for a logged message instead."""
    if not lines[at].strip():
        return NOTHING
    tongue = LANGUAGES[language]
    hint = _LOG_HINT if log else VERBS[language].hint
    for back in range(min(at, BEFORE) + 1):
        if not hint.search(lines[at - back]):
            continue
        text = "\n".join(lines[at - back : at + AFTER + 1])
        source = tokenise(text[:_EARLIER] if back else text, tongue)
        spans = [span for span in _spans(source, tongue, log=log) if _last_line(source, span) >= back]
        if spans:
            return Reading(tuple(_raise(source, *span, tongue, log=log) for span in spans[:_STATEMENTS]), silent=False)
    return Reading((), silent=len(lines) > 1 or not _is_part(lines[0]))


def _is_part(line: str) -> bool:
    """Tell a line that is the later part of a statement: where it is all that is known, its raise may stand before."""
    return line.count(")") > line.count("(") or line.lstrip()[:1] in _BEGINS_PART


def _last_line(source: Source, span: tuple[int, int]) -> int:
    start, end = span
    closing = source.tokens[end].line if end < len(source.tokens) and source.tokens[end].text in _TERMINATORS else 0
    return max(closing, source.tokens[max(start, end) - 1].last)


def _spans(source: Source, language: Language, *, log: bool) -> list[tuple[int, int]]:
    """Return the spans of what is raised: behind a keyword, else an error that is made, else the call that raises."""
    if log:
        return _called(source, _LOGS, logs=True) or _called(source, _LOG_LEVELS, logs=True)
    verbs, tokens = VERBS[language.name], source.tokens
    keywords = [
        at
        for at, token in enumerate(tokens)
        if token.kind == NAME
        and token.text in verbs.keywords
        and (at == 0 or tokens[at - 1].text not in (".", "->", "::"))
    ]
    spans = [_behind(source, at, language) for at in keywords[:_STATEMENTS]]
    found = [(start, end) for start, end in spans if start < end]
    if found and all(is_variable(source, *span) for span in found):  # the error may be made on the same line
        return found + _made(source, verbs)
    return found or _made(source, verbs) or (_called(source, verbs.calls) if verbs.calls else [])


def _behind(source: Source, verb: int, language: Language) -> tuple[int, int]:
    start, end = verb + 1, statement_end(source, verb + 1, language)
    word = source.tokens[verb].text
    if word == "assert":
        spans = arguments(source, start, end)
        return spans[1] if len(spans) > 1 else (start, start)
    if language.name == "python":
        end = next((at for at, token in flat(source, start, end) if token.text == "from"), end)
    return start, end


def statement_end(source: Source, start: int, language: Language) -> int:
    """Return where the statement ends: at ``;``, a bracket that closes what stands around, a line's end."""
    tokens, at = source.tokens, start
    while at < len(tokens):
        token = tokens[at]
        if token.kind == OPERATOR and token.text in _TERMINATORS:
            return at
        if at > start and token.line > tokens[at - 1].last and not _goes_on(source, at, language):
            return at
        if language.commands and token.kind == NAME and token.text in _MODIFIERS and at > start:
            return at
        at = max(source.closing.get(at, at), at) + 1
    return len(tokens)


def _goes_on(source: Source, at: int, language: Language) -> bool:
    before = source.tokens[at - 1]
    if before.kind == OPERATOR and before.text not in language.enders:
        return True
    return bool(language.leaders and language.leaders.match(source.text, source.tokens[at].start))


def _made(source: Source, verbs: Verbs) -> list[tuple[int, int]]:
    """Return the errors that are made without a keyword before: ``reject(new Error("…"))``."""
    if verbs.made is None:
        return []
    tokens, found, plain = source.tokens, list[tuple[int, int]](), list[tuple[int, int]]()
    for at, token in enumerate(tokens):
        if token.kind != NAME or at + 1 >= len(tokens) or tokens[at + 1].text != "(":
            continue
        start = _name_start(source, at)
        new = start > 0 and tokens[start - 1].text == "new"
        if token.text in ("self", "static") if new else False:
            found.append((start - 1, source.closing[at + 1] + 1))
        elif verbs.made.search(token.text + "("):
            (found if new else plain).append((start, min(source.closing[at + 1] + 1, len(tokens))))
    return [(start, min(end, len(tokens))) for start, end in found or plain]


def _name_start(source: Source, at: int) -> int:
    tokens = source.tokens
    while at > 0 and (
        tokens[at - 1].text in ("\\", ".", "::")
        or (tokens[at - 1].kind == NAME and tokens[at].text in ("\\", ".", "::"))
    ):
        at -= 1
    return at


def _called(source: Source, names: frozenset[str], *, logs: bool = False) -> list[tuple[int, int]]:
    """Return the calls of functions by name, or what stands in braces behind (Kotlin's ``check(c) { "…" }``).

    ``logs`` looks for names in any case; levels of loggers are methods of something.
    """
    tokens, found = source.tokens, list[tuple[int, int]]()
    end = len(tokens)
    for at, token in enumerate(tokens):
        opened = _opening(tokens, at, token.text.lower() if logs else token.text, names) if token.kind == NAME else -1
        if opened < 0 or (names is _LOG_LEVELS and (at == 0 or tokens[at - 1].text not in _METHODS)):
            continue
        close = min(source.closing.get(opened, end) + 1, end)
        if close < end and tokens[close].text == "{" and tokens[opened].text == "(":
            found.append((close + 1, min(source.closing.get(close, end), end)))
        else:
            found.append((at, close))
    return found


def _opening(tokens: list[Token], at: int, name: str, names: frozenset[str]) -> int:
    """Return where the brackets of a call of one of these names open; -1 where it is none. Macros end in ``!``."""
    opened = at + 1
    if opened < len(tokens) and tokens[opened].text == "!":
        name, opened = f"{name}!", opened + 1
    return opened if name in names and opened < len(tokens) and tokens[opened].text in _OPEN else -1


def _raise(source: Source, start: int, end: int, language: Language, *, log: bool) -> Raise:
    if log:
        templates, variables = _logged(source, start, end, language)
    elif language.commands:
        templates, variables = _command(source, start, end, language)
    else:
        templates, variables = texts(source, start, end, language)
        if language.name in ("rust", "go", "swift", "perl", "cpp") and start < end:
            templates = _formatted(source, start, end, language, templates)
    text = source.text[source.tokens[start].start : source.tokens[end - 1].end] if start < end else ""
    return Raise(tuple(templates), tuple(dict.fromkeys(variables)), text[:_SHOWN])


def _command(source: Source, start: int, end: int, language: Language) -> tuple[list[Template], list[str]]:
    """Return what a command's arguments hold: they stand without brackets, or in one pair."""
    if source.tokens[start].text == "(" and source.closing.get(start) == end - 1:
        start, end = start + 1, end - 1
    templates: list[Template] = []
    variables: list[str] = []
    for span in arguments(source, start, end):
        inside, names = texts(source, *span, language, 0 if _is_made(source, *span) else 1)
        templates += inside
        variables += [name for name in names if not name[:1].isupper()]
    return templates, variables


def _is_made(source: Source, start: int, end: int) -> bool:
    return callee(source, start, end)[1].lower() in ("new", "exception")


def _formatted(source: Source, start: int, end: int, language: Language, plain: list[Template]) -> list[Template]:
    """Return the templates of calls that fill their first text by the arguments behind it: ``panic!("… {}", x)``."""
    opened, name = callee(source, start, end)
    close = source.closing.get(opened, end) if opened >= 0 else end
    spans = arguments(source, opened + 1, min(close, end)) if opened >= 0 else []
    at = next((index for index, span in enumerate(spans) if source.tokens[span[0]].kind == STRING), -1)
    if at < 0 or (language.name == "go" and not name.endswith("f") and name != "Wrap"):
        return plain
    rest = [shown(source, *span) for span in spans[at + 1 :]]
    if language.name == "go" and name.startswith("Wrap"):  # the wrapped error stands behind the text
        made = [percent(one, rest) for one in candidates(source, *spans[at], language)]
        return [joined([one, Template((": ", ""), ("err",))]) for one in made]
    if language.name == "rust" or rest:
        fill = braces if language.name == "rust" else percent
        return [fill(one, rest) for one in candidates(source, *spans[at], language) if one.letters] + plain
    return plain


def _logged(source: Source, start: int, end: int, language: Language) -> tuple[list[Template], list[str]]:
    """Return the text of a logging call: the arguments behind it fill it, as the language's loggers do."""
    opened, _ = callee(source, start, end)
    spans = arguments(source, opened + 1, min(source.closing.get(opened, end), end)) if opened >= 0 else []
    found: list[Template] = []
    for index, span in enumerate(spans[:3]):
        rest = [shown(source, *one) for one in spans[index + 1 :]]
        for one in candidates(source, *span, language):
            filled = percent(one, rest) if language.name in ("python", "js", "go", "ruby", "cpp") else braces(one, rest)
            found += [filled, one] if rest and filled != one else [one]
    return [one for one in found if one.letters], []


_ASSIGNED: Final = re.compile(
    r"^\s*(?:[\w<>,\[\]?:*&]{1,60}\s+){0,3}?([$@]{0,2}\w{1,80})\s*(?::\s*[^=\n]{1,40})?\s*(\+|\.|<<|\|\||\?\?|:)?=(?![=~>])"
)
_HEAD: Final = re.compile(
    r"\b(?:def|defp|function|func|fn|fun|sub)\b|(?:^|[\s.])(?:async\s+|static\s+|public\s+|private\s+)*[\w$]{1,80}\s*\([^()]{0,200}\)\s*(?::[^{]{1,40})?\{\s*$|=>\s*\{?\s*$"
)
_IDENTIFIER: Final = re.compile(r"[$@]?[A-Za-z_]\w*")
_CONDITION: Final = re.compile(r"^\s*(?:if|else|elif|elsif|for|foreach|while|switch|catch|unless|when|try|\})")


@_remembered
def assigned(lines: tuple[str, ...], at: int, variable: str, language: str) -> tuple[Template, ...]:
    """Return the literal that the variable was last given before the line ``at``, within its function.

    Nothing where several literals may have been given, or where something was added to it since.
    """
    tongue = LANGUAGES[language]
    for index in range(at - 1, max(at - BEFORE, 0) - 1, -1):
        line = lines[index]
        found = _ASSIGNED.match(line)
        if found and found[1] == variable:
            if found[2] not in (None, ":"):
                return ()
            source = tokenise("\n".join(lines[index:at]), tongue)
            sign = next((k for k, token in enumerate(source.tokens) if token.text == "="), -1)
            if sign < 0:
                return ()
            templates, _ = texts(source, sign + 1, statement_end(source, sign + 1, tongue), tongue)
            return tuple(templates) if len(templates) == 1 else ()
        if _is_head(line):
            break
    return ()


def _is_head(line: str) -> bool:
    return bool(_HEAD.search(line)) and not _CONDITION.match(line)


@_remembered
def parameters(lines: tuple[str, ...], at: int, function: str) -> frozenset[str] | None:
    """Return the names in the head of the function around the line ``at``; None where the head is not in view."""
    for index in range(at, max(at - BEFORE, 0) - 1, -1):
        line = lines[index]
        place = line.find(function)
        if place < 0 or (not _is_head(line) and not (index == at and _HEAD.search(line))):
            continue
        rest = "\n".join((line[place + len(function) :], *lines[index + 1 : at]))[:400].lstrip("=:? \t")
        inside = rest.partition("(")[2].partition(")")[0] if "(" in rest[:20] else rest.partition("\n")[0]
        return frozenset(_IDENTIFIER.findall(inside))
    return None


@_remembered
def passed(lines: tuple[str, ...], at: int, function: str, language: str) -> Raise | None:
    """Return what the statement at ``at`` passes to a function; None where it does not call it by its name."""
    tongue = LANGUAGES[language]
    for back in range(min(at, BEFORE) + 1):
        if function not in lines[at - back]:
            continue
        source = tokenise("\n".join(lines[at - back : at + AFTER + 1]), tongue)
        found = next((span for span in _passes(source, function, tongue) if _last_line(source, span) >= back), None)
        if found is None:
            continue
        start, end = found
        templates: list[Template] = []
        variables: list[str] = []
        for span in arguments(source, start, end):
            inside, names = texts(source, *span, tongue, 1)
            templates += inside
            variables += names
        text = source.text[source.tokens[start - 1].start : source.tokens[end - 1].end] if end > start else ""
        return Raise(tuple(templates), tuple(variables), text[:_SHOWN])
    return None


def _passes(source: Source, function: str, language: Language) -> list[tuple[int, int]]:
    tokens, found = source.tokens, list[tuple[int, int]]()
    for at, token in enumerate(tokens):
        if token.kind != NAME or token.text != function or at + 1 >= len(tokens) or len(found) >= _STATEMENTS:
            continue
        if tokens[at + 1].text == "(":
            found.append((at + 2, min(source.closing.get(at + 1, len(tokens)), len(tokens))))
        elif language.commands and (at == 0 or tokens[at - 1].text not in ("def", "sub")):
            found.append((at + 1, statement_end(source, at + 1, language)))
    return found
