"""A role as its agents see it, run by Faust on the real log inside the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.log.batch import Batch, Claim
from app.log.contract import NewRecord
from app.log.open import AnyLog, open_log
from app.settings import Settings
from app.stores.errors import StoreUnavailable
from app.stream.role import Process, RoleApp
from tables.spec import TableSpec

PARTITIONS = 3
STATE = TableSpec("state", "crashes", "faultline-crashes-state-changelog")
Handled = list[tuple[Batch, Claim]]


@pytest.fixture(params=["postgres", "kafka"])
def process(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Process:
    log = request.getfixturevalue("kafka_url") if request.param == "kafka" else "database:"
    settings = Settings(
        database=database, log=log, data=str(tmp_path), partitions=PARTITIONS, drain_seconds=0.5, rocksdb_mb=16
    )
    return Process(settings, 1, "log")


@asynccontextmanager
async def running(role: RoleApp) -> AsyncIterator[AnyLog]:
    """Run a role's App as a worker does."""
    role.faust.finalize()
    role.faust.in_worker = True
    await role.faust.start()
    try:
        yield role.log
    finally:
        await role.faust.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def records(partition: int, count: int, topic: str = "1.crashes") -> list[NewRecord]:
    return [NewRecord(topic, partition, b"k", b"%d" % n, {"h": b"1"}, n) for n in range(count)]


async def test_each_partition_arrives_in_order_with_one_claim_for_it(process: Process) -> None:
    role, seen = RoleApp("crashes", process), Handled()

    async def handle(batch: Batch, claim: Claim) -> None:
        seen.append((batch, claim))

    role.consume("crashes", handle)
    async with running(role) as log:
        await log.append([record for p in range(PARTITIONS) for record in records(p, 2500)])
        await until(lambda: sum(len(batch) for batch, _ in seen) == PARTITIONS * 2500)
        await until(lambda: all(role.accepted("1.crashes", p) == 2499 for p in range(PARTITIONS)))
        assert await log.committed("faultline-crashes", "1.crashes") == dict.fromkeys(range(PARTITIONS), 2500)
    for partition in range(PARTITIONS):
        offsets = [record.offset for batch, _ in seen if batch.partition == partition for record in batch]
        assert offsets == list(range(2500))
    assert len({claim for _, claim in seen}) == PARTITIONS
    assert all(batch.partition == claim.partition and batch.idle_at is None for batch, claim in seen)


async def test_an_idle_partition_delivers_empty_batches_and_commits_nothing_new(process: Process) -> None:
    role, seen = RoleApp("crashes", process, idle_seconds=0.2), Handled()

    async def handle(batch: Batch, claim: Claim) -> None:
        seen.append((batch, claim))

    role.consume("crashes", handle)
    async with running(role) as log:
        await log.append(records(1, 5))
        await until(lambda: {b.partition for b, _ in seen if b.idle_at is not None} == set(range(PARTITIONS)))
        await log.append(records(1, 1))
        await until(lambda: role.accepted("1.crashes", 1) == 5)
        await until(lambda: [b for b, _ in seen if b.idle_at][-1].first >= 0)
    of_one = [batch for batch, _ in seen if batch.partition == 1]
    expected = 0
    for batch in of_one:
        assert batch.first == expected
        expected = batch.last + 1
    idle = [batch for batch in of_one if batch.idle_at is not None]
    assert all(not batch.records for batch in idle)
    assert [batch.idle_at for batch in idle] == sorted(batch.idle_at or 0 for batch in idle)


async def test_traffic_on_one_partition_does_not_silence_the_idle_ones(process: Process) -> None:
    role = RoleApp("crashes", process, idle_seconds=0.1)
    idle: set[int] = set()
    traffic: list[Batch] = []

    async def handle(batch: Batch, _: Claim) -> None:
        if batch.records:
            traffic.append(batch)
            await role.produce(records(batch.partition, 1))
        elif traffic:
            idle.add(batch.partition)

    role.consume("crashes", handle)
    async with running(role) as log:
        await log.append(records(0, 1))
        await until(lambda: idle >= {1, 2})
    assert {batch.partition for batch in traffic} == {0}


