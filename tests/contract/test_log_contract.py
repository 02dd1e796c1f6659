"""The contract of a log (app.log.contract.Log); each implementation is a parameter of the fixture ``open_log``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import cast

import msgspec
import pytest

from app.log.contract import Bounds, Log, LogError, LogTooLate, NewRecord, Record, RecordTooLarge, TopicSpec
from app.log.kafka.log import KafkaLog
from app.log.postgres.log import PostgresLog
from app.log.postgres.rows import MAX_RECORD

OpenLog = Callable[[], Awaitable[Log]]

EVENTS = "1.crashes"
STATE = "1.rates"
TOPICS = [TopicSpec(EVENTS, 4), TopicSpec(STATE, 2, "compact")]


@pytest.fixture(params=["postgres", "kafka"])
def make_log(request: pytest.FixtureRequest) -> Callable[[], PostgresLog | KafkaLog]:
    """Return a function that creates a log over the same records; only its own server is started."""
    if request.param == "kafka":
        return partial(KafkaLog, request.getfixturevalue("kafka_url"))
    return partial(PostgresLog, request.getfixturevalue("database"))


@pytest.fixture
async def open_log(make_log: Callable[[], PostgresLog | KafkaLog]) -> AsyncIterator[OpenLog]:
    """Yield a function that opens one more log over the same records; the topics are there."""
    async with AsyncExitStack() as stack:

        async def open_one() -> Log:
            return await stack.enter_async_context(make_log())

        await (await open_one()).ensure(TOPICS)
        yield open_one


def event(number: int, partition: int = 0, value: bytes | None = b"payload") -> NewRecord:
    return NewRecord(EVENTS, partition, b"%d" % number, value, {"facts": b"%d" % number}, 1_700_000_000_000 + number)


def state(key: bytes, value: bytes | None, partition: int = 0) -> NewRecord:
    return NewRecord(STATE, partition, key, value, {}, 0)


def keys(records: Iterable[Record]) -> list[bytes | None]:
    return [record.key for record in records]


async def test_gives_back_what_was_appended(open_log: OpenLog) -> None:
    log = await open_log()
    whole = NewRecord(EVENTS, 1, b"\x00key", b"\xffvalue", {"facts": b"{}", "other": b""}, -5)
    bare = NewRecord(EVENTS, 1, None, b"", {}, 0)
    assert await log.append([whole, bare]) == [0, 1]
    assert await log.read(EVENTS, 1, 0) == [
        Record(EVENTS, 1, 0, b"\x00key", b"\xffvalue", {"facts": b"{}", "other": b""}, -5),
        Record(EVENTS, 1, 1, None, b"", {}, 0),
    ]


async def test_offsets_are_by_partition_and_in_the_order_of_the_append(open_log: OpenLog) -> None:
    log = await open_log()
    assert await log.append([event(0, 2), event(1, 3), event(2, 2), event(3, 2)]) == [0, 0, 1, 2]
    assert await log.append([event(4, 3), event(5, 2)]) == [1, 3]
    assert keys(await log.read(EVENTS, 2, 0)) == [b"0", b"2", b"3", b"5"]
    assert keys(await log.read(EVENTS, 2, 2)) == [b"3", b"5"]
    assert await log.read(EVENTS, 2, 4) == []
    assert await log.bounds(EVENTS) == {0: Bounds(0, 0), 1: Bounds(0, 0), 2: Bounds(0, 4), 3: Bounds(0, 2)}


async def test_a_record_past_its_deadline_leaves_nothing_of_its_append(open_log: OpenLog) -> None:
    log = await open_log()
    with pytest.raises(LogTooLate):
        await log.append([event(0), msgspec.structs.replace(event(1), deadline=1)])
    assert await log.append([msgspec.structs.replace(event(2), deadline=4_102_444_800_000)]) == [0]
    assert keys(await log.read(EVENTS, 0, 0)) == [b"2"]


async def test_an_empty_append_is_nothing(open_log: OpenLog) -> None:
    assert await (await open_log()).append([]) == []


async def test_one_bad_record_leaves_nothing_of_its_append(open_log: OpenLog) -> None:
    log = await open_log()
    with pytest.raises(LogError, match=r"1\.nowhere"):
        await log.append([event(0), NewRecord("1.nowhere", 0, None, b"", {}, 0)])
    with pytest.raises(LogError, match="partitions 0-3, not 4"):
        await log.append([event(0), event(1, 4)])
    with pytest.raises(RecordTooLarge):
        await log.append([event(0), event(1, value=bytes(MAX_RECORD))])
    assert await log.read(EVENTS, 0, 0) == []


async def test_a_compacted_topic_needs_keys(open_log: OpenLog) -> None:
    with pytest.raises(LogError, match="without a key"):
        await (await open_log()).append([NewRecord(STATE, 0, None, b"", {}, 0)])


async def test_ensure_may_be_repeated_but_changes_nothing(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([event(0)])
    await asyncio.gather((await open_log()).ensure(TOPICS), log.ensure(TOPICS))
    assert len(await log.read(EVENTS, 0, 0)) == 1
    with pytest.raises(LogError, match="has 4 partitions, the settings require 8"):
        await (await open_log()).ensure([TopicSpec(EVENTS, 8)])
    with pytest.raises(LogError, match="policy delete, required is compact"):
        await log.ensure([TopicSpec(EVENTS, 4, "compact")])
    assert len(await log.bounds(EVENTS)) == 4


async def test_reads_are_bounded_by_records_and_bytes_but_give_one(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([event(number, value=bytes(1000)) for number in range(10)])
    await log.append([event(10, value=bytes(50_000)), event(11)])
    assert len(await log.read(EVENTS, 0, 0, max_records=3)) == 3
    assert len(await log.read(EVENTS, 0, 0, max_bytes=5_100)) == 5
    assert keys(await log.read(EVENTS, 0, 10, max_bytes=10)) == [b"10"]
    assert keys(await log.read(EVENTS, 0, 9, max_bytes=10_000)) == [b"9"]


async def test_a_reader_beside_many_writers_sees_order_and_no_gap(open_log: OpenLog) -> None:
    logs = [await open_log() for _ in range(3)]
    written = [(who, number) for who in range(9) for number in range(20)]

    async def write(who: int) -> None:
        for number in range(20):
            await logs[who % 3].append([event(who * 1000 + number), event(who, 1), event(who * 1000 + number)])

    async def follow() -> list[Record]:
        seen: list[Record] = []
        while len(seen) < 2 * len(written):
            end = (await logs[0].bounds(EVENTS))[0].end
            records = await logs[0].read(EVENTS, 0, len(seen))
            assert [record.offset for record in records] == list(range(len(seen), len(seen) + len(records)))
            seen += records
            assert len(seen) >= end
        return seen

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(who) for who in range(9)))
    seen = await following
    numbers = [int(record.key or b"") for record in seen]
    for who in range(9):
        own = [number for number in numbers if number // 1000 == who]
        assert own == [who * 1000 + number for number in range(20) for _ in range(2)]


async def test_compaction_keeps_the_last_record_of_each_key(open_log: OpenLog) -> None:
    log = await open_log()
    assert await log.append([state(b"a", b"1"), state(b"b", b"1"), state(b"a", b"2")]) == [0, 1, 2]
    assert await log.append([state(b"b", b"2"), state(b"c", b"1"), state(b"a", b"other", 1)]) == [3, 4, 0]
    records = await log.read(STATE, 0, 0)
    assert [(record.offset, record.key, record.value) for record in records if record.offset > 1] == [
        (2, b"a", b"2"),
        (3, b"b", b"2"),
        (4, b"c", b"1"),
    ]
    assert (await log.bounds(STATE))[0].end == 5


async def test_a_deleted_key_has_no_value_any_more(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([state(b"a", b"1"), state(b"b", b"1")])
    await log.append([state(b"a", None)])
    last = {record.key: record.value for record in await log.read(STATE, 0, 0)}
    assert last.get(b"a") is None
    assert last[b"b"] == b"1"
    await log.append([state(b"a", b"again")])
    assert {record.key: record.value for record in await log.read(STATE, 0, 0)}[b"a"] == b"again"


async def test_every_tail_sees_each_record_once(open_log: OpenLog) -> None:
    reader, writer = await open_log(), await open_log()
    await writer.append([event(0, partition) for partition in range(4)])
    start = {partition: bounds.end for partition, bounds in (await reader.bounds(EVENTS)).items()}

    async def follow(log: Log) -> list[Record]:
        seen: list[Record] = []
        async for records in log.tail(EVENTS, start):
            seen += records
            if len(seen) >= 120:
                return seen
        raise AssertionError("a tail never ends")

    async def write() -> None:
        for number in range(30):
            await writer.append([event(number, partition) for partition in range(4)])

    *tails, _ = await asyncio.gather(follow(reader), follow(reader), follow(writer), write())
    for seen in tails:
        assert sorted((record.partition, record.offset) for record in seen) == [
            (partition, offset) for partition in range(4) for offset in range(1, 31)
        ]


async def test_a_tail_without_start_begins_at_the_end(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([event(0)])
    tail = log.tail(EVENTS)
    first = asyncio.ensure_future(anext(tail))
    number = 1
    while not first.done():  # its first step has no other sign than that it sees what comes after
        await log.append([event(number)])
        await asyncio.wait([first], timeout=0.05)
        number += 1
    assert b"0" not in keys(first.result())


async def test_a_caller_who_gives_up_breaks_no_other(open_log: OpenLog) -> None:
    log = await open_log()
    tasks = [asyncio.create_task(log.append([event(number), event(number)])) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in done[::2])
    written = keys(await log.read(EVENTS, 0, 0))
    kept = [(number, result) for number, result in enumerate(done) if isinstance(result, list)]
    assert [number for number, _ in kept] == list(range(1, 20, 2))
    for number, result in kept:
        assert written[result[0] : result[1] + 1] == [b"%d" % number] * 2


async def test_nothing_is_committed_at_first(open_log: OpenLog) -> None:
    assert await (await open_log()).committed("faultline-crashes", EVENTS) == {}


async def test_what_was_appended_is_there_after_reopening(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([event(0)])
    waiting = asyncio.create_task(log.append([event(1), event(2)]))
    await asyncio.sleep(0)
    await log.close()
    assert await waiting == [1, 2]
    again = await open_log()
    assert await again.append([event(3)]) == [3]
    assert keys(await again.read(EVENTS, 0, 0)) == [b"0", b"1", b"2", b"3"]


async def test_a_value_of_a_wrong_type_is_no_outage_and_hurts_no_other(open_log: OpenLog) -> None:
    log = await open_log()
    await log.append([event(0)])
    wrong = NewRecord(EVENTS, 0, cast("bytes", "text"), b"", {}, 0)
    results = await asyncio.gather(log.append([event(1)]), log.append([wrong]), return_exceptions=True)
    assert isinstance(results[0], list)
    assert type(results[1]) is LogError
    await log.append([event(2)])
    assert keys(await log.read(EVENTS, 0, 0)) == [b"0", b"1", b"2"]
