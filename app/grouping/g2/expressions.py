"""What an expression of the source may evaluate to, as templates: strings joined, formatted, chosen, translated.

Everything that is no literal is a hole. Each token is looked at a bounded number of times for each level of brackets,
and levels are bounded.
"""

from collections.abc import Iterator
from typing import Final

from app.grouping.g2.languages import Language
from app.grouping.g2.templates import HOLE, Template, braces, hole, joined, of_pieces, percent, translated, unfilled
from app.grouping.g2.tokens import NAME, OPERATOR, STRING, Source, Token

MOST: Final = 12
"""Candidates of one expression."""
_DEEPEST: Final = 6
_ARGUMENTS: Final = 20
"""Tokens of a call's type arguments."""
_WORDS_SHOWN: Final = 60
_BEFORE: Final = frozenset(
    ("new", "await", "yield", "try", "throw", "return", "not", "&", "*", "!", "-", "@", "ref", "out")
)
_TRANSLATE: Final = frozenset((
    "_", "__", "_e", "_t", "_l", "_lazy", "t", "tr", "$t", "trans", "translate", "gettext", "ngettext", "pgettext",
    "dgettext",
    "gettext_lazy", "ugettext", "ugettext_lazy", "ngettext_lazy", "lazy_gettext", "dcgettext", "i18n", "localize",
    "localized",
    "nslocalizedstring", "formatmessage", "getstring", "getmessage", "transchoice", "trans_choice", "xl",
))  # fmt: skip
"""Calls that look a text up in a catalogue (lower case)."""
_FORMAT: Final = frozenset((
    "sprintf", "vsprintf", "format", "formatted", "errorf", "wrapf", "fatalf", "panicf", "newf", "strformat", "sprint",
    "fprintf",
    "printf", "format!", "format_args!", "interpolate", "stringf", "throwf", "messagef",
))  # fmt: skip
"""Calls that fill in a text (lower case, the last part of their name)."""
_SAME: Final = frozenset((
    "str", "string", "text", "dedent", "trimindent", "strip", "trim", "lstrip", "rstrip", "freeze", "dup", "html_safe",
    "tostring",
    "to_s", "to_string", "into", "to_owned", "from", "encode", "mark_safe", "b", "force_text", "force_str", "u",
    "join_lines",
    "stripmargin", "trimmargin", "c_str", "utf8", "lazy",
))  # fmt: skip
"""Calls that leave a text as it is, or nearly so."""
_FILLED: Final = _FORMAT | _TRANSLATE
_KNOWN: Final = _FILLED | _SAME
_ERRORS: Final = ("error", "exception", "fault", "failure", "panic", "err")
_MEMBERS: Final = frozenset((".", "?.", "::", "->", "\\"))


def split(source: Source, start: int, end: int, marks: frozenset[str]) -> list[tuple[int, int]]:
    """Return the spans between operators of ``marks`` outside of brackets."""
    spans, at = [], start
    for index, token in flat(source, start, end):
        if token.kind == OPERATOR and token.text in marks:
            spans.append((at, index))
            at = index + 1
    spans.append((at, end))
    return spans


_COMMA: Final = frozenset(",")


def arguments(source: Source, start: int, end: int) -> list[tuple[int, int]]:
    """Return the spans of arguments: what stands between commas outside of brackets."""
    return [(at, to) for at, to in split(source, start, end, _COMMA) if at < to]


def flat(source: Source, start: int, end: int) -> Iterator[tuple[int, Token]]:
    """Yield the tokens of a span that stand outside of brackets, with the brackets themselves."""
    tokens, closing, at = source.tokens, source.closing, start
    while at < end:
        yield at, tokens[at]
        inside = closing.get(at)
        at = at + 1 if inside is None else max(inside, at + 1)


def shown(source: Source, start: int, end: int) -> str:
    """Return the text of a span, at most some dozen characters of it."""
    if start >= end:
        return ""
    tokens = source.tokens
    return source.text[tokens[start].start : min(tokens[end - 1].end, tokens[start].start + _WORDS_SHOWN)]


def candidates(source: Source, start: int, end: int, language: Language, depth: int = 0) -> list[Template]:
    """Return the templates that an expression may evaluate to: one for each of its choices, MOST at most."""
    start, end = _bare(source, start, end)
    if start >= end:
        return []
    if depth >= _DEEPEST:
        return [hole(shown(source, start, end))]
    spans = _choices(source, start, end, language)
    if len(spans) == 1:
        return _concatenated(source, *spans[0], language, depth)
    found: list[Template] = []
    for span in spans:
        found += candidates(source, *span, language, depth + 1)
    return found[:MOST]


