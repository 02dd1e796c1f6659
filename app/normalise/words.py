"""Collects the text of an event that free text search reads."""

from typing import Final

from app.model import Event, Frame

LIMIT: Final = 8192
"""Bytes of UTF-8."""

_LONGEST: Final = 2048


def words(event: Event) -> str:
    """Return the searchable text, at most LIMIT bytes, most telling parts first, no part twice."""
    parts = dict.fromkeys(_texts(event))
    parts.pop("", None)
    joined = "\n".join(parts)[:LIMIT]
    return joined if joined.isascii() else joined.encode()[:LIMIT].decode("utf-8", "ignore")


def _texts(event: Event) -> list[str]:
    texts: list[str] = []
    for raised in reversed(event.exceptions):
        texts += (raised.type, raised.value[:_LONGEST])
    texts += (event.message[:_LONGEST], event.template[:_LONGEST], event.transaction, event.url, event.logger)
    texts += [name if text == "true" else text for name, text in event.tags.items()]
    for raised in reversed(event.exceptions):
        _add_frames(texts, raised.frames)
    for thread in event.threads:
        if thread.crashed or thread.current:
            _add_frames(texts, thread.frames)
    return texts


def _add_frames(texts: list[str], frames: list[Frame]) -> None:
    for frame in reversed(frames):
        texts += (frame.function, frame.module, frame.file)
