"""What free text search looks at."""

from collections.abc import Iterator
from typing import Final

from app.model import Event, Frame

LIMIT: Final = 8192
"""Bytes of UTF-8."""

_LONGEST: Final = 2048


def words(event: Event) -> str:
    """Give the searchable text, at most LIMIT bytes: what people look for first stands first, nothing twice."""
    seen: dict[str, None] = {}
    size = 0
    for text in _texts(event):
        if text and text not in seen:
            seen[text] = None
            size += len(text) + 1
            if size > LIMIT:
                break
    joined = "\n".join(seen)
    return joined if joined.isascii() and size <= LIMIT else joined.encode()[:LIMIT].decode("utf-8", "ignore")


def _texts(event: Event) -> Iterator[str]:
    for raised in reversed(event.exceptions):
        yield raised.type
        yield raised.value[:_LONGEST]
    yield event.message[:_LONGEST]
    yield event.template[:_LONGEST]
    yield event.transaction
    yield event.url
    yield event.logger
    yield from (name if text == "true" else text for name, text in event.tags.items())
    for raised in reversed(event.exceptions):
        yield from _frame_texts(raised.frames)
    for thread in event.threads:
        if thread.crashed or thread.current:
            yield from _frame_texts(thread.frames)


def _frame_texts(frames: list[Frame]) -> Iterator[str]:
    for frame in reversed(frames):
        yield frame.function
        yield frame.module
        yield frame.file