def _bare(source: Source, start: int, end: int) -> tuple[int, int]:
    """Return a span without the brackets around all of it."""
    for _ in range(_DEEPEST):
        if start < end and source.tokens[start].text == "(" and source.closing.get(start) == end - 1:
            start, end = start + 1, end - 1
        else:
            break
    return start, end


def _choices(source: Source, start: int, end: int, language: Language) -> list[tuple[int, int]]:
    """Return the spans that the value may come from: ``a if c else b``, ``c ? a : b``, ``a || b``."""
    marks: list[tuple[int, str]] = []
    for index, token in flat(source, start, end):
        if (token.kind == NAME and token.text in ("if", "else", "or", "then")) or (
            token.kind == OPERATOR and (token.text in ("?", ":") or token.text in language.choices)
        ):
            marks.append((index, token.text))
    if not marks:
        return [(start, end)]
    words = [text for _, text in marks]
    if "if" in words and "else" in words:
        return _conditional(source, start, end, marks)
    if "?" in words and ":" in words:
        first = words.index("?")
        colon = next((at for at, text in marks[first + 1 :] if text == ":"), 0)
        if colon:
            return [(marks[first][0] + 1, colon), (colon + 1, end)]
    either = [at for at, text in marks if text in language.choices]
    return [(one + 1, other) for one, other in zip([start - 1, *either], [*either, end], strict=True)]


def _conditional(source: Source, start: int, end: int, marks: list[tuple[int, str]]) -> list[tuple[int, int]]:
    condition = next(at for at, text in marks if text == "if")
    otherwise = next((at for at, text in marks if text == "else" and at > condition), end)
    if condition > start:  # Python: a if c else b
        return [(start, condition), (otherwise + 1, end)]
    behind = source.closing.get(condition + 1, condition) + 1  # if (c) a else b
    return [(behind, otherwise), (otherwise + 1, end)]


def _concatenated(source: Source, start: int, end: int, language: Language, depth: int) -> list[Template]:
    spans = split(source, start, end, language.concat)
    found: list[list[Template]] = [[]]
    for span in spans:
        options = _operand(source, *span, language, depth) or [HOLE]
        if len(options) == 1:
            for one in found:
                one.append(options[0])
        else:
            found = [[*one, option] for one in found for option in options][:MOST]
    return [joined(one) for one in found]


def _operand(source: Source, start: int, end: int, language: Language, depth: int) -> list[Template]:
    tokens = source.tokens
    while start < end and tokens[start].text in _BEFORE and tokens[start].kind != STRING:
        start += 1
    if start >= end:
        return []
    first = tokens[start]
    if first.kind == STRING:
        return _literal(source, start, end, language)
    if first.text == "(":
        close = source.closing.get(start, end)
        inner = candidates(source, start + 1, min(close, end), language, depth + 1)
        return [_after(source, min(close + 1, end), end, language, one) for one in inner]
    if first.kind == NAME or first.text == "\\":
        return _call(source, start, end, language, depth)
    return [hole(shown(source, start, end))]


def _literal(source: Source, start: int, end: int, language: Language) -> list[Template]:
    tokens, at = source.tokens, start
    parts = []
    while at < end and tokens[at].kind == STRING and (language.adjacent or at == start):
        parts.append(of_pieces(tokens[at].pieces))
        at += 1
    return [_after(source, at, end, language, joined(parts))]


def _after(source: Source, at: int, end: int, language: Language, template: Template) -> Template:
    """Return a template with what is done to it behind: ``% x``, ``.format(x)``, ``.concat(x)``, ``.strip()``."""
    tokens = source.tokens
    for _ in range(_DEEPEST):
        if at >= end:
            return template
        if tokens[at].text == "%" and language.percent:
            return percent(template, _values(source, at + 1, end))
        if tokens[at].text not in _MEMBERS or at + 1 >= end:
            return HOLE
        name = tokens[at + 1].text.lower()
        opened = at + 2 if at + 2 < end and tokens[at + 2].text == "(" else -1
        close = min(source.closing.get(opened, end), end)
        inside = arguments(source, opened + 1, close) if opened >= 0 else []
        at = close + 1 if opened >= 0 else at + 2
        if name in _FORMAT:
            template = _format(template, [shown(source, *span) for span in inside], language, name)
        elif name == "concat":
            template = joined([template, *(_one(source, *span, language) for span in inside)])
        elif name in _TRANSLATE:
            template = translated(template)
        elif name not in _SAME:
            return HOLE
    return HOLE


def _one(source: Source, start: int, end: int, language: Language) -> Template:
    found = candidates(source, start, end, language, _DEEPEST - 1)
    return found[0] if len(found) == 1 else hole(shown(source, start, end))


def _values(source: Source, start: int, end: int) -> list[str]:
    """Return the expressions of a tuple, a list or one value."""
    if start < end and source.tokens[start].text in ("(", "[") and source.closing.get(start) == end - 1:
        start, end = start + 1, end - 1
    return [shown(source, *span) for span in arguments(source, start, end)]


