"""Turns one Raygun body into an Event: decode the fields needed, then build.

Source of the shapes: WIRE.md, "Raygun crashes", "Raygun clients".
"""

from typing import Any, Final

import msgspec

from app.model import Event, Facts, Malformed, Raised
from app.normalise import fullraygun as pages
from app.normalise.clients import LOGGER, address_of, frame_of, platform_of, split_type, without_type
from app.normalise.coerce import convert
from app.normalise.fields import plain
from app.normalise.parse import has_nul, parse
from app.normalise.people import raygun_user
from app.normalise.raygun_shape import (
    FullRaygunBody,
    FullRaygunDetails,
    FullRaygunError,
    PascalRaygunBody,
    RaygunBody,
    RaygunDetails,
    RaygunError,
    RaygunFrame,
    RaygunRequest,
)
from app.normalise.rules import Rules
from app.normalise.text import EXCEPTIONS, FRAMES, MESSAGE, OUTER_FRAMES, SHORT, TYPE, Notes
from app.normalise.user_agents import user_agent_of

_light: Final = msgspec.json.Decoder(RaygunBody)
_pascal: Final = msgspec.json.Decoder(PascalRaygunBody)
_full: Final = msgspec.json.Decoder(FullRaygunBody)
_error: Final = msgspec.json.Decoder(RaygunError | None)
_full_error: Final = msgspec.json.Decoder(FullRaygunError | None)
_list: Final = msgspec.json.Decoder(list[msgspec.Raw] | None)

_NO_RELEASE: Final = frozenset(("", "not defined", "not supplied"))
_UNHANDLED: Final = frozenset(
    ("unhandledexception", "unhandledpromiserejection", "uncaughtexception", "unhandledrejection")
)
_TAGS: Final = 100
_PASCAL: Final = b'"OccurredOn"'
_HEAD: Final = 40
"""Bytes at the start of a body that show how its client spells names; a wrong guess costs a second parse."""

Body = RaygunBody | FullRaygunBody


def raygun_event(facts: Facts, payload: bytes, rules: Rules, *, full: bool) -> Event:
    """Return the event of one Raygun body. Raises Malformed for a payload that is no object with ``details``."""
    notes = Notes()
    event = build(facts, _decode(payload, notes, rules, full=full), notes, rules, full=full)
    event.notes = notes
    return event


def _decode(payload: bytes, notes: Notes, rules: Rules, *, full: bool) -> Body:
    if not has_nul(payload):
        try:
            decoder = _full if full else _pascal if _PASCAL in payload[:_HEAD] else _light
            body: Body = decoder.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # the tolerant reader accepts it, or raises with the reason
        else:
            if _is_camel(body):
                return body
    return tolerant(payload, notes, rules, full=full)


def _is_camel(body: Body) -> bool:
    """Return whether the names were spelled as the fast decoder reads them; otherwise they may only seem absent."""
    error = body.details.error
    return body.details.client is not None and error is not None and error.stack_trace is not None


def tolerant(payload: bytes, notes: Notes, rules: Rules, *, full: bool) -> Body:
    """Decode any JSON object with details, names in any case; wrong types are dropped with a note. Raises Malformed."""
    value, note = parse(payload)
    if note:
        notes.add(note)
    if not isinstance({key.lower(): item for key, item in value.items()}.get("details"), dict):
        raise Malformed("no_details", "a Raygun body needs an object details")
    shape = FullRaygunBody if full else RaygunBody
    body: Body = convert(value, shape, notes, any_case=True, lenient=rules.lenient)
    return body


def build(facts: Facts, body: Body, notes: Notes, rules: Rules, *, full: bool) -> Event:
    """Return the event of a decoded body, whichever reader decoded it."""
    details = body.details
    happened = rules.milliseconds(body.occurred_on)
    if happened is None:
        notes.add("occurredOn missing or cannot be read: the time received stands for it")
    client = (details.client.name if details.client else None) or ""
    chain = _chain(details.error, notes, rules, full=full)
    platform = platform_of(client, _frames_of(chain[-1]) if chain else [])
    tags, unhandled = _tags(details.tags, notes)
    exceptions = [_raised(error, platform, notes, full=full) for error in chain]
    if unhandled and exceptions:
        exceptions[-1].handled = False
    logger = LOGGER.fullmatch(exceptions[-1].type) if exceptions else None
    event = Event(
        event_id=facts.event_id,
        project=facts.project,
        kind=facts.kind,
        received=facts.received,
        time=rules.corrected(happened, facts, notes),
        happened=happened,
        sent=facts.sent,
        platform=platform,
        logger=logger[1] if logger else "",
        message=exceptions[-1].value if logger else "",
        release=release_of(details.version, rules),
        environment=_environment(details.user_custom_data, rules),
        server=notes.cut(details.machine_name, SHORT, "machineName"),
        exceptions=exceptions,
        fingerprint=[details.grouping_key[:SHORT]] if details.grouping_key else [],
        user=raygun_user(details.user, notes, full=full),
        tags=tags,
        sdk_name=notes.cut(client, SHORT, "client.name"),
        sdk_version=notes.cut(details.client.version, SHORT, "client.version") if details.client else "",
        url=_url(details),
        user_agent=user_agent_of(_headers(details), facts),
        contexts={"environment": details.environment} if isinstance(details.environment, dict) else {},
        unhandled=unhandled,
    )
    if isinstance(details, FullRaygunDetails):
        pages.raygun(event, details, notes)
    return event


