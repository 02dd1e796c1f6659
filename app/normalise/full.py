"""Adds what only an event's page shows: source context, variables, request, breadcrumbs, contexts, extra."""

from typing import Any

from app.model import Breadcrumb, Event, Frame
from app.normalise.fields import plain
from app.normalise.sentry_shape import FullFrame, FullSentryEvent
from app.normalise.text import BREADCRUMBS, IMAGES, MESSAGE, SHORT, SOURCE, Notes, tidy
from app.normalise.times import milliseconds


def frame(frame: Frame, raw: FullFrame) -> None:
    """Add the lines around the failing one, numbered, and the variables."""
    lines(frame, raw.pre_context, raw.post_context)
    frame.vars = _object(raw.vars)


def lines(frame: Frame, pre_context: Any, post_context: Any) -> None:  # noqa: ANN401  any JSON values
    """Add the lines around the failing one, numbered, where its own number is known."""
    before, after = _lines(pre_context), _lines(post_context)
    if frame.line is not None and (before or after or frame.source):
        numbered = [*before, frame.source, *after]
        first = frame.line - len(before)
        frame.context = [(first + index, text) for index, text in enumerate(numbered)]


def sentry(event: Event, raw: FullSentryEvent[FullFrame], notes: Notes) -> None:
    """Add request, contexts, extra, modules and breadcrumbs of a Sentry event."""
    event.request = _object(raw.request)
    event.contexts = _object(raw.contexts)
    event.extra = _object(raw.extra)
    event.modules = {key: plain(value) for key, value in _object(raw.modules).items()}
    meta = raw.debug_meta.get("images") if isinstance(raw.debug_meta, dict) else None
    event.images = [tidy(image) for image in meta[:IMAGES] if isinstance(image, dict)] if isinstance(meta, list) else []
    crumbs = raw.breadcrumbs.get("values") if isinstance(raw.breadcrumbs, dict) else raw.breadcrumbs
    event.breadcrumbs = breadcrumbs(crumbs, notes)


def breadcrumbs(value: Any, notes: Notes) -> list[Breadcrumb]:  # noqa: ANN401  any JSON value
    """Return the last BREADCRUMBS of a list of either protocol's breadcrumbs, oldest first."""
    if not isinstance(value, list):
        return []
    if len(value) > BREADCRUMBS:
        notes.add(f"more than {BREADCRUMBS} breadcrumbs: the oldest dropped")
    return [_breadcrumb(item) for item in value[-BREADCRUMBS:] if isinstance(item, dict)]


def _breadcrumb(item: dict[str, Any]) -> Breadcrumb:
    fields = {key.lower(): part for key, part in item.items()}
    return Breadcrumb(
        time=milliseconds(fields.get("timestamp")),
        type=plain(fields.get("type")),
        category=plain(fields.get("category")),
        level=plain(fields.get("level")),
        message=plain(fields.get("message"), MESSAGE),
        data=_object(fields.get("data")) or _object(fields.get("customdata")),
    )


def _lines(value: Any) -> list[str]:  # noqa: ANN401  any JSON value
    return [plain(text, SOURCE) for text in value[:SHORT]] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    return tidy(value) if isinstance(value, dict) else {"value": tidy(value)} if value else {}
