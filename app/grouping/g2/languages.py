"""How each language writes strings, joins them and ends a statement: what ``tokens`` and ``expressions`` go by."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

Expression = re.Pattern[str]


class Quote(NamedTuple):
    """One kind of string, from its opening mark."""

    end: str
    stops: Expression
    """What ends a run of plain text: the end, an escape, a hole's beginning, a line's end where it is one line."""
    raw: str = ""
    """'' for escapes as in C, ``quotes`` where only quote and backslash are escaped, ``all`` where nothing is."""
    doubled: Mapping[str, str] = MappingProxyType({})
    """What stands for a mark itself: ``{{`` for ``{``."""
    lines: bool = False
    """It may go over several lines."""
    specified: bool = False
    """A hole may end in conversion and format (``!r:>8``)."""


class Language(NamedTuple):
    """One language's syntax."""

    name: str
    tokens: Expression
    quotes: dict[str, Quote]
    within: Expression
    """What matters within a hole: quotes, brackets, line ends."""
    concat: frozenset[str]
    choices: frozenset[str]
    enders: frozenset[str]
    """Operators that may end a statement: others go on in the next line."""
    leaders: Expression | None
    """How a line begins that goes on with the statement before."""
    adjacent: bool = False
    """Neighbouring strings are one."""
    percent: bool = False
    """``"…" % (a, b)`` formats."""
    braces: bool = False
    """``.format`` and the formatting calls fill ``{}``; else ``%s``."""
    commands: bool = False
    """Arguments may stand without brackets; ``if`` and its kin may follow a statement."""


_CLOSERS: Final = frozenset(")]};!?") | {"++", "--"}
_ALL: Final = frozenset("""()[]{};:,.!?+-*/%&|^~<>=@$#\\`'\"""") | {"->", "=>", "::", "||", "&&", "<>", "..."}
_LEADERS: Final = re.compile(r"\s*(?:\.(?!\.)|\+(?!\+)|->|\?\.|\?\?|[?:](?!:)|\|\||&&|<>|\|>)")
_ESCAPE: Final = r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[\s\S]|\Z)"
_OPERATORS: Final = r"\?\.|\?\?|\?:|\|\||\|>|&&|->|=>|::|<>|<<|\+\+|--|[=!]==?|\.\.\.|[^\w\s]"
_HOLES: Final = {
    "braces": r"\{", "dollar braces": r"\$\{", "hash": r"#\{|#@{1,2}\w{1,80}",
    "php": r"\{(?=\$)|\$\{|\$[^\W\d]\w{0,80}(?:->[^\W\d]\w{0,80}|\[[^\]\n]{0,80}\])?",
    "dollar": r"\$\{|\$[^\W\d]\w{0,80}",
    "perl": r"[$@]\{|[$@]\w{1,80}(?:::\w{1,80})*(?:->)?(?:[\[{][^\]}\n]{0,80}[\]}])?",
    "parens": r"\\\(",
}  # fmt: skip


def _quote(
    end: str,
    holes: str = "",
    *,
    raw: str = "",
    doubled: Iterable[str] = (),
    lines: bool = False,
    specified: bool = False,
) -> Quote:
    """Return a kind of string; ``holes`` names how its holes begin."""
    parts = [re.escape(mark) for mark in doubled]
    parts += [_HOLES[holes]] if holes else []
    parts += [_ESCAPE] if raw != "all" else []
    parts += [re.escape(end)] + ([] if lines else [r"\n"])
    halves = {mark: mark[: len(mark) // 2] for mark in doubled}
    return Quote(end, re.compile("|".join(parts)), raw, halves, lines, specified)


def _tokens(
    strings: str,
    comments: str,
    *,
    names: str = r"[^\W\d]\w*",
    numbers: str = r"\d[\w.]*",
    joined: bool = False,
    regex: bool = False,
) -> Expression:
    """Return the alternation of a language's tokens; the name of the group that matched is the kind."""
    parts = [
        ("space", r"[ \t\r\f]+"), ("line", r"\n"), ("joined", r"\\[ \t]*\r?\n" if joined else r"(?!)"),
        ("comment", comments),
        ("string", strings), ("slash", "/" if regex else r"(?!)"), ("number", numbers), ("name", names),
        ("operator", _OPERATORS),
    ]  # fmt: skip
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in parts if pattern != r"(?!)"))


_HASH: Final = r"#[^\n]*"
_SLASHES: Final = r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
_CHARACTER: Final = r"\d[\w.]*|'(?:\\[^\n]|[^'\\\n])'"
_WITHIN: Final = re.compile(r"\\[\s\S]|[\"'`{}()\n]")
_RAW_LINES: Final = {"raw": "all", "lines": True}


def _python() -> dict[str, Quote]:
    made: dict[str, Quote] = {}
    for prefix in ("", "r", "b", "u", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"):
        filled, raw = ("f" in prefix or "t" in prefix), ("all" if "r" in prefix else "")
        for end in ('"', "'", '"""', "'''"):
            made[prefix + end] = _quote(
                end, "braces" if filled else "", raw=raw, doubled=("{{", "}}") if filled else (),
                lines=len(end) > 1, specified=filled,
            )  # fmt: skip
    return made


def _double(holes: str = "", *, lines: bool = False) -> dict[str, Quote]:
    return {'"': _quote('"', holes, lines=lines)}


_TRIPLE: Final = '"""'
_RUBY_QUOTES: Final = {
    '"': _quote('"', "hash", lines=True), "'": _quote("'", raw="quotes", lines=True),
    "`": _quote("`", "hash", lines=True),
    **{f"%{kind}{opened}": _quote(end, "" if kind == "q" else "hash", raw="quotes" if kind == "q" else "", lines=True)
       for kind in ("", "q", "Q") for opened, end in ("()", "[]", "{}", "||", "!!")},
}  # fmt: skip
_ELIXIR_QUOTES: Final = {
    _TRIPLE: _quote(_TRIPLE, "hash", lines=True), '"': _quote('"', "hash", lines=True),
    "'": _quote("'", "hash", lines=True),
    **{f"~s{opened}": _quote(end, "hash", lines=True) for opened, end in ("()", "[]", "{}", "||", '""')},
}  # fmt: skip
_PERL_QUOTES: Final = {
    '"': _quote('"', "perl", lines=True), "'": _quote("'", raw="quotes", lines=True),
    **{f"q{opened}": _quote(end, raw="quotes", lines=True) for opened, end in ("()", "[]", "{}", "||")},
    **{f"qq{opened}": _quote(end, "perl", lines=True) for opened, end in ("()", "[]", "{}", "||")},
}  # fmt: skip
_CSHARP_QUOTES: Final = {
    '"': _quote('"'), '@"': _quote('"', raw="all", doubled=('""',), lines=True),
    _TRIPLE: _quote(_TRIPLE, raw="all", lines=True),
    '$"': _quote('"', "braces", doubled=("{{", "}}"), specified=True),
    f"${_TRIPLE}": _quote(_TRIPLE, "braces", raw="all", lines=True, specified=True),
    **{f'{marks}"': _quote('"', "braces", raw="all", doubled=("{{", "}}", '""'), lines=True, specified=True)
       for marks in ("$@", "@$")},
}  # fmt: skip
_DART_QUOTES: Final = {
    **{mark: _quote(mark, "dollar", lines=len(mark) > 1) for mark in ('"', "'", _TRIPLE, "'''")},
    **{f"r{mark}": _quote(mark, raw="all") for mark in ('"', "'")},
}  # fmt: skip
_SCALA_QUOTES: Final = {
    '"': _quote('"'), _TRIPLE: _quote(_TRIPLE, raw="all", lines=True),
    **{f'{kind}"': _quote('"', "dollar", doubled=("$$",)) for kind in ("s", "f")},
    **{f"{kind}{_TRIPLE}": _quote(_TRIPLE, "dollar", raw="all", doubled=("$$",), lines=True) for kind in ("s", "f")},
}  # fmt: skip
_C_QUOTES: Final = {'"': _quote('"'), 'R"(': _quote(')"', raw="all", lines=True)}


def _language(
    name: str,
    quotes: dict[str, Quote],
    tokens: Expression,
    *,
    concat: tuple[str, ...] = ("+",),
    choices: tuple[str, ...] = ("||", "??"),
    enders: frozenset[str] = _CLOSERS,
    leaders: Expression | None = _LEADERS,
    **flags: bool,
) -> Language:
    return Language(
        name, tokens, quotes, _WITHIN, frozenset(concat), frozenset(choices), enders, leaders, **flags
    )  # fmt: skip


def _alternatives(quotes: dict[str, Quote]) -> str:
    return "|".join(re.escape(mark) for mark in sorted(quotes, key=len, reverse=True))


_PYTHON_STRINGS: Final = r"(?:[bB][rR]?|[rR][bBfFtT]?|[fFtT][rR]?|[uU])?(?:\"\"\"|'''|\"|')"
_JS_QUOTES: Final = {'"': _quote('"'), "'": _quote("'"), "`": _quote("`", "dollar braces", lines=True)}
_PHP_QUOTES: Final = {'"': _quote('"', "php", lines=True), "'": _quote("'", raw="quotes", lines=True)}
_GO_QUOTES: Final = {'"': _quote('"'), "`": _quote("`", raw="all", lines=True)}
_JAVA_QUOTES: Final = {_TRIPLE: _quote(_TRIPLE, lines=True), '"': _quote('"')}
_KOTLIN_QUOTES: Final = {_TRIPLE: _quote(_TRIPLE, "dollar", raw="all", lines=True), '"': _quote('"', "dollar")}
_GROOVY_QUOTES: Final = {
    **_KOTLIN_QUOTES, "'": _quote("'"), "'''": _quote("'''", lines=True), _TRIPLE: _quote(_TRIPLE, "dollar", lines=True)
}  # fmt: skip
_SWIFT_QUOTES: Final = {_TRIPLE: _quote(_TRIPLE, "parens", lines=True), '"': _quote('"', "parens")}
_RUST_QUOTES: Final = {'"': _quote('"', lines=True), 'r"': _quote('"', **_RAW_LINES), 'r#"': _quote('"#', **_RAW_LINES)}  # type: ignore[arg-type]  # two named arguments
_SIGNS: Final = r"[^\W\d]\w*[!?]?"

LANGUAGES: Final = {
    one.name: one
    for one in (
        _language("python", _python(), _tokens(_PYTHON_STRINGS, _HASH, joined=True), choices=("or",), enders=_ALL,
                  leaders=None, adjacent=True, percent=True, braces=True),
        _language("js", _JS_QUOTES, _tokens(_alternatives(_JS_QUOTES), _SLASHES, names=r"[$\w]+", regex=True)),
        _language("ruby", _RUBY_QUOTES, _tokens(_alternatives(_RUBY_QUOTES), _HASH, names=_SIGNS, joined=True),
                  concat=("+", "<<"), choices=("||", "or"), adjacent=True, percent=True, commands=True),
        _language("elixir", _ELIXIR_QUOTES, _tokens(_alternatives(_ELIXIR_QUOTES), _HASH, names=_SIGNS),
                  concat=("<>",), choices=("||", "or"), adjacent=True, commands=True),
        _language("php", _PHP_QUOTES,
                  _tokens(_alternatives(_PHP_QUOTES), rf"{_SLASHES}|#(?!\[)[^\n]*", names=r"\$?[^\W\d]\w*"),
                  concat=(".",), choices=("??", "?:", "||", "or")),
        _language("go", _GO_QUOTES, _tokens(_alternatives(_GO_QUOTES), _SLASHES, numbers=_CHARACTER)),
        _language("java", _JAVA_QUOTES, _tokens(_alternatives(_JAVA_QUOTES), _SLASHES, numbers=_CHARACTER)),
        _language("kotlin", _KOTLIN_QUOTES, _tokens(_alternatives(_KOTLIN_QUOTES), _SLASHES, numbers=_CHARACTER),
                  choices=("?:",)),
        _language("scala", _SCALA_QUOTES, _tokens(_alternatives(_SCALA_QUOTES), _SLASHES, numbers=_CHARACTER)),
        _language("groovy", _GROOVY_QUOTES, _tokens(_alternatives(_GROOVY_QUOTES), _SLASHES), choices=("?:",)),
        _language("csharp", _CSHARP_QUOTES, _tokens(_alternatives(_CSHARP_QUOTES), _SLASHES, numbers=_CHARACTER),
                  choices=("??",), braces=True),
        _language("swift", _SWIFT_QUOTES, _tokens(_alternatives(_SWIFT_QUOTES), _SLASHES), choices=("??",)),
        _language("dart", _DART_QUOTES, _tokens(_alternatives(_DART_QUOTES), _SLASHES), choices=("??",), adjacent=True),
        _language("rust", _RUST_QUOTES,
                  _tokens(_alternatives(_RUST_QUOTES), _SLASHES, numbers=_CHARACTER, names=_SIGNS), braces=True),
        _language("cpp", _C_QUOTES, _tokens(_alternatives(_C_QUOTES), _SLASHES, numbers=_CHARACTER),
                  concat=("+", "<<"), adjacent=True),
        _language("perl", _PERL_QUOTES,
                  _tokens(_alternatives(_PERL_QUOTES), _HASH, names=r"[$@%]?[^\W\d]\w*(?:::\w+)*"),
                  concat=(".",), choices=("||", "//", "or"), commands=True),
    )
}  # fmt: skip

_EXTENSIONS: Final = {
    "py": "python", "pyx": "python", "pyw": "python", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js", "ts": "js",
    "tsx": "js",
    "mts": "js", "cts": "js", "vue": "js", "svelte": "js", "rb": "ruby", "rake": "ruby", "erb": "ruby", "ex": "elixir",
    "exs": "elixir", "php": "php", "phtml": "php", "go": "go", "java": "java", "kt": "kotlin", "kts": "kotlin",
    "scala": "scala",
    "groovy": "groovy", "cs": "csharp", "swift": "swift", "dart": "dart", "rs": "rust", "c": "cpp", "cc": "cpp",
    "cpp": "cpp",
    "cxx": "cpp", "h": "cpp", "hpp": "cpp", "m": "cpp", "mm": "cpp", "pl": "perl", "pm": "perl", "cgi": "perl",
}  # fmt: skip
_PLATFORMS: Final = {
    "python": "python", "javascript": "js", "node": "js", "react-native": "js", "ruby": "ruby", "elixir": "elixir",
    "php": "php",
    "go": "go", "java": "java", "kotlin": "kotlin", "android": "kotlin", "scala": "scala", "groovy": "groovy",
    "csharp": "csharp", "dotnet": "csharp", "swift": "swift", "cocoa": "swift", "objc": "cpp", "rust": "rust",
    "native": "cpp",
    "c": "cpp", "perl": "perl", "dart": "dart", "flutter": "dart",
}  # fmt: skip


def language_of(platform: str, path: str) -> Language | None:
    """Return the language of a frame by its file's ending, else by the platform; None for one that is not known."""
    ending = path.rpartition(".")[2].partition("?")[0].lower() if "." in path[-12:] else ""
    name = _EXTENSIONS.get(ending) or _PLATFORMS.get(platform, "")
    return LANGUAGES.get(name)
