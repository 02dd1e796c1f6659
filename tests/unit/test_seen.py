"""The rules of deduplication, alone and in schedules of kills, zombies and expiry."""

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records import UnknownSchema
from tables import seen
from tables.seen import DAY_MS, HOUR_MS, SKEW_MS, First
from tests.unit.schedules import Counted, Local, Read, World, Write

KEY = b"k" * 16


def test_a_copy_within_a_day_of_received_time_is_a_duplicate() -> None:
    known = First(KEY, 3, 1000)
    assert not seen.is_first(known, 4, 1000 + DAY_MS)
    assert seen.is_first(known, 4, 1001 + DAY_MS)


def test_the_counted_copy_itself_is_first_again_when_it_is_redelivered() -> None:
    assert seen.is_first(First(KEY, 3, 1000), 3, 1000)


def test_what_came_before_a_newer_counted_copy_was_done() -> None:
    assert not seen.is_first(First(KEY, 9, 1000 + 2 * DAY_MS), 3, 1000)


def test_a_duplicate_is_decided_by_received_times_and_not_by_the_order_of_offsets() -> None:
    """a@1, b@104, a@100 with a day of 100: counted once."""
    unit = DAY_MS // 100
    known = First(KEY, 0, unit)
    assert not seen.is_first(known, 2, 100 * unit)
    assert seen.is_first(known, 2, 102 * unit)


def test_a_copy_within_the_same_batch_is_a_duplicate() -> None:
    judge = seen.Seen({})
    assert judge.is_first(KEY, 5, 1000)
    judge.count(KEY, 5, 1000)
    assert not judge.is_first(KEY, 6, 1000)
    assert judge.firsts == [First(KEY, 5, 1000)]


def test_a_record_that_did_not_work_is_not_the_first_copy() -> None:
    judge = seen.Seen({})
    assert judge.is_first(KEY, 5, 1000)
    assert judge.is_first(KEY, 6, 1000)


def test_chunks_are_cut_by_hour_and_named_by_what_they_hold() -> None:
    firsts = [First(b"a" * 16, 1, 10), First(b"b" * 16, 2, HOUR_MS + 1), First(b"c" * 16, 7, 11)]
    chunks = dict(seen.chunks(firsts))
    assert len(chunks) == 2
    assert {len(value) for value in chunks.values()} == {1 + 2 * 32, 1 + 32}
    shorter = dict(seen.chunks(firsts[:1]))
    assert not shorter.keys() & chunks.keys(), "a chunk that was cut shorter must not replace the longer"


def test_a_chunk_becomes_entries_and_goes_with_those_that_are_still_its_own() -> None:
    local: Local = {}
    old, new = First(KEY, 1, 10), First(KEY, 5, 11 + DAY_MS)
    other = First(b"o" * 16, 2, 10)
    (old_key, old_value), (_, new_value) = *seen.chunks([old, other]), *seen.chunks([new])
    _apply(local, old_key, old_value)
    _apply(local, *next(seen.chunks([new])))
    _apply(local, old_key, None)
    assert seen.decode(KEY, local[seen.local_key(KEY)]) == new
    assert seen.local_key(other.key) not in local
    assert [value for key, value in local.items() if key.startswith(seen.CHUNK)] == [new_value]


def test_only_whole_chunks_expire_and_at_most_the_given_number() -> None:
    local: Local = {}
    for hour in range(4):
        _apply(local, *next(seen.chunks([First(bytes([hour]) * 16, hour, hour * HOUR_MS + 5)])))
    chunks = sorted((key, value) for key, value in local.items() if key.startswith(seen.CHUNK))
    assert seen.expired(chunks, HOUR_MS - 1, 10) == []
    assert len(seen.expired(chunks, HOUR_MS, 10)) == 1
    assert len(seen.expired(chunks, 4 * HOUR_MS, 10)) == 4
    assert len(seen.expired(chunks, 4 * HOUR_MS, 3)) == 3
    assert seen.expired_before(DAY_MS + SKEW_MS + 7) == 7


def test_state_of_a_newer_schema_stops_the_worker() -> None:
    with pytest.raises(UnknownSchema):
        seen.decode(KEY, b"\x02" + bytes(16))
    with pytest.raises(UnknownSchema):
        list(seen.localise(lambda _: None, bytes(20), b"\x02" + bytes(32)))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3 * DAY_MS)), min_size=1, max_size=12), st.randoms())
