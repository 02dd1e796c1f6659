"""Records that can never work: what is kept of each, and when there are too many of them in a row."""

from collections.abc import Sequence
from typing import Final

from app.log.contract import NewRecord, Record
from app.model import Address, Facts
from app.records import SCHEMA, UNATTRIBUTED, DeadLetter, category_of, encode_dead_letter
from app.topics import DEAD_LETTERS, partition_of, qualified

EXCERPT_BYTES: Final = 4096


class TooManyDeadLetters(Exception):
    """So many records in a row failed that the fault is likelier ours than theirs: the worker stops."""


class InARow:
    """Counts records that failed one after another; a record that worked starts the count again.

    Payloads that are no event (``Malformed``) are not counted: anyone with a DSN can send them, and none may stop a
    worker. What is counted are records without readable facts and exceptions in our own code.
    """

    def __init__(self, limit: int, count: int = 0) -> None:
        """Take the number of failures in a row that is one too many, and how many there were before."""
        self._limit = limit
        self.count = count

    def follow(self, failed: Sequence[int], worked: Sequence[int]) -> None:
        """Go on over the offsets of a batch that failed and that worked. Raises TooManyDeadLetters at the limit."""
        if worked and not failed:
            self.count = 0
            return
        for _, good in sorted([*((offset, False) for offset in failed), *((offset, True) for offset in worked)]):
            self.count = 0 if good else self.count + 1
            if self.count >= self._limit:
                raise TooManyDeadLetters(f"{self.count} records in a row could not be processed")


def letter(role: str, record: Record, facts: Facts | None, code: str, error: str, excerpt: bytes) -> DeadLetter:
    """Describe a record that can never work.

    ``error`` is the class of the error, without text of the payload; ``excerpt`` the text-scrubbed payload, of which
    the first 4 KiB are kept.
    """
    return DeadLetter(
        schema=SCHEMA,
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
    """Return the record of ``dead-letters``; its key is role and address, so that a redelivered one can be told."""
    key = "/".join((dead.role, *map(str, dead.address))).encode()
    return NewRecord(
        topic=qualified(generation, DEAD_LETTERS),
        partition=partition_of(key, partitions),
        key=key,
        value=encode_dead_letter(dead),
        headers={},
        stamp=dead.received,
    )