async def test_a_batch_is_tried_again_with_nothing_staged_until_its_backend_is_back(process: Process) -> None:
    role = RoleApp("crashes", process)
    table = role.durable_table(STATE)
    found: list[bytes | None] = []

    async def handle(batch: Batch, claim: Claim) -> None:
        found.append(table.read(claim.partition, b"a"))
        table.stage(claim.partition, b"a", b"%d" % batch.last)
        if len(found) < 3:
            raise StoreUnavailable("later")
        await role.produce(records(0, 1, "1.deltas"))
        await table.flush(claim.partition)

    role.consume("crashes", handle)
    async with running(role) as log:
        await log.append(records(2, 4))
        await until(lambda: role.accepted("1.crashes", 2) == 3)
        changelog = await log.read("1.faultline-crashes-state-changelog", 2, 0)
        assert [(r.key, r.value) for r in changelog] == [(b"a", b"3")]
        assert len(await log.read("1.deltas", 0, 0)) == 1
    assert found == [None, None, None]


async def test_resources_are_open_before_the_first_batch_and_closed_after_the_last(process: Process) -> None:
    role = RoleApp("crashes", process)
    steps: list[str] = []

    @asynccontextmanager
    async def opener() -> AsyncIterator[str]:
        steps.append("open")
        yield "value"
        steps.append("close")

    resource = role.resource("thing", opener)

    async def handle(_: Batch, __: Claim) -> None:
        steps.append(resource.value)

    role.consume("crashes", handle)
    with pytest.raises(RuntimeError, match="thing"):
        _ = resource.value
    async with running(role) as log:
        await log.append(records(0, 1))
        await until(lambda: len(steps) > 1)
    assert steps == ["open", "value", "close"]


async def test_roles_of_one_process_share_a_log_and_own_their_groups(process: Process) -> None:
    first, second = RoleApp("archive", process), RoleApp("search", process)
    seen: dict[str, int] = {"archive": 0, "search": 0}

    def counting(name: str) -> Callable[[Batch, Claim], Awaitable[None]]:
        async def handle(batch: Batch, _: Claim) -> None:
            seen[name] += len(batch)

        return handle

    first.consume("processed", counting("archive"))
    second.consume("processed", counting("search"))
    async with running(first) as log, running(second) as same:
        assert log is same
        await log.append(records(0, 10, "1.processed"))
        await until(lambda: seen == {"archive": 10, "search": 10})
        await until(lambda: first.accepted("1.processed", 0) == second.accepted("1.processed", 0) == 9)
    committed: dict[str, dict[int, int]] = {}
    async with open_log(process.settings) as log:
        for group in ("faultline-archive", "faultline-search"):
            committed[group] = await log.committed(group, "1.processed")
    assert committed == {"faultline-archive": {0: 10}, "faultline-search": {0: 10}}


async def test_local_copies_of_a_former_generation_are_deleted(database: str, tmp_path: Path) -> None:
    for generation in ("1", "2", "3"):
        (tmp_path / "state" / "crashes" / generation / "tables").mkdir(parents=True)
    role = RoleApp("crashes", Process(Settings(database=database, data=str(tmp_path), rocksdb_mb=16), 2, "log"))
    role.consume("crashes", _nothing)
    async with running(role):
        assert {folder.name for folder in role.directory.parent.iterdir()} == {"2", "3"}


async def _nothing(_: Batch, __: Claim) -> None:
    pass


def test_a_table_has_one_name_in_its_role(process: Process) -> None:
    role = RoleApp("crashes", process)
    role.durable_table(STATE)
    with pytest.raises(ValueError, match="state"):
        role.durable_table(STATE)
