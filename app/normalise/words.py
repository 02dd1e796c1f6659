"""Collects the text of an event that search reads: its words by what they are of."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from app.model import Event, Frame

LIMIT: Final = 8192
"""Bytes of UTF-8 of all words of an event."""

_LONGEST: Final = 2048


class Words(NamedTuple):
    """The texts of an event, none twice of its kind. Together they have at most LIMIT bytes."""

    messages: tuple[str, ...]
    """Of all exceptions and of the event, the outermost first, without those that the title holds."""
    functions: str
    """Of all frames, the innermost first, one a line; ``files`` likewise."""
    files: str
    text: str
    """Types, transaction, URL, logger, tags and modules, one a line."""


def words(event: Event, title: str = "") -> Words:
    """Return the texts of an event, without the message that is its title's.

    What exceeds the limit is left out: messages beyond half of it, then modules first, then files and functions.
    """
    frames = _frames(event)
    messages = tuple(dict.fromkeys([text for text in _messages(event) if text and not _holds(title, text)]))
    named, functions, files, modules = (
        _named(event),
        [frame.function for frame in frames],
        [frame.file for frame in frames],
        [frame.module for frame in frames],
    )
    whole = Words(messages, _lines(functions), _lines(files), _lines([*named, *modules]))
    if _size(whole) <= LIMIT:
        return whole
    kept, left = _fitting(messages, LIMIT // 2)
    named, left = _fitting(named, LIMIT // 2 + left)
    functions, left = _fitting(functions, left)
    files, left = _fitting(files, left)
    modules, _ = _fitting(modules, left)
    return Words(tuple(kept), _lines(functions), _lines(files), _lines([*named, *modules]))


def _messages(event: Event) -> list[str]:
    messages = [raised.value[:_LONGEST] for raised in reversed(event.exceptions)]
    return [*messages, event.message[:_LONGEST], event.template[:_LONGEST]]


def _holds(title: str, message: str) -> bool:
    """Return whether a title is the message, or ``Type: message``: its words are the title's."""
    return title.endswith(message) and (len(title) == len(message) or title[: -len(message)].endswith(": "))


def _named(event: Event) -> list[str]:
    types = [raised.type for raised in reversed(event.exceptions)]
    tags = [name if text == "true" else text for name, text in event.tags.items()]
    return [*types, event.transaction, event.url, event.logger, *tags]


def _frames(event: Event) -> list[Frame]:
    stacks = [raised.frames for raised in reversed(event.exceptions)]
    stacks += [thread.frames for thread in event.threads if thread.crashed or thread.current]
    return [frame for stack in stacks for frame in reversed(stack)]


def _lines(texts: list[str]) -> str:
    every = dict.fromkeys(texts)
    every.pop("", None)
    return "\n".join(every)


def _size(texts: Words) -> int:
    """Return the bytes of all texts, with a line's end for each."""
    every = (*texts.messages, texts.functions, texts.files, texts.text)
    return sum([len(text) if text.isascii() else len(text.encode()) for text in every]) + len(every)


def _fitting(texts: Iterable[str], limit: int) -> tuple[list[str], int]:
    """Return the different texts that fit, the last one cut, and the bytes that are left."""
    fitting: list[str] = []
    for text in dict.fromkeys(texts):
        if not text or limit <= 0:
            continue
        encoded = text.encode()[:limit]
        if kept := encoded.decode("utf-8", "ignore"):
            fitting.append(kept)
        limit -= len(encoded) + 1
    return fitting, max(limit, 0)
