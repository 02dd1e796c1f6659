"""Commits of a group's member in Kafka: an expelled member changes nothing, even where the group is empty."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer

from app.log.contract import TopicSpec
from app.log.kafka import commits
from app.log.kafka.commits import NOBODY, MovedOn, commit, member_of
from app.log.kafka.log import KafkaLog
from app.log.kafka.reader import consumer_of, started

TOPIC = "1.crashes"
GROUP = "faultline-crashes"


@pytest.fixture
async def log(kafka_url: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_url) as log:
        await log.ensure([TopicSpec(TOPIC, 1)])
        yield log


@pytest.fixture
async def consumer(log: KafkaLog) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a consumer that is the group's only member."""
    member = await started(consumer_of(log.address, group_id=log.address.name(GROUP)))
    member.subscribe([log.address.name(TOPIC)])
    async with asyncio.timeout(30):
        while not member.assignment():
            await asyncio.sleep(0.02)
    yield member
    await member.stop()


async def test_a_member_commits_as_long_as_it_is_one(log: KafkaLog, consumer: AIOKafkaConsumer) -> None:
    me, where = member_of(consumer), log.address.partition(TOPIC, 0)
    await commit(consumer, me, {where: 7})
    assert await log.committed(GROUP, TOPIC) == {0: 7}
    for other in (NOBODY, me._replace(generation=me.generation + 1), me._replace(id="another")):
        with pytest.raises(MovedOn):
            await commit(consumer, other, {where: 3})
    assert await log.committed(GROUP, TOPIC) == {0: 7}


async def test_a_member_that_is_expelled_while_it_commits_puts_no_empty_group_back(
    log: KafkaLog, consumer: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, where = member_of(consumer), log.address.partition(TOPIC, 0)
    await commit(consumer, me, {where: 7})
    consumer.unsubscribe()
    async with asyncio.timeout(30):
        while member_of(consumer) == me:
            await asyncio.sleep(0.02)

    def still(_: object) -> commits.Member:
        return me

    monkeypatch.setattr(commits, "member_of", still)  # it was one when it was looked at
    with pytest.raises(MovedOn, match="UnknownMember"):
        await commit(consumer, me, {where: 3})
    assert await log.committed(GROUP, TOPIC) == {0: 7}
