"""Puts parameters into the template of a message: by place, by number, by name, as programs of all languages write.

One pass over the template, never ``%`` or ``format``: a hostile template (``%999999999d``) makes both expensive.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, Final

from app.normalise.fields import plain
from app.normalise.text import MESSAGE, tidy

_PERCENT: Final = re.compile(
    r"%(?:%|(?:\((?P<name>[^()]{1,64})\)|(?P<number>\d{1,3})\$)?[-+#0,]{0,4}\d{0,4}(?:\.\d{0,4})?[hlLqjzt]{0,2}"
    r"[diouxXeEfFgGcrsaOjnbv@](?![A-Za-z]{2}))"
)
"""``%s``, ``%(name)s``, ``%1$s``, ``%05.2f``, ``%%``. No blank as a flag: ``100% of`` is text. A conversion that is
followed by two letters is a word behind a percent sign (``5%discount``)."""

_BRACES: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_][\w.]{0,63}|\d{0,3})(?:![rsa])?(?:[:,][^{}]{0,64})?\}")
"""``{}``, ``{0}``, ``{name}``, with conversion and format; ``{{`` and ``}}`` stand for one brace."""

_MISSING: Final = object()


def filled(template: str, params: Any) -> str:  # noqa: ANN401  any JSON value
    """Return the template with parameters put in; a place without its parameter stays as it is.

    ``params`` is a list (by place or number) or an object (by name, else by the order of its values).
    """
    if not isinstance(params, list | dict) or not params:
        return template
    pattern = _style(template, len(params))
    in_order = chain(params if isinstance(params, list) else params.values(), repeat(_MISSING))

    def fill(match: re.Match[str]) -> str:
        if match[0] in _ESCAPES:
            return match[0][0]
        value = _parameter(match, params, in_order)
        return match[0] if value is _MISSING else text_of(value)

    return pattern.sub(fill, template)[:MESSAGE]


_ESCAPES: Final = frozenset(("%%", "{{", "}}"))


def _style(template: str, count: int) -> re.Pattern[str]:
    """Return the pattern of the style that the template is written in: the one with as many places as parameters."""
    percents, braces = (sum(match[0] not in _ESCAPES for match in style.finditer(template)) for style in _STYLES)
    if not percents or not braces:
        return _PERCENT if percents or ("%%" in template and not braces) else _BRACES
    return _BRACES if braces == count != percents else _PERCENT


_STYLES: Final = (_PERCENT, _BRACES)


def _parameter(match: re.Match[str], params: Any, in_order: Iterator[object]) -> object:  # noqa: ANN401  a list or an object
    name = match["name"] or ""
    if match.re is _PERCENT and match["number"]:
        return _at(params, int(match["number"]) - 1)
    if name.isdigit() and isinstance(params, list):
        return _at(params, int(name))
    if not name:
        return next(in_order)
    return _named(params, name)


def _at(params: Sequence[object] | Mapping[str, object], index: int) -> object:
    values = params if isinstance(params, list) else list(params.values()) if isinstance(params, dict) else []
    return values[index] if 0 <= index < len(values) else _MISSING


def _named(params: object, name: str) -> object:
    return params.get(name, _MISSING) if isinstance(params, dict) else _MISSING


def text_of(value: object) -> str:
    """Return any JSON value as text: text as it is, numbers and booleans as JSON has them, null, else JSON."""
    if value is None:
        return "null"
    if isinstance(value, str | bool | int | float):
        return plain(value, MESSAGE)
    return json.dumps(tidy(value), ensure_ascii=False, separators=(",", ":"))[:MESSAGE]
