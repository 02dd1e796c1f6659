"""Names of functions and classes as they count, by family of languages: without what compilers and proxies number."""

import re
from typing import Final

from app.grouping.g1.files import stem
from app.grouping.g1.native import native_name

_JAVA_PROXY: Final = re.compile(
    r"\$\$(?:Lambda|EnhancerBy\w+?|FastClassBy\w+?|SpringCGLIB|ExternalSynthetic\w+?|InternalSynthetic\w+?|KeyFactoryBy\w+?)"
    r"(?:[$/].*|\d.*|$)|\$(?:ByteBuddy|HibernateProxy|HibernateInstantiator|MockitoMock)\$.*|_\$\$_jvst.*|\$\$_Weld\w*.*|\$Proxy\d+.*"
)
_JAVA_NUMBER: Final = re.compile(r"\$\d+(?=\$|$)")
_JAVA_TAIL: Final = re.compile(r"(?<=Accessor)\d+$|(?<=Proxy)\d+$|__\d+$")
_JAVA_LAMBDA: Final = re.compile(
    r"lambda\$(?:static\$)?([\w$]+?)\$\d+|([\w$]+?)\$lambda(?:[$-]\d+)*|(access)\$\d+|([\w$]+?)\$(?:default|suspendImpl)"
)
_NET_STATE: Final = re.compile(r"[+.]?<([^<>]{1,200})>[dce]__\d+(?:`\d+)?")
_NET_LAMBDA: Final = re.compile(r"<([^<>]{1,200})>[bg]__([\w|]+)")
_NET_CLASS: Final = re.compile(r"[+.]<>c(?:__DisplayClass[\d_]+)?")
_NET_ARITY: Final = re.compile(r"`+\d+(?:\[.*?\])?|\[\[.*")
_JS_AS: Final = re.compile(r"\s*\[as [^\]]{0,200}\]")
_JS_WORDS: Final = re.compile(r"(?:async\s|async\*|new |get |set |bound |static )+")
_RUBY_BLOCK: Final = re.compile(r"(?:(?:block|rescue|ensure)(?: \(\d+ levels\))? in )+")
_RUBY_VIEW: Final = re.compile(r"__+\d+_\d+$")
_PHP_ANONYMOUS: Final = re.compile(
    r"class@anonymous[^:]*(?::\d+)?[^:]*(?=::|$)|([\w\\]+)@anonymous[^:]*(?::\d+)?[^:]*(?=::|$)"
)
_PHP_CLOSURE: Final = re.compile(r"\{closure:(.{1,300}?)(?:\(\))?:\d+\}")
_GO_CLOSURE: Final = re.compile(r"(?:\.(?:func\d+|gowrap\d+|deferwrap\d+|\d+))+$|-fm$|\.glob\.(?=\.func)")
_GO_GENERIC: Final = re.compile(r"\[[^\]]{0,200}\]")
_COMPREHENSIONS: Final = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")


def java(module: str, function: str) -> tuple[str, str]:
    """Fold lambdas, accessors, anonymous classes and generated proxies."""
    if "$" in module or module[-1:].isdigit():
        module = _JAVA_TAIL.sub("", _JAVA_NUMBER.sub("$N", _JAVA_PROXY.sub("", module)))
    if "$" in function:
        found = _JAVA_LAMBDA.fullmatch(function)
        function = next((name for name in found.groups() if name), function) if found else function
    elif "__" in function:
        function = _JAVA_TAIL.sub("", function)
    return module, function


def dotnet(module: str, function: str) -> tuple[str, str]:
    """Name state machines and lambdas by the method that they were written in."""
    if "<" in module:
        state = _NET_STATE.search(module)
        if state:
            function = state[1] if function in ("MoveNext", "") else function
            module = module[: state.start()]
        module = _NET_CLASS.sub("", module)
    if "<" in function and (found := _NET_LAMBDA.search(function)):
        local = found[2].partition("|")[0].lstrip("_")
        function = f"{found[1]}.{local}" if "|" in found[2] else found[1]
    return _NET_ARITY.sub("", module), _NET_ARITY.sub("", function.partition("(")[0])


def python(module: str, function: str) -> tuple[str, str]:
    """Name what is nested by what it is nested in, where the client gives the qualified name."""
    if "<locals>" in function:
        parts = [part for part in function.split(".") if part not in ("<locals>", "<lambda>", *_COMPREHENSIONS)]
        function = ".".join(parts) or function
    return module, function


def js(module: str, function: str) -> tuple[str, str]:
    """Give the last name alone: browsers decorate it, each in its own way."""
    text = _JS_WORDS.sub("", _JS_AS.sub("", function)).strip().removesuffix(".apply").removesuffix(".call")
    text = text.rstrip("</")
    text = text.rpartition("/")[2]
    return module, text.rpartition(".")[2].rstrip("()") or text


def ruby(module: str, function: str) -> tuple[str, str]:
    """Fold blocks into their method and drop the numbers of compiled templates."""
    text = _RUBY_BLOCK.sub("", function)
    text = _RUBY_VIEW.sub("", text) if text.startswith("_") else text
    return module, text.rpartition("#")[2].rpartition(".")[2] if "<" not in text else text


def php(module: str, function: str) -> tuple[str, str]:
    """Fold anonymous classes and name closures by where they were written, where PHP tells (8.4)."""
    if "@anonymous" in function:
        function = _PHP_ANONYMOUS.sub(lambda found: f"{found[1] or 'class'}@anonymous", function)
    return module, _PHP_CLOSURE.sub(r"\1", function)


def go(module: str, function: str) -> tuple[str, str]:
    """Name closures by their function; type arguments and wrappers do not count."""
    text = function.partition("(0x")[0].partition("({")[0]
    return module, _GO_CLOSURE.sub("", _GO_GENERIC.sub("", text)) or text


def native(module: str, function: str) -> tuple[str, str]:
    """As ``native_name``."""
    return module, native_name(function)


RULES: Final = {
    "java": java, "dotnet": dotnet, "python": python, "js": js, "ruby": ruby, "php": php, "go": go, "native": native,
}  # fmt: skip


def is_comprehension(function: str) -> bool:
    """Tell a frame that Python before 3.12 makes for a comprehension."""
    return function in _COMPREHENSIONS


def main_module(module: str, path: str) -> str:
    """Give a Python module; the one that was started goes by its file."""
    return stem(path) if module in ("__main__", "") and path else module
