"""Collects the text of an event that search reads: its words by what they are of."""

from typing import Final, NamedTuple

from app.model import Event, Frame

LIMIT: Final = 8192
"""Bytes of UTF-8 of all words of an event."""

_LONGEST: Final = 2048


class Words(NamedTuple):
    """The texts of an event; none is empty, none stands twice in a list. Together they have at most LIMIT bytes."""

    messages: list[str]
    """Of all exceptions and of the event, the outermost first, without those that the title holds."""
    functions: list[str]
    """Of all frames, the innermost first; ``files`` likewise."""
    files: list[str]
    text: str
    """Types, transaction, URL, logger, tags and modules, one a line."""


def words(event: Event, title: str = "") -> Words:
    """Return the texts of an event, without the message that is its title's.

    What exceeds the limit is left out: messages beyond half of it, then modules first, then files and functions.
    """
    frames = _frames(event)
    messages = _unique([text for text in _messages(event) if not _holds(title, text)])
    named = _named(event)
    functions = _unique([frame.function for frame in frames])
    files = _unique([frame.file for frame in frames])
    rest = _unique([*named, *[frame.module for frame in frames]])
    every = "\n".join([*messages, *functions, *files, *rest])
    if len(every) <= LIMIT and (every.isascii() or len(every.encode()) <= LIMIT):
        return Words(messages, functions, files, "\n".join(rest))
    messages, left = _fitting(messages, LIMIT // 2)
    named, left = _fitting(_unique(named), LIMIT // 2 + left)
    functions, left = _fitting(functions, left)
    files, left = _fitting(files, left)
    modules, _ = _fitting([text for text in rest if text not in named], left)
    return Words(messages, functions, files, "\n".join(named + modules))


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


def _unique(texts: list[str]) -> list[str]:
    every = dict.fromkeys(texts)
    every.pop("", None)
    return list(every)


def _fitting(texts: list[str], limit: int) -> tuple[list[str], int]:
    """Return the texts that fit, the last one cut, and the bytes that are left; a line's end counts as one."""
    fitting: list[str] = []
    for text in texts:
        if limit <= 0:
            break
        encoded = text.encode()[:limit]
        if kept := encoded.decode("utf-8", "ignore"):
            fitting.append(kept)
        limit -= len(encoded) + 1
    return fitting, max(limit, 0)