def _format(template: Template, values: list[str], language: Language, name: str) -> Template:
    by_braces = language.braces and name not in ("sprintf", "strformat", "vsprintf")
    return (
        braces(template, values)
        if by_braces or (language.name == "cpp" and name == "format")
        else percent(template, values)
    )


def _call(source: Source, start: int, end: int, language: Language, depth: int) -> list[Template]:
    """Return what a call of a known kind evaluates to: it formats, translates, or gives its argument back."""
    opened, name = callee(source, start, end)
    if opened < 0:
        return [hole(shown(source, start, end))]
    close = min(source.closing.get(opened, end), end)
    spans = arguments(source, opened + 1, close)
    lower = name.lower()
    if not spans or lower not in _KNOWN:
        return [hole(shown(source, start, end))]
    first = next((at for at, span in enumerate(spans) if _begins_by_string(source, *span)), 0)
    found = candidates(source, *_unnamed(source, *spans[first]), language, depth + 1)
    if lower in _FORMAT:
        rest = [shown(source, *span) for span in spans[first + 1 :]]
        found = [_format(one, rest, language, lower) for one in found]
    elif lower in _TRANSLATE:
        found = [translated(one) for one in found]
    return [_after(source, close + 1, end, language, one) for one in found]


def _begins_by_string(source: Source, start: int, end: int) -> bool:
    start, end = _unnamed(source, start, end)
    return start < end and source.tokens[start].kind == STRING


def _unnamed(source: Source, start: int, end: int) -> tuple[int, int]:
    """Return an argument without its name: ``detail="…"``, ``message: "…"``."""
    tokens = source.tokens
    if end - start > 2 and tokens[start].kind in (NAME, STRING) and tokens[start + 1].text in ("=", ":", "=>"):  # noqa: PLR2004  name, sign, value
        return start + 2, end
    return start, end


def callee(source: Source, start: int, end: int) -> tuple[int, str]:
    """Return where the brackets of the call that begins here open, and the last part of its name; -1 for no call."""
    tokens, at, name = source.tokens, start, ""
    while at < end:
        token = tokens[at]
        if token.kind == NAME:
            name = token.text
        elif token.text == "!" and name:
            name += "!"
        elif token.text == "(":
            return (at, name) if name else (-1, "")
        elif token.text == "<" and name:
            at = next((to for to in range(at, min(at + _ARGUMENTS, end)) if tokens[to].text == ">"), end)
        elif token.text not in _MEMBERS and token.text != "<>":
            return -1, ""
        at += 1
    return -1, ""


def texts(source: Source, start: int, end: int, language: Language, depth: int = 0) -> tuple[list[Template], list[str]]:
    """Return the templates within what is raised, and the plain variables that are passed.

    Looked into: arguments of the error that is made (and of errors made within), values of an object, the choices of
    each argument.
    """
    start, end = _bare(source, *_unnamed(source, start, end))
    tokens = source.tokens
    made = start < end and tokens[start].text == "new"
    while start < end and tokens[start].text in _BEFORE and tokens[start].kind != STRING:
        start += 1
    if start >= end or depth >= _DEEPEST:
        return [], []
    if tokens[start].text in ("{", "["):
        return _each(source, start + 1, min(source.closing.get(start, end), end), language, depth)
    opened, name = callee(source, start, end) if tokens[start].kind == NAME or tokens[start].text == "\\" else (-1, "")
    if opened >= 0 and (made or depth == 0 or _is_error(name)) and name.lower() not in _FILLED:
        close = min(source.closing.get(opened, end), end)
        if close + 1 < end and tokens[close + 1].text == "(":  # type(error)(f"…")
            opened, close = close + 1, min(source.closing.get(close + 1, end), end)
        found, variables = _each(source, opened + 1, close, language, depth)
        return found + [one for plain in found for one in unfilled(plain)], variables
    variable = is_variable(source, start, end)
    if variable:
        return [], [variable]
    return [one for one in candidates(source, start, end, language) if any(map(str.strip, one.constants))], []


def _each(source: Source, start: int, end: int, language: Language, depth: int) -> tuple[list[Template], list[str]]:
    found: list[Template] = []
    variables: list[str] = []
    for span in arguments(source, start, end)[:MOST]:
        inside, names = texts(source, *span, language, depth + 1)
        found += inside
        variables += names
    return found[: 2 * MOST], variables


def is_variable(source: Source, start: int, end: int) -> str:
    """Return the name of a plain variable that is all of a span, '' where it is none."""
    return source.tokens[start].text if end - start == 1 and source.tokens[start].kind == NAME else ""


def _is_error(name: str) -> bool:
    return name[:1].isupper() or name.lower().endswith(_ERRORS)
