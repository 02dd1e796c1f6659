"""The crashes agent on the real log: whatever is killed, redelivered or lost, each crash counts once."""

import random
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec
import pytest

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.dead_letters import TooManyDeadLetters
from agents.batch.result import BatchResult
from agents.crashes import Crashes
from app.cells import SKEW
from app.log.batch import Batch
from app.log.contract import LogUnavailable, Record
from app.log.dead_letters import find, listing
from app.log.postgres.log import PostgresLog
from app.model import Address, Facts
from app.records import UnknownSchema, decode_dead_letter, decode_processed, encode_facts
from app.state.table import UnknownOutcome
from app.stores.admin.rules import ProjectRules
from app.topics import DEAD_LETTERS, FACTS, PROCESSED
from tables import seen
from tests.support import source_parts as parts
from tests.support.batches import NOW, TARGETS, crash, record
from tests.support.source_parts import PARTITIONS, Killed, MakeRole, Owner, Role


@pytest.fixture
def role(log: PostgresLog, database: str, tmp_path: Path, secrets: dict[int, bytes]) -> MakeRole:
    assert secrets
    return lambda: Role(log, database, tmp_path / "state", limit=5)


def one_pass(records: Sequence[Record], secrets: dict[int, bytes]) -> BatchResult:
    """Return the result of the records as one batch, on empty state."""
    result = BatchResult("crashes", records, TARGETS)
    CrashBatch(result, seen.Seen({}), secrets).add_all(result.readable(KINDS))
    return result


def mixed(chance: random.Random) -> list[Record]:
    """Return crashes with copies near and far, messages, and records that can never be processed."""
    records, now = [], NOW
    for offset in range(60):
        now += chance.choice([0, 20_000, 3 * 3_600_000])
        received = now - chance.randrange(SKEW * 1000)
        made = crash(offset, f"{chance.randrange(30):032x}", received=received, release=f"r{offset % 3}")
        if chance.random() < 0.1:
            made = msgspec.structs.replace(made, value=b"[]")
        records.append(made if chance.random() > 0.05 else record(offset, None, b"?"))
    return records


@pytest.mark.parametrize("seed", range(6))
async def test_any_schedule_of_kills_counts_what_one_pass_counts(
    log: PostgresLog, role: MakeRole, secrets: dict[int, bytes], seed: int
) -> None:
    chance = random.Random(seed)
    records = mixed(chance)
    await parts.survive(Crashes, role, records, chance)
    whole = one_pass(records, secrets)
    assert await parts.counted(log) == parts.sums_of(whole.deltas())
    assert await parts.stored(log) == whole.stored
    letters = await listing(log, 1)
    assert sorted(dead.address.offset for dead in letters) == sorted(dead.address.offset for dead in whole.dead_letters)


async def test_downstream_is_durable_before_the_state_and_the_state_before_the_end(
    log: PostgresLog, role: MakeRole
) -> None:
    changelog = "1.crashes-seen-changelog"
    one = role()
    one.log.kill_in, one.log.before, one.log.atomic = 2, True, False
    async with Owner(Crashes, one, 1) as owner:
        with pytest.raises(Killed):
            await owner.handle([crash(0)])
    assert len(await parts.deltas(log)) == PARTITIONS
    assert (await log.bounds(changelog))[0].end == 0
    async with Owner(Crashes, role(), 2) as owner:
        await owner.handle([crash(0), crash(1)])
    assert (await log.bounds(changelog))[0].end == 1


async def test_an_atomic_log_takes_downstream_and_state_in_one_append(log: PostgresLog, role: MakeRole) -> None:
    one = role()
    async with Owner(Crashes, one, 1) as owner:
        await owner.handle([crash(0)])
        assert one.log.appends == 1
        one.log.kill_in = 2
        with pytest.raises(Killed):
            await owner.handle([crash(1)])
    assert len(await parts.deltas(log)) == 2 * PARTITIONS
    assert (await log.bounds("1.crashes-seen-changelog"))[0].end == 2
    async with Owner(Crashes, role(), 2) as owner:
        await owner.handle([crash(0), crash(1), crash(2)])
    assert len(await parts.stored(log)) == 3
    assert (await log.bounds("1.crashes-seen-changelog"))[0].end == 3


