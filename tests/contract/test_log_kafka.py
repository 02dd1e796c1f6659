"""The log in Kafka: address, settings of topics, seals, retention, brokers that are away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from app.log.contract import Bounds, LogError, LogSealed, LogUnavailable, NewRecord, Record, RecordTooLarge, TopicSpec
from app.log.kafka.address import Address
from app.log.kafka.log import KafkaLog
from app.log.kafka.topics import topic_settings
from app.log.postgres.rows import MAX_RECORD

EVENTS = "1.crashes"
OTHER = "1.sessions"
STATE = "1.rates"


@pytest.fixture
async def log(kafka_url: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_url) as log:
        await log.ensure([TopicSpec(EVENTS, 2), TopicSpec(OTHER, 2), TopicSpec(STATE, 1, "compact")])
        yield log


@pytest.fixture
async def admin(log: KafkaLog) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=log.address.servers)
    await client.start()
    yield client
    await client.close()


def event(number: int, topic: str = EVENTS, value: bytes = b"payload", stamp: int = 0) -> NewRecord:
    return NewRecord(topic, 0, b"%d" % number, value, {}, stamp)


async def deleted_before(log: KafkaLog, admin: AIOKafkaAdminClient, offset: int) -> None:
    """Delete records before an offset, as retention does."""
    await admin.delete_records({log.address.partition(EVENTS, 0): RecordsToDelete(before_offset=offset)})


def test_an_address_names_brokers_and_a_prefix() -> None:
    assert Address.parse("kafka://a:1,b:2/team") == (["a:1", "b:2"], "team")
    assert Address.parse("kafka://a:1/team").name(EVENTS) == "team.1.crashes"
    assert Address.parse("kafka://a:1").name(EVENTS) == EVENTS
    for wrong in ("kafka://", "kafka:///prefix", "http://a:1"):
        with pytest.raises(LogError, match="no address of Kafka"):
            Address.parse(wrong)


def test_topics_are_kept_by_the_time_of_the_append_and_survive_a_broker() -> None:
    events = topic_settings(TopicSpec(EVENTS, 8), 7, 3)
    state = topic_settings(TopicSpec(STATE, 8, "compact"), 7, 1)
    assert events["retention.ms"] == state["delete.retention.ms"] == str(7 * 24 * 3600 * 1000)
    assert (events["cleanup.policy"], state["cleanup.policy"]) == ("delete", "compact")
    assert (events["min.insync.replicas"], state["min.insync.replicas"]) == ("2", "1")
    assert "retention.ms" not in state
    assert events["message.timestamp.type"] == "LogAppendTime"


async def test_logs_of_other_prefixes_share_the_brokers_and_nothing_else(log: KafkaLog, kafka_url: str) -> None:
    await log.append([event(0)])
    async with KafkaLog(f"{kafka_url}-other") as other:
        with pytest.raises(LogError, match=r"1\.crashes"):
            await other.append([event(0)])
        await other.ensure([TopicSpec(EVENTS, 1)])
        assert await other.bounds(EVENTS) == {0: Bounds(0, 0)}
        assert await other.cluster() == await log.cluster()


async def test_the_largest_record_goes_through_and_no_larger_one(log: KafkaLog) -> None:
    largest = bytes(MAX_RECORD - 1)
    assert await log.append([event(0, value=largest), event(1)]) == [0, 1]
    [record, small] = await log.read(EVENTS, 0, 0, max_bytes=2 * MAX_RECORD)
    assert record.value == largest
    assert small.key == b"1"
    with pytest.raises(RecordTooLarge):
        await log.append([event(2), event(3, value=bytes(MAX_RECORD))])
    assert (await log.bounds(EVENTS))[0].end == 2


async def test_stamps_of_any_time_are_kept_and_decide_nothing(log: KafkaLog) -> None:
    stamps = [-(1 << 40), 0, 4_000_000_000_000_000]
    await log.append([event(number, stamp=stamp) for number, stamp in enumerate(stamps)])
    assert [record.stamp for record in await log.read(EVENTS, 0, 0)] == stamps


async def test_a_sealed_topic_refuses_and_its_neighbours_do_not(log: KafkaLog, kafka_url: str) -> None:
    async with KafkaLog(kafka_url) as another:
        await log.append([event(0), event(0, OTHER)])
        await another.append([event(1)])
        await log.seal([EVENTS])
        for either in (another, log):
            with pytest.raises(LogSealed):
                await either.append([event(2)])
            assert await either.append([event(1, OTHER)])
        with pytest.raises(LogError, match="sealed"):
            await another.append([event(3, OTHER), event(3)])
    assert [record.key for record in await log.read(EVENTS, 0, 0)] == [b"0", b"1"]
    assert (await log.bounds(OTHER))[0].end == 3
    async with KafkaLog(kafka_url) as new:
        with pytest.raises(LogSealed):
            await new.append([event(4)])


async def test_what_retention_deleted_is_passed_over(log: KafkaLog, admin: AIOKafkaAdminClient) -> None:
    await log.append([event(number) for number in range(10)])
    await deleted_before(log, admin, 6)
    assert (await log.bounds(EVENTS))[0] == Bounds(6, 10)
    assert [record.offset for record in await log.read(EVENTS, 0, 2)] == [6, 7, 8, 9]
    async for records in log.tail(EVENTS, {0: 3, 1: 0}):
        assert [record.offset for record in records] == [6, 7, 8, 9]
        break


async def test_reads_elsewhere_in_between_do_not_confuse_one_that_goes_on(log: KafkaLog) -> None:
    await log.append([event(number, value=bytes(1000)) for number in range(300)])
    await log.append([event(number, OTHER) for number in range(300)])

    async def walk(topic: str, step: int) -> list[Record]:
        seen: list[Record] = []
        while records := await log.read(topic, 0, len(seen), max_records=step, max_bytes=20_000):
            seen += records
        return seen

    walks = await asyncio.gather(*(walk(topic, step) for topic in (EVENTS, OTHER) for step in (7, 50, 1000)))
    for seen in walks:
        assert [record.key for record in seen] == [b"%d" % number for number in range(300)]


async def test_brokers_that_are_away_raise_log_unavailable() -> None:
    async with KafkaLog("kafka://127.0.0.1:1") as log:
        asking = [
            log.append([event(0)]), log.read(EVENTS, 0, 0), log.bounds(EVENTS),
            log.committed("faultline-crashes", EVENTS), log.ensure([TopicSpec(EVENTS, 1)]), log.cluster(),
        ]  # fmt: skip
        answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [LogUnavailable] * len(asking)


async def test_a_tail_that_is_left_lets_go(log: KafkaLog) -> None:
    tail = log.tail(EVENTS)
    following = asyncio.ensure_future(anext(tail))
    await asyncio.sleep(0.5)
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()
    await log.append([event(0)])
