"""Turns a Sentry event item into an Event: decode the fields needed, then build. Source: WIRE.md, "Sentry events"."""

from typing import Any, Final

import msgspec

from app.model import Event, Facts, Raised, Thread
from app.normalise import full as pages
from app.normalise.coerce import convert
from app.normalise.fields import fingerprint, level, plain, tags
from app.normalise.frames import frames_of, registers_of
from app.normalise.messages import message_of
from app.normalise.parse import has_nul, parse
from app.normalise.people import sentry_user
from app.normalise.rules import Rules
from app.normalise.sentry_shape import (
    ExceptionValue,
    FullFrame,
    FullSentryEvent,
    LightFrame,
    RequestField,
    SentryEvent,
    ThreadValue,
)
from app.normalise.text import EXCEPTIONS, MESSAGE, PATH, SHORT, THREADS, TYPE, Notes, tidy
from app.normalise.user_agents import user_agent_of

_Shape = SentryEvent[LightFrame]
_FullShape = FullSentryEvent[FullFrame]
_light: Final = msgspec.json.Decoder(_Shape)
_full: Final = msgspec.json.Decoder(_FullShape)


def sentry_event(facts: Facts, payload: bytes, rules: Rules, *, full: bool) -> Event:
    """Return the event of one Sentry event item. Raises Malformed for a payload that is no JSON object."""
    notes = Notes()
    event = build(facts, _decode(payload, notes, rules, full=full), notes, rules)
    event.notes = notes
    return event


def _decode(payload: bytes, notes: Notes, rules: Rules, *, full: bool) -> SentryEvent[LightFrame]:
    if not has_nul(payload) and not rules.needs_mending(payload):
        try:
            return _full.decode(payload) if full else _light.decode(payload)  # type: ignore[return-value]  # covariant: read only
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # the tolerant reader accepts it, or raises with the reason
    return tolerant(payload, notes, rules, full=full)


def tolerant(payload: bytes, notes: Notes, rules: Rules, *, full: bool) -> SentryEvent[LightFrame]:
    """Decode any JSON object; fields of a wrong type are dropped with a note. Raises Malformed."""
    value, note = parse(payload)
    if note:
        notes.add(note)
    shape = _FullShape if full else _Shape
    event: SentryEvent[LightFrame] = convert(rules.mended(value), shape, notes, lenient=rules.lenient)
    return event


def build(facts: Facts, raw: SentryEvent[LightFrame], notes: Notes, rules: Rules) -> Event:
    """Return the event of a decoded payload, whichever reader decoded it."""
    happened = rules.milliseconds(raw.timestamp)
    if happened is None and raw.timestamp is not None:
        notes.add("timestamp dropped: cannot be read")
    exceptions = _exceptions(raw, notes)
    threads = _threads(raw, exceptions, notes)
    message, template = message_of(raw, notes, rules.filled)
    sdk = raw.sdk
    event = Event(
        event_id=facts.event_id,
        project=facts.project,
        kind=facts.kind,
        received=facts.received,
        time=rules.corrected(happened, facts, notes),
        happened=happened,
        sent=facts.sent,
        platform=notes.cut(raw.platform, SHORT, "platform") or "other",
        level=level(raw.level, notes),
        logger=notes.cut(raw.logger, SHORT, "logger"),
        message=message,
        template=template,
        transaction=notes.cut(raw.transaction or raw.culprit or _template_file(raw), SHORT, "transaction"),
        release=notes.cut(rules.trimmed(raw.release or ""), SHORT, "release"),
        environment=notes.cut(rules.trimmed(raw.environment or ""), SHORT, "environment"),
        server=notes.cut(raw.server_name, SHORT, "server_name"),
        exceptions=exceptions,
        threads=threads,
        fingerprint=fingerprint(raw.fingerprint, notes),
        user=sentry_user(raw, facts, notes),
        tags=tags(raw.tags, notes),
        sdk_name=notes.cut(sdk.name, SHORT, "sdk.name") if sdk else "",
        sdk_version=notes.cut(sdk.version, SHORT, "sdk.version") if sdk else "",
        url=_url(raw.request, notes),
        user_agent=user_agent_of(_headers(raw.request), facts),
        contexts=raw.contexts if isinstance(raw.contexts, dict) else {},
        unhandled=any(raised.handled is False for raised in exceptions),
    )
    if isinstance(raw, FullSentryEvent):
        pages.sentry(event, raw, notes)
    return event