@pytest.mark.parametrize(("atomic", "error"), [(True, UnknownOutcome), (False, LogUnavailable)])
async def test_no_state_is_written_where_sending_failed(
    log: PostgresLog, role: MakeRole, error: type[Exception], *, atomic: bool
) -> None:
    one = role()
    one.log.atomic = atomic
    async with Owner(Crashes, one, 1) as owner:
        one.log.away = True
        with pytest.raises(error):
            await owner.handle([crash(0)])
        one.tables[0].discard(0)  # as before each try of a batch
        await one.tables[0].flush(0)
        assert (await log.bounds("1.crashes-seen-changelog"))[0].end == 0
        one.log.away = False
        await owner.handle([crash(0)])
    assert len(await parts.stored(log)) == 1


async def test_an_idle_source_sends_an_empty_span_to_every_partition(log: PostgresLog, role: MakeRole) -> None:
    batch = Batch(topic="1.crashes", partition=0, records=[], position=7, idle_at=NOW)
    async with Owner(Crashes, role(), 1) as owner:
        await owner.agent.handle(batch, owner.claim)
    spans = await parts.deltas(log)
    assert [home for home, _ in spans] == list(range(PARTITIONS))
    assert {(delta.first, delta.last, delta.received, *delta.cells) for _, delta in spans} == {(7, 6, NOW)}
    assert await parts.read_all(log, PROCESSED) == []