def _chain(error: RaygunError | None, notes: Notes, rules: Rules, *, full: bool) -> list[RaygunError]:
    """Return the errors, causes first, the outermost last, at most EXCEPTIONS; walked without recursion."""
    errors: list[RaygunError] = []
    pending = [error]
    while pending:
        if len(errors) == EXCEPTIONS:
            notes.add(f"more than {EXCEPTIONS} errors: the innermost dropped")
            break
        current = pending.pop(0)
        if current is not None:
            errors.append(current)
            causes = [current.inner_error, *_several(current.inner_errors)]
            pending += [_inner(raw, notes, rules, full=full) for raw in causes]
    return errors[::-1]


def _several(raw: Any) -> list[Any]:  # noqa: ANN401  undecoded JSON, or any JSON value from the tolerant reader
    if isinstance(raw, msgspec.Raw):
        try:
            raw = _list.decode(raw)
        except msgspec.MsgspecError:
            return []
    return raw[:EXCEPTIONS] if isinstance(raw, list) else []


def _inner(raw: Any, notes: Notes, rules: Rules, *, full: bool) -> RaygunError | None:  # noqa: ANN401  as above
    if isinstance(raw, msgspec.Raw):
        try:
            error: RaygunError | None = (_full_error if full else _error).decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raw = _plain(bytes(raw))
        else:
            if error is None or error.class_name is not None or error.message is not None:
                return error
            raw = _plain(bytes(raw))
    if not isinstance(raw, dict):
        return None
    shape = FullRaygunError if full else RaygunError
    mended: RaygunError = convert(raw, shape, notes, any_case=True, lenient=rules.lenient)
    return mended


def _plain(raw: bytes) -> Any:  # noqa: ANN401  any JSON value
    try:
        return parse(raw)[0]
    except Malformed:
        return None


def _frames_of(error: RaygunError) -> list[RaygunFrame]:
    return [frame for frame in error.stack_trace or [] if frame is not None]


def _raised(error: RaygunError, platform: str, notes: Notes, *, full: bool) -> Raised:
    name = notes.cut(error.class_name, TYPE, "className")
    kind, module = split_type(name, platform)
    raw = _frames_of(error)
    if platform != "python":
        raw = raw[::-1]
    if len(raw) > FRAMES:
        notes.add(f"more than {FRAMES} frames: the middle ones dropped")
        raw = raw[:OUTER_FRAMES] + raw[OUTER_FRAMES - FRAMES :]
    frames = [frame_of(frame, platform, notes) for frame in raw]
    if full:
        pages.variables(frames, raw)
    return Raised(
        type=kind,
        value=without_type(notes.cut(error.message, MESSAGE, "message"), name),
        module=module,
        synthetic=bool(LOGGER.fullmatch(name)),
        frames=frames,
    )


def release_of(version: object, rules: Rules) -> str:
    """Return the release that a client sends, '' for its placeholders for "none"."""
    text = rules.trimmed(plain(version, MESSAGE))[:SHORT]
    return "" if text.strip().lower() in _NO_RELEASE else text


def _environment(data: object, rules: Rules) -> str:
    """Return the environment. Raygun has no such field: applications send it in their custom data."""
    return rules.trimmed(plain(data.get("environment"), MESSAGE))[:SHORT] if isinstance(data, dict) else ""


def _tags(value: object, notes: Notes) -> tuple[dict[str, str], bool]:
    """Return tags by name (``name:value`` is split, others are "true"), and whether one marks an unhandled error."""
    if value is not None and not isinstance(value, list):
        notes.add("tags dropped: wrong type")
    texts = [text for item in (value if isinstance(value, list) else [])[:_TAGS] if (text := plain(item))]
    pairs = [text.partition(":") for text in texts]
    tags = {name: rest if colon else "true" for name, colon, rest in pairs if name}
    return tags, any(text.lower() in _UNHANDLED for text in texts)


def _headers(details: RaygunDetails) -> object:
    request = details.request
    if isinstance(request, RaygunRequest):
        return request.headers
    if not isinstance(request, dict):
        return None
    return {str(key).lower(): item for key, item in request.items()}.get("headers")


def _url(details: RaygunDetails) -> str:
    request = details.request
    if isinstance(request, RaygunRequest):
        return address_of(request.url, request.host_name)
    if not isinstance(request, dict):
        return ""
    fields = {str(key).lower(): plain(item) for key, item in request.items()}
    return address_of(fields.get("url"), fields.get("hostname"))
