"""Names of C++, Rust, Swift and Objective-C functions as they count; by Socorro's rules (siggen), in own words."""

import re
from typing import Final

_RUST_HASH: Final = re.compile(r"::h[0-9a-f]{16}\b")
_CLONES: Final = re.compile(
    r"\s*\[clone [^\]]{0,60}\]|\.(?:cold|part|isra|constprop|llvm|lto_priv)(?:\.\d+)*(?=\.|$)|@@?GLIBC\w*[\d.]*"
)
_LAMBDA: Final = re.compile(
    r"\{lambda\([^)]{0,400}\)#\d+\}|<?lambda_[0-9a-f]{32}>?|\$_\d+|'lambda\d*'(?:\([^)]{0,400}\))?|\{\{closure\}\}(?:<[^>]{0,200}>)?"
)
_ANONYMOUS: Final = re.compile(r"`anonymous[ -]namespace'|\?A0x[0-9a-f]{8}|\{anonymous\}|<unnamed>|\(anonymous class\)")
_SWIFT: Final = re.compile(
    r"(?:(?:partial apply forwarder|reabstraction thunk helper|protocol witness|thunk|closure #\d+)"
    r"[^ ]* (?:for|in|from) )+"
)
_METHOD: Final = re.compile(r"(?:__\d+)?([-+]\[[^\]]{1,400}\])")
_BLOCK: Final = re.compile(r"_block_invoke(?:_?\d+)?")
_OPERATOR: Final = re.compile(r"\boperator\s*(?:<<=?|>>=?|<=>|<=|>=|<|>|->\*?|\(\))")
_ADJUSTOR: Final = re.compile(r"`(?:adjustor|vtordisp|vcall)[^']{0,60}'\s*")
_SPACES: Final = re.compile(r"\s+(?=[*&,)])")
_KEPT: Final = ("<name omitted>", "<unknown in ", "<impl ")
_OPEN, _CLOSE = "<([{", ">)]}"


def native_name(name: str) -> str:
    """Give a demangled name without return type, arguments, template arguments and the compiler's numbers."""
    if "[" in name and (method := _METHOD.match(name)):
        return method[1]
    if name.startswith(_KEPT[:2]):
        return name
    text = _CLONES.sub("", _RUST_HASH.sub("", name))
    text = _LAMBDA.sub("$", _ANONYMOUS.sub("(anonymous namespace)", text))
    text = _BLOCK.sub("", _ADJUSTOR.sub("", _SWIFT.sub("", text)))
    operators = _OPERATOR.findall(text)
    text = _OPERATOR.sub("operator\x01", text)
    text = _last(_folded(text)).replace("[thunk]:", "")
    for operator in operators[:8]:
        text = text.replace("operator\x01", operator, 1)
    return text.replace("::$::$", "::$") or name


def _folded(text: str) -> str:
    """Drop arguments, fold template arguments to <T>; keep (anonymous namespace) and Rust's <x as y>."""
    result: list[str] = []
    depth, start, opened = 0, 0, ""
    for at, letter in enumerate(text):
        if letter in _OPEN and letter in "<(":
            if depth == 0:
                start, opened = at, letter
            depth += 1
        elif letter in ">)" and depth and text[at - 1] != "-":
            depth -= 1
            if depth == 0:
                result.append(_piece(text[start : at + 1], opened))
        elif depth == 0:
            result.append(letter)
    if depth:
        result.append("<T>" if opened == "<" else "")
    return "".join(result)


def _piece(text: str, opened: str) -> str:
    if opened == "(":
        return text if text == "(anonymous namespace)" else "()\x02"
    return text.replace(" ", "\x03") if " as " in text else "<T>"


def _last(text: str) -> str:
    """Cut what follows the arguments and what stands before the name: return type, storage, const."""
    head = text.partition("()\x02")[0] if "()\x02" in text else text
    head = head.replace("(anonymous namespace)", "\x04").strip()
    for tail in (" const", " volatile", " &&", " &", " noexcept"):
        head = head.removesuffix(tail)
    keep = head.rpartition("operator ")
    name = keep[0].rpartition(" ")[2] + keep[1] + keep[2] if keep[1] else head.rpartition(" ")[2]
    return name.lstrip("*&").replace("\x03", " ").replace("\x04", "(anonymous namespace)")
