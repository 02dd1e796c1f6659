"""Reads browser, operating system and device from a User-Agent, for events whose SDK does not send them.

The rules are ua-parser's (https://github.com/ua-parser/uap-core), pinned in pyproject.toml: what they return becomes
part of stored documents. They run on Rust's regex, in time linear in the text.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from app.model import Event, Facts

if TYPE_CHECKING:
    from ua_parser import Parser

LONGEST: Final = 512
"""Characters that are read; browsers send at most about 350."""

REMEMBERED: Final = 4096
"""User-Agents whose result is cached: some 4 MB at most."""

_BROWSER: Final = "Mozilla/"
"""How the User-Agent of every browser begins. That of a request to ingest is else an HTTP library's."""

_EXPECTED: Final = {"browser": "name", "os": "name", "device": "model"}
"""The key by which a context names its subject."""

Contexts = dict[str, Any]


def user_agent_of(headers: Any, facts: Facts) -> str:  # noqa: ANN401  any JSON value
    """Return the User-Agent of an event's request, else that of the browser which sent the event, '' for none."""
    pairs = headers.items() if isinstance(headers, dict) else headers if isinstance(headers, list) else ()
    for pair in pairs:
        if isinstance(pair, tuple | list) and len(pair) == 2 and _is_user_agent(pair[0]):  # noqa: PLR2004  a pair
            value = pair[1][0] if isinstance(pair[1], list) and pair[1] else pair[1]
            return value[:LONGEST] if isinstance(value, str) else ""
    return facts.user_agent[:LONGEST] if facts.user_agent.startswith(_BROWSER) else ""


def _is_user_agent(name: object) -> bool:
    return isinstance(name, str) and len(name) == len("user-agent") and name.lower() == "user-agent"


def contexts_of(event: Event) -> Contexts:
    """Return an event's contexts; ``browser``, ``os`` and ``device`` are its User-Agent's where the SDK sends none."""
    if not event.user_agent or all(_names(event.contexts, name, key) for name, key in _EXPECTED.items()):
        return event.contexts
    contexts = dict(event.contexts)
    for name, inferred in _inferred(event.user_agent).items():
        if not _names(contexts, name, _EXPECTED[name]):
            sent = contexts.get(name)
            contexts[name] = {**(sent if isinstance(sent, dict) else {}), **inferred}
    return contexts


def _names(contexts: Contexts, name: str, key: str) -> bool:
    context = contexts.get(name)
    return isinstance(context, dict) and bool(context.get(key))


@lru_cache(REMEMBERED)
def _inferred(user_agent: str) -> dict[str, dict[str, str]]:
    result = _parser().parse(user_agent)
    contexts: dict[str, dict[str, str | None]] = {}
    if result.user_agent:
        contexts["browser"] = {"name": result.user_agent.family, "version": _version(result.user_agent)}
    if result.os:
        contexts["os"] = {"name": result.os.family, "version": _version(result.os)}
    if result.device:
        contexts["device"] = {
            "family": result.device.family,
            "brand": result.device.brand,
            "model": result.device.model or result.device.family,
        }
    return {name: {key: text for key, text in context.items() if text} for name, context in contexts.items()}


def _version(part: Any) -> str:  # noqa: ANN401  a browser or an operating system
    numbers = (part.major, part.minor, part.patch, part.patch_minor)
    return ".".join(number for number in numbers if number)


@cache
def _parser() -> "Parser":
    """Return the parser; its modules and rules take 0.3 s and 30 MB, once a User-Agent comes."""
    from ua_parser import Parser, loaders, regex  # noqa: PLC0415  most processes read no User-Agent

    return Parser(regex.Resolver(loaders.load_builtins()))
