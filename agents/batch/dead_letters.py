"""Records that can never be processed: their dead letters, and the limit of failures in a row."""

from collections.abc import Sequence
from typing import ClassVar, Final

from app.errors import FatalError
from app.log.contract import NewRecord, Record
from app.model import Address, Facts
from app.records import DEAD_LETTER_SCHEMA, UNATTRIBUTED, DeadLetter, category_of, encode_dead_letter
from app.topics import DEAD_LETTERS, partition_of, qualified

EXCERPT_BYTES: Final = 4096


class TooManyDeadLetters(FatalError):
    """So many records in a row failed that the cause is likelier in our code than in the records."""

    code: ClassVar[str] = "too_many_dead_letters"


class FailureStreak:
    """Counts failures in a row; a record that worked sets ``count`` to 0, and ``limit`` failures are too many.

    Payloads that are no event (``Malformed``) are not counted: anyone with a DSN can send them, and none may stop a
    worker. Records without readable facts and exceptions in our own code are counted.
    """

    def __init__(self, limit: int, count: int = 0) -> None:
        self._limit = limit
        self.count = count

    def follow(self, failed: Sequence[int], worked: Sequence[int]) -> None:
        """Continue over the failed and the successful offsets of a batch. Raises TooManyDeadLetters at the limit."""
        if worked and not failed:
            self.count = 0
            return
        outcomes = [*((offset, False) for offset in failed), *((offset, True) for offset in worked)]
        for offset, success in sorted(outcomes):
            self.count = 0 if success else self.count + 1
            if self.count >= self._limit:
                raise TooManyDeadLetters(
                    f"{self.count} records in a row up to offset {offset} could not be processed, the limit is "
                    f"{self._limit}: the last dead letters name the errors"
                )


def dead_letter(role: str, record: Record, facts: Facts | None, code: str, error: str, excerpt: bytes) -> DeadLetter:
    """Return the dead letter of a record that can never be processed.

    ``error`` is the class of the error, without text of the payload; of ``excerpt``, the text-scrubbed payload, the
    first 4 KiB are kept.
    """
    return DeadLetter(
        schema=DEAD_LETTER_SCHEMA,
        code=code,
        error=error,
        role=role,
        address=Address(record.topic, record.partition, record.offset),
        project=facts.project if facts else UNATTRIBUTED,
        category=facts.category if facts else category_of(record.topic),
        received=facts.received if facts else record.stamp,
        excerpt=excerpt[:EXCERPT_BYTES].decode("utf-8", "replace"),
    )


def to_record(dead: DeadLetter, generation: int, partitions: int) -> NewRecord:
    """Return the record of ``dead-letters``; its key is role and address, by which redelivered ones are recognised."""
    key = "/".join((dead.role, *map(str, dead.address))).encode()
    return NewRecord(
        topic=qualified(generation, DEAD_LETTERS),
        partition=partition_of(key, partitions),
        key=key,
        value=encode_dead_letter(dead),
        headers={},
        stamp=dead.received,
    )
