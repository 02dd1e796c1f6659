"""Which group a crash belongs to, and why."""

from hashlib import blake2b

from app.model import Event, Grouped, Part


def group(event: Event) -> Grouped:
    """Give the group of an event: a pure function of the event, the same on every worker and in every replay."""
    raised = event.exceptions[-1] if event.exceptions else None
    frames = [frame for frame in (raised.frames if raised else []) if frame.in_app is not False]
    where = f"{frames[-1].function} in {frames[-1].module or frames[-1].file}" if frames else event.transaction
    kind, text = (raised.type, raised.value) if raised else ("", event.message)
    key = blake2b(f"{event.project}\0g1\0{kind}\0{where}\0{text}".encode(), digest_size=16).hexdigest()
    title = (f"{kind}: {text}" if kind and text else kind or text or "unknown")[:200]
    return Grouped(group=key, coarse=key, variant=key, title=title, culprit=where)


def explain(event: Event) -> list[Part]:
    """Give every part of the event that was looked at, what it was normalised to, whether it counted and why."""
    grouped = group(event)
    return [Part(name="title", raw=grouped.title, value=grouped.title, counted=True, why="type and message")]