async def test_a_batch_that_makes_too_large_a_record_is_sent_in_halves_in_turn(
    log: PostgresLog, role: MakeRole, secrets: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.batch.result.LARGEST", 3000)
    records = [crash(n, f"{n % 20:032x}", release=f"r{n}") for n in range(40)]
    async with Owner(Crashes, role(), 1) as owner:
        await owner.handle(records)
    blocks = [decode_processed(made.value or b"") for made in await parts.read_all(log, PROCESSED)]
    spans = [(block.first, block.last) for block in blocks]
    assert len(spans) > 2
    assert [a for a, _ in spans] == [0, *(b + 1 for _, b in spans[:-1])]
    assert await parts.counted(log) == parts.sums_of(one_pass(records, secrets).deltas())


async def test_offsets_that_retention_took_are_in_the_span(log: PostgresLog, role: MakeRole) -> None:
    async with Owner(Crashes, role(), 1) as owner:
        await owner.handle([crash(0)])
        await owner.handle([crash(5)], lost=4)
    assert {(delta.first, delta.last) for _, delta in await parts.deltas(log)} == {(0, 0), (1, 5)}


async def test_seen_chunks_expire_only_behind_the_owners_accepted_commit(role: MakeRole) -> None:
    later = NOW + seen.DAY_MS + 3 * 3_600_000
    first, second, third = [crash(0)], [crash(1, received=later)], [crash(2, received=later)]
    one = role()
    async with Owner(Crashes, one, 1) as owner:
        table = one.tables[0]
        await owner.handle(first)
        await owner.handle(second)
        await owner.handle(third)
        assert len(list(table.scan(0, seen.CHUNK))) == 3, "nothing was committed, so nothing may go"
        owner.commit(second)
        await owner.handle([crash(3, received=later)])
        assert len(list(table.scan(0, seen.CHUNK))) == 3, "the first chunk went, one came"
        assert len(list(table.scan(0, seen.ENTRY))) == 3
    another = role()
    async with Owner(Crashes, another, 2) as owner:
        assert len(list(another.tables[0].scan(0, seen.CHUNK))) == 3
    parts.lose(another.folder)
    async with Owner(Crashes, role(), 3) as owner:
        assert len(list(owner.role.tables[0].scan(0, seen.ENTRY))) == 3, "the changelog forgot it too"


async def test_a_new_claim_expires_nothing_before_its_first_commit(role: MakeRole) -> None:
    later = NOW + 3 * seen.DAY_MS
    one = role()
    async with Owner(Crashes, one, 1) as owner:
        await owner.handle([crash(0)])
        owner.commit([crash(0)])
    two = role()
    async with Owner(Crashes, two, 2) as owner:
        await owner.handle([crash(1, received=later)])
        await owner.handle([crash(2, received=later)])
        assert len(list(two.tables[0].scan(0, seen.CHUNK))) == 3


async def test_too_many_failures_in_a_row_stop_the_worker_and_a_retry_counts_none_twice(role: MakeRole) -> None:
    one = role()
    bad = [record(n, None) for n in range(3)]

    async with Owner(Crashes, one, 1) as owner:
        one.log.away = True
        for _ in range(4):
            with pytest.raises(LogUnavailable):
                await owner.handle(bad)
        one.log.away = False
        await owner.handle(bad)
        with pytest.raises(TooManyDeadLetters):
            await owner.handle([record(n, None) for n in range(3, 6)])


async def test_what_a_newer_ingest_wrote_is_passed_on_to_stop_the_worker(log: PostgresLog, role: MakeRole) -> None:
    newer = msgspec.structs.replace(crash(0), headers={FACTS: b'{"schema": 9}'})
    async with Owner(Crashes, role(), 1) as owner:
        with pytest.raises(UnknownSchema):
            await owner.handle([newer])
    assert await parts.deltas(log) == []


async def test_dead_letters_are_listed_once_the_newest_first_and_found_by_address(
    log: PostgresLog, role: MakeRole
) -> None:
    bad = [msgspec.structs.replace(crash(n, received=NOW + n), value=b"[]") for n in range(4)]
    for epoch in (1, 2):
        async with Owner(Crashes, role(), epoch) as owner:
            await owner.handle(bad)
    assert len(await parts.read_all(log, DEAD_LETTERS)) == 8
    assert [dead.address.offset for dead in await listing(log, 1)] == [3, 2, 1, 0]
    assert [dead.address.offset for dead in await listing(log, 1, limit=2)] == [3, 2]
    assert await listing(log, 1, project=9) == []
    (found,) = await find(log, 1, Address("1.crashes", 0, 2))
    assert found == decode_dead_letter(
        next(r.value or b"" for r in await parts.read_all(log, DEAD_LETTERS) if r.key == b"crashes/1.crashes/0/2")
    )


def stamped(offset: int, text: str, rules: int) -> Record:
    """Return a crash of a project whose keys are compared, stamped with a version of its rules."""
    raised = {"type": "OrderError", "value": text, "stacktrace": {"frames": [{"function": "order", "in_app": True}]}}
    made = crash(offset, exception={"values": [raised]})
    facts = Facts(1, "sentry", "error", f"{offset:032x}", NOW, grouping="g2", project_rules=rules)
    return msgspec.structs.replace(made, headers={FACTS: encode_facts(facts)})


async def test_each_record_is_grouped_by_the_rules_that_it_is_stamped_with(
    log: PostgresLog, role: MakeRole, database: str, secrets: dict[int, bytes]
) -> None:
    """A version that the worker has not read yet is read before the batch."""
    assert secrets
    async with asyncpg.create_pool(database, min_size=0, max_size=1) as pool:
        await pool.execute("update projects set grouping = 'g2'")
        rules = ProjectRules(pool)
        assert await rules.set_text(1, '[[group_by]]\nname = "all"\ntype = "OrderError"') == 1
        async with Owner(Crashes, role(), 1) as owner:
            await owner.handle([stamped(0, "no stock", 0), stamped(1, "the till is shut", 1)])
            assert await rules.set_text(1, "") == 2
            await owner.handle([stamped(2, "no more rooms", 1), stamped(3, "no stock", 2)])
    found = {facts.sample_offset: key for _, delta in await parts.deltas(log) for key, facts in delta.groups.items()}
    assert found[1] == found[2], "both by the rule"
    assert found[0] == found[3], "both without"
    assert found[0] != found[1]


async def test_a_sight_is_sent_until_its_append_is_acknowledged(
    log: PostgresLog, role: MakeRole, secrets: dict[int, bytes]
) -> None:
    assert secrets
    living = role()
    living.log.atomic = False  # as on Kafka, where the same process tries again
    async with Owner(Crashes, living, 1) as owner:
        living.log.away = True
        with pytest.raises(LogUnavailable):
            await owner.handle([stamped(0, "no stock", 0)])
        living.log.away = False
        await owner.handle([stamped(0, "no stock", 0)])
        await owner.handle([stamped(1, "no stock", 0)])
    groups = [facts for _, delta in await parts.deltas(log) for facts in delta.groups.values()]
    sights = sorted((facts.sample_offset, len(facts.sights)) for facts in groups)
    assert sights == [(0, 1), (1, 0)]
