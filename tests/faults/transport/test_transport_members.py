"""Membership of a group: claims are exclusive, epochs grow, and a member without its connection cannot commit."""

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from app.log.contract import TopicSpec
from app.log.postgres.log import PostgresLog
from app.log.postgres.members import MemberConnection, Membership
from app.postgres import AWAY

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench

TOPICS = ["1.crashes"]


@pytest.fixture
async def members(database: str) -> AsyncIterator[list[Membership]]:
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec(TOPICS[0], 4)])
    made = [Membership(MemberConnection(database), "group", TOPICS) for _ in range(3)]
    for member in made:
        await member.join(lambda: None)
    yield made
    for member in made:
        await member.leave()


async def terminate(database: str, member: Membership) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(
        "select pg_terminate_backend(pid, 5000) from log_members where member = $1::text::uuid", member.member
    )
    await connection.close()


async def test_all_members_list_the_same_living_members(members: list[Membership]) -> None:
    first, second, third = members
    everyone = sorted(member.member for member in members)
    assert await first.live() == await second.live() == everyone
    await third.leave()
    assert await first.live() == sorted([first.member, second.member])


async def test_a_partition_has_one_owner_and_every_claim_a_greater_epoch(members: list[Membership]) -> None:
    first, second, _ = members
    mine = await first.claim([0, 1])
    theirs = await second.claim([0, 1, 2])
    assert set(mine) == {0, 1}
    assert set(theirs) == {2}
    await first.release([1])
    again = await second.claim([0, 1])
    assert set(again) == {1}
    assert max(mine.values()) < theirs[2] < again[1]


async def test_a_member_without_its_connection_owns_nothing_and_commits_nothing(
    members: list[Membership], database: str
) -> None:
    first, second, _ = members
    await first.claim([0])
    await first.commit({TOPICS[0]: {0: 10}})
    await terminate(database, first)
    assert set(await second.claim([0])) == {0}
    assert first.member not in await second.live()
    with pytest.raises(AWAY):
        await first.commit({TOPICS[0]: {0: 20}})
    async with PostgresLog(database) as log:
        assert await log.committed("group", TOPICS[0]) == {0: 10}


async def test_other_topics_are_another_group(members: list[Membership], database: str) -> None:
    first = members[0]
    other = Membership(MemberConnection(database), "group", ["2.crashes"])
    await other.join(lambda: None)
    assert await other.live() == [other.member]
    assert other.member not in await first.live()
    assert set(await first.claim([0])) == set(await other.claim([0])) == {0}
    await other.leave()


@pytest.mark.parametrize("log_kind", ["postgres"])
async def test_a_worker_that_was_stopped_while_it_was_expelled_changes_nothing_when_it_continues(
    bench: "Bench",
) -> None:
    await bench.append(2000)
    sleeper = await bench.start("a", COUNTING_DELAY="0.05").ready()
    await bench.until(lambda done: done > 0)
    sleeper.send(signal.SIGSTOP)
    connection = await asyncpg.connect(bench.url)
    await connection.execute("select pg_terminate_backend(pid, 5000) from log_members")
    await connection.close()
    bench.start("b")
    await bench.until(lambda done: done == 2000)
    sleeper.send(signal.SIGCONT)
    assert await sleeper.ended() == 1
    await asyncio.sleep(0.2)
    assert await bench.committed() == 2000


async def test_the_groups_of_a_process_share_a_connection_and_leave_it_one_by_one(database: str) -> None:
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec(TOPICS[0], 4)])
        shared = MemberConnection(database)
        crashes, search = Membership(shared, "crashes", TOPICS), Membership(shared, "search", TOPICS)
        other = Membership(MemberConnection(database), "crashes", TOPICS)
        for member in (crashes, search, other):
            await member.join(lambda: None)
        of_crashes, of_search = await asyncio.gather(crashes.live(), search.live())
        assert of_crashes == sorted([crashes.member, other.member])
        assert of_search == [search.member]
        assert set(await crashes.claim([0, 1])) == set(await search.claim([0, 1])) == {0, 1}
        await asyncio.gather(crashes.commit({TOPICS[0]: {0: 3}}), search.commit({TOPICS[0]: {0: 4, 1: 5}}))
        assert await log.committed("crashes", TOPICS[0]) == {0: 3}
        assert await log.committed("search", TOPICS[0]) == {0: 4, 1: 5}
        await crashes.leave()
        assert set(await other.claim([0, 1])) == {0, 1}
        with pytest.raises(AWAY):
            await crashes.commit({TOPICS[0]: {0: 9}})
        await search.commit({TOPICS[0]: {0: 6}})
        assert await search.live() == [search.member]
        await search.leave()
        await other.leave()
