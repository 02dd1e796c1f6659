"""Reads the message of a Sentry event, in whichever field and shape it comes."""

import re
from collections.abc import Callable
from typing import Any, Final

from app.normalise.fields import plain
from app.normalise.sentry_shape import LightFrame, LogEntry, SentryEvent
from app.normalise.text import MESSAGE, Notes

_PLACE: Final = re.compile(r"%[sdifrxo]|\{\w{0,32}\}")


Fill = Callable[[str, Any], str]


def message_of(raw: SentryEvent[LightFrame], notes: Notes, fill: Fill) -> tuple[str, str]:
    """Return (formatted message, template before its parameters were put in), '' for each that is not sent.

    ``fill`` returns a template with its parameters put in, for SDKs that send no formatted message.
    """
    for field in (raw.logentry, raw.message):
        if isinstance(field, str) and field:
            return notes.cut(field, MESSAGE, "message"), ""
        if isinstance(field, LogEntry) and (field.formatted or field.message):
            return _of_entry(field, notes, fill)
    if raw.csp is not None:
        return notes.cut(f"{raw.csp.effective_directive}: blocked {raw.csp.blocked_uri}", MESSAGE, "csp"), ""
    return "", ""


def _of_entry(entry: LogEntry, notes: Notes, fill: Fill) -> tuple[str, str]:
    template = notes.cut(entry.message, MESSAGE, "message")
    formatted = notes.cut(entry.formatted, MESSAGE, "message") or fill(template, entry.params)
    return formatted[:MESSAGE], template if template != formatted else ""


def filled_in_order(template: str, params: Any) -> str:  # noqa: ANN401  any JSON value
    """Return the template with its parameters put in by their order alone, as n1 does.

    Never by ``%`` or ``format``: a hostile template (``%999999999d``) makes both expensive.
    """
    if not isinstance(params, list | dict) or not params:
        return template
    in_order = iter(params if isinstance(params, list) else params.values())
    return _PLACE.sub(lambda match: plain(next(in_order, match[0])) or match[0], template)