def test_chunks_merge_to_the_same_entries_in_any_order_and_any_cut(
    stamps: list[tuple[int, int]], chance: random.Random
) -> None:
    judge = seen.Seen({})
    for offset, (name, received) in enumerate(sorted(stamps, key=lambda stamp: stamp[1])):
        key = bytes([name]) * 16
        if judge.is_first(key, offset, received):
            judge.count(key, offset, received)
    whole: Local = {}
    mixed: Local = {}
    for chunk in seen.chunks(judge.firsts):
        _apply(whole, *chunk)
    cut = chance.randrange(len(judge.firsts) + 1)
    pieces = [*seen.chunks(judge.firsts[:cut]), *seen.chunks(judge.firsts[cut:]), *seen.chunks(judge.firsts)]
    chance.shuffle(pieces)
    for chunk in pieces:
        _apply(mixed, *chunk)
    assert _entries(mixed) == _entries(whole)


class Crash(NamedTuple):
    """One record of the model."""

    offset: int
    key: bytes
    received: int


class Dedup:
    """The rules of ``seen`` as the model calls them."""

    def process(self, records: Iterable[Crash], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:  # noqa: ARG002  entries are immutable
        records = list(records)
        keys = [record.key for record in records]
        judge = seen.Seen(seen.known_of(keys, [read(seen.local_key(key)) for key in keys]))
        for record in records:
            if judge.is_first(record.key, record.offset, record.received):
                judge.count(record.key, record.offset, record.received)
        return [(first.offset, first.key) for first in judge.firsts], list(seen.chunks(judge.firsts))

    def localise(self, read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
        return seen.localise(read, key, value)

    def expired(self, local: Local, received: int) -> list[bytes]:
        chunks = sorted(item for item in local.items() if item[0].startswith(seen.CHUNK))
        return seen.expired(chunks, seen.expired_before(received), 2)


class ForgetsAtTheRunningMaximum(Dedup):
    """Broken: deletes behind what it has read, committed or not."""

    latest = 0

    def process(self, records: Iterable[Crash], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:
        records = list(records)
        self.latest = max(self.latest, *(record.received for record in records))
        return super().process(records, read, epoch)

    def expired(self, local: Local, received: int) -> list[bytes]:  # noqa: ARG002  that is what is broken
        return super().expired(local, self.latest)


class ForgetsWithoutSkew(Dedup):
    """Broken: takes the received times of the log for sorted."""

    def expired(self, local: Local, received: int) -> list[bytes]:
        return super().expired(local, received + SKEW_MS + HOUR_MS)


class NamesChunksByTheirFirstOffset(Dedup):
    """Broken: a shorter chunk of the same beginning replaces a longer one."""

    def process(self, records: Iterable[Crash], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:
        counted, writes = super().process(records, read, epoch)
        return counted, [(key[:12] + bytes(8), value) for key, value in writes]


class TakesTheLastWrite(Dedup):
    """Broken: on recovery the last entry of a key wins, not the least offset."""

    def localise(self, read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
        return seen.localise(read if value is None else lambda _: None, key, value)


def _agrees(rules: Dedup, seed: int) -> bool:
    chance = random.Random(seed)
    records = list(_crashes(chance))
    return sorted(World(rules, records, chance).run()) == _truth(records)


def test_every_schedule_counts_what_one_pass_without_faults_and_expiry_counts() -> None:
    assert [seed for seed in range(600) if not _agrees(Dedup(), seed)] == []


@pytest.mark.parametrize(
    "broken", [ForgetsAtTheRunningMaximum, ForgetsWithoutSkew, NamesChunksByTheirFirstOffset, TakesTheLastWrite]
)
def test_the_schedules_find_what_each_rule_prevents(broken: type[Dedup]) -> None:
    assert not all(_agrees(broken(), seed) for seed in range(3000))


def _crashes(chance: random.Random) -> Iterator[Crash]:
    """Return records whose copies lie around a day apart, appended within the skew that ingest promises."""
    now = 10 * DAY_MS
    for offset in range(40):
        now += chance.choice([0, SKEW_MS // 2, HOUR_MS, 11 * HOUR_MS])
        yield Crash(offset, bytes([chance.randrange(5)]) * 16, now - chance.randrange(SKEW_MS))


def _truth(records: Iterable[Crash]) -> list[Counted]:
    known: dict[bytes, Crash] = {}
    counted = []
    for record in records:
        before = known.get(record.key)
        if before is None or record.received - before.received > DAY_MS:
            known[record.key] = record
            counted.append((record.offset, record.key))
    return counted


def _apply(local: Local, key: bytes, value: bytes | None) -> None:
    for name, entry in seen.localise(local.get, key, value):
        if entry is None:
            local.pop(name, None)
        else:
            local[name] = entry


def _entries(local: Local) -> Local:
    return {key: value for key, value in local.items() if key.startswith(seen.ENTRY)}