def _template_file(raw: SentryEvent[LightFrame]) -> str | None:
    return raw.template.filename if raw.template else None


def _headers(request: Any) -> object:  # noqa: ANN401  the typed field of a light event, any JSON of a full one
    if isinstance(request, RequestField):
        return request.headers
    return request.get("headers") if isinstance(request, dict) else None


def _url(request: Any, notes: Notes) -> str:  # noqa: ANN401  the typed field of a light event, any JSON of a full one
    url = (
        request.url if isinstance(request, RequestField) else request.get("url") if isinstance(request, dict) else None
    )
    return notes.cut(url if isinstance(url, str) else None, PATH, "request.url")


def _exceptions(raw: SentryEvent[LightFrame], notes: Notes) -> list[Raised]:
    field = raw.exception
    if field is None:
        return []
    values = field if isinstance(field, list) else field.values
    if values is None:
        values = [field] if not isinstance(field, list) and (field.type or field.value) else []
    present = [value for value in values if value is not None]
    if len(present) > EXCEPTIONS:
        notes.add(f"more than {EXCEPTIONS} exceptions: the middle ones dropped")
        present = present[: EXCEPTIONS // 2] + present[-EXCEPTIONS // 2 :]
    return [_raised(value, notes) for value in present]


def _raised(value: ExceptionValue[LightFrame], notes: Notes) -> Raised:
    text = value.value
    if text is not None and not isinstance(text, str):
        text = plain(text) or msgspec.json.encode(tidy(text)).decode()
    mechanism = value.mechanism
    return Raised(
        type=notes.cut(value.type, TYPE, "exception type"),
        value=notes.cut(text, MESSAGE, "exception value"),
        module=notes.cut(value.module, TYPE, "exception module"),
        handled=mechanism.handled if mechanism else None,
        mechanism=notes.cut(mechanism.type, SHORT, "mechanism") if mechanism else "",
        synthetic=bool(mechanism.synthetic) if mechanism else False,
        exception_id=mechanism.exception_id if mechanism else None,
        parent_id=mechanism.parent_id if mechanism else None,
        is_group=bool(mechanism.is_exception_group) if mechanism else False,
        thread_id=plain(value.thread_id),
        frames=frames_of(value.stacktrace or value.raw_stacktrace, notes),
        registers=registers_of(value.stacktrace or value.raw_stacktrace),
    )


def _threads(raw: SentryEvent[LightFrame], exceptions: list[Raised], notes: Notes) -> list[Thread]:
    field = raw.threads
    values = (field if isinstance(field, list) else field.values if field else None) or []
    present = [value for value in values if value is not None]
    if len(present) > THREADS:
        notes.add(f"more than {THREADS} threads: the rest dropped, the crashed and current ones kept")
        present = sorted(present, key=lambda value: not (value.crashed or value.current or value.main))[:THREADS]
    threads = [_thread(value, notes) for value in present]
    if raw.stacktrace:
        frames = frames_of(raw.stacktrace, notes)
        if not exceptions:
            threads.append(Thread(crashed=True, current=True, frames=frames))
        elif not exceptions[-1].frames:
            exceptions[-1].frames = frames
    return threads


def _thread(value: ThreadValue[LightFrame], notes: Notes) -> Thread:
    return Thread(
        id=plain(value.id),
        name=notes.cut(value.name, SHORT, "thread name"),
        crashed=bool(value.crashed),
        current=bool(value.current),
        main=bool(value.main),
        frames=frames_of(value.stacktrace or value.raw_stacktrace, notes),
        state=plain(value.state),
        registers=registers_of(value.stacktrace or value.raw_stacktrace),
    )
