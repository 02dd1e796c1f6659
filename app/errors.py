"""Errors on which a process ends: going on would lose or double data, and no retry helps."""

from typing import ClassVar


class FatalError(Exception):
    """Ends the process. ``code`` is short and stable: the last line of the process's log names it."""

    code: ClassVar[str] = "fatal"


class MissingOffsets(FatalError):
    """Offsets of a source partition were not delivered, though the log has not deleted them."""

    code: ClassVar[str] = "missing_offsets"

    def __init__(self, topic: str, partition: int, expected: int, received: int) -> None:
        missing = f"{expected}" if received == expected + 1 else f"{expected}-{received - 1}"
        verb = "was" if received == expected + 1 else "were"
        super().__init__(
            f"{topic}/{partition}: expected offset {expected}, received {received}; {missing} {verb} not delivered"
        )
        self.topic = topic
        self.partition = partition
        self.expected = expected
        self.received = received


def code_of(error: BaseException) -> str:
    """Return the stable code of an error, ``unexpected_error`` for one that has none."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else "unexpected_error"
