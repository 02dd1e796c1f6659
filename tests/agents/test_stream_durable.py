"""Durable tables on the real log: reads, the order of writes, and recovery."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from app.log.batch import Claim
from app.log.contract import LogUnavailable, NewRecord, Record, TopicSpec
from app.log.postgres.log import PostgresLog
from app.state.rocksdb import Memory, Store
from app.state.table import DurableTable, Revoked, UnknownOutcome, working_claim
from tables.spec import Localise, Read, identity

CHANGELOG = "1.state"
MEMORY = Memory(16)


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as opened:
        await opened.ensure([TopicSpec(CHANGELOG, 2, "compact")])
        yield opened


def table(log: PostgresLog, folder: Path, localise: Localise = identity, log_id: str = "log") -> DurableTable:
    made = DurableTable("state", CHANGELOG, localise=localise)
    made.attach(log, folder, MEMORY, log_id)
    return made


def chunked(_: Read, key: bytes, value: bytes | None) -> Iterable[tuple[bytes, bytes | None]]:
    """A changelog record of several local keys, as ``a=1,b=2``."""
    for item in (value or b"").split(b","):
        if item:
            name, content = item.split(b"=")
            yield key + b"/" + name, content


def greatest(read: Read, key: bytes, value: bytes | None) -> Iterable[tuple[bytes, bytes | None]]:
    local = key.partition(b"@")[0]
    if value is not None and value > (read(local) or b""):
        yield local, value


async def test_what_is_staged_is_read_at_once_and_stored_by_the_flush(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(0, 1)
    state.stage(0, b"a", b"1")
    state.stage(0, b"b", b"2", headers={"h": b"x"})
    assert state.read(0, b"a") == b"1"
    assert state.read_many(0, [b"b", b"c", b"a"]) == [b"2", None, b"1"]
    assert list(state.scan(0, b"")) == []
    await state.flush(0)
    assert list(state.scan(0, b"")) == [(b"a", b"1"), (b"b", b"2")]
    assert [(r.key, r.value, r.headers) for r in await log.read(CHANGELOG, 0, 0)] == [
        (b"a", b"1", {}),
        (b"b", b"2", {"h": b"x"}),
    ]
    state.stage(0, b"a", None)
    assert state.read(0, b"a") is None
    await state.flush(0)
    assert state.read_many(0, [b"a", b"b"]) == [None, b"2"]
    state.close(0)


async def test_a_scan_gives_one_prefix_in_order(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(1, 1)
    for key in (b"b2", b"a1", b"b1", b"c", b"b"):
        state.stage_local(1, key, b"x")
    await state.flush(1)
    assert [key for key, _ in state.scan(1, b"b")] == [b"b", b"b1", b"b2"]
    assert await log.read(CHANGELOG, 1, 0) == []
    state.close(1)


async def test_discarded_work_leaves_no_trace(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(0, 1)
    state.stage(0, b"a", b"1")
    state.discard(0)
    await state.flush(0)
    assert state.read(0, b"a") is None
    assert await log.read(CHANGELOG, 0, 0) == []
    state.close(0)


@pytest.mark.parametrize("localise", [identity, chunked, greatest])
async def test_a_lost_copy_is_recovered_to_the_same(log: PostgresLog, tmp_path: Path, localise: Localise) -> None:
    state = table(log, tmp_path / "one", localise)
    await state.open(0, 1)
    for n in range(30):
        state.stage(0, b"k%d@%d" % (n % 7, n), b"a=%d,b=%d" % (n, -n))
        if n % 4 == 0:
            await state.flush(0)
    await state.flush(0)
    before = list(state.scan(0, b""))
    state.close(0)
    assert before
    for folder in ("two", "one"):  # without any local copy, and with one that is complete
        again = table(log, tmp_path / folder, localise)
        await again.open(0, 2)
        assert list(again.scan(0, b"")) == before
        again.close(0)


async def test_an_old_copy_takes_what_came_since(log: PostgresLog, tmp_path: Path) -> None:
    old, new = table(log, tmp_path / "old", greatest), table(log, tmp_path / "new", greatest)
    await old.open(0, 1)
    old.stage(0, b"k@1", b"5")
    await old.flush(0)
    old.close(0)
    await new.open(0, 2)
    new.stage(0, b"k@2", b"7")
    new.stage(0, b"k@1", None)
    await new.flush(0)
    new.close(0)
    await log.append([NewRecord(CHANGELOG, 0, b"k@1", b"6", {}, 0)])  # a stopped worker wakes up and sends
    await old.open(0, 3)
    assert old.read(0, b"k") == b"7"
    old.close(0)


@pytest.mark.parametrize("localise", [identity, greatest, chunked])
async def test_what_another_owner_wrote_in_between_is_in_both_copies(
    log: PostgresLog, tmp_path: Path, localise: Localise
) -> None:
    """A zombie flushes beside its successor: whichever copy is opened next must hold what each of them wrote."""
    zombie, successor = (table(log, tmp_path / name, localise) for name in ("zombie", "successor"))
    await zombie.open(0, 1)
    await successor.open(0, 2)
    for owner, key, value in [
        (zombie, b"first@1", b"a=1"), (successor, b"second@2", b"a=2"), (zombie, b"third@1", b"a=3"),
        (successor, b"third@2", b"a=4"), (zombie, b"first@1", b"a=5"), (zombie, b"last@1", b"a=6"),
        (successor, b"last@2", b"a=7"),
    ]:  # fmt: skip
        owner.stage(0, key, value)
        await owner.flush(0)
    zombie.stage_local(0, b"only here", b"1")
    zombie.stage(0, b"end@1", b"a=8")
    await zombie.flush(0)
    assert zombie.read(0, b"only here") == b"1"
    zombie.close(0)
    successor.close(0)
    found = []
    for folder in ("zombie", "successor", "new"):
        copy = table(log, tmp_path / folder, localise)
        await copy.open(0, 3)
        found.append([item for item in copy.scan(0, b"") if item[0] != b"only here"])
        copy.close(0)
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == (5 if localise is greatest else 7)


async def test_a_record_that_the_other_owners_newer_one_replaced_still_counts(log: PostgresLog, tmp_path: Path) -> None:
    zombie = table(log, tmp_path, greatest)
    await zombie.open(0, 1)
    await log.append([NewRecord(CHANGELOG, 0, b"k@2", b"5", {}, 0)])
    zombie.stage(0, b"k@1", b"7")
    append = log.append

    async def overtaken(records: Sequence[NewRecord]) -> list[int]:
        offsets = await append(records)
        await append([NewRecord(CHANGELOG, 0, b"k@1", b"6", {}, 0)])  # compaction takes ours
        return offsets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "append", overtaken)
        await zombie.flush(0)
    assert zombie.read(0, b"k") == b"7"
    zombie.stage(0, b"other@1", b"1")
    await zombie.flush(0)
    assert zombie.read(0, b"k") == b"7"
    zombie.close(0)


async def test_records_that_compaction_removed_are_not_waited_for(log: PostgresLog, tmp_path: Path) -> None:
    first, second = table(log, tmp_path / "first"), table(log, tmp_path / "second")
    await first.open(0, 1)
    for value in (b"1", b"2", b"3"):
        first.stage(0, b"a", value)
        await first.flush(0)
    await second.open(0, 2)
    second.stage(0, b"a", b"4")
    second.stage(0, b"b", b"1")
    await second.flush(0)
    second.close(0)
    first.stage(0, b"c", b"1")
    await first.flush(0)
    assert list(first.scan(0, b"")) == [(b"a", b"4"), (b"b", b"1"), (b"c", b"1")]
    first.close(0)


async def test_a_copy_of_another_log_is_dropped(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(0, 1)
    state.stage(0, b"a", b"1")
    state.stage_local(0, b"only here", b"1")
    await state.flush(0)
    state.close(0)
    other = table(log, tmp_path, log_id="another")
    await other.open(0, 1)
    assert list(other.scan(0, b"")) == [(b"a", b"1")]
    other.close(0)


async def test_a_copy_that_is_ahead_of_its_changelog_is_dropped(log: PostgresLog, tmp_path: Path) -> None:
    store = Store(tmp_path / "state" / "0.rocksdb", MEMORY, "log")
    store.write({b"never": b"acknowledged"}, 10)
    store.close()
    state = table(log, tmp_path)
    await state.open(0, 1)
    assert list(state.scan(0, b"")) == []
    state.close(0)


async def test_a_damaged_copy_is_made_anew_from_the_changelog(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(0, 1)
    state.stage(0, b"a", b"1")
    await state.flush(0)
    state.close(0)
    for manifest in (tmp_path / "state" / "0.rocksdb").glob("MANIFEST-*"):
        manifest.write_bytes(b"not what it was")
    await state.open(0, 2)
    assert list(state.scan(0, b"")) == [(b"a", b"1")]
    state.close(0)


async def test_a_copy_that_another_process_has_open_is_waited_for(log: PostgresLog, tmp_path: Path) -> None:
    held = Store(tmp_path / "state" / "0.rocksdb", MEMORY, "log")
    state = table(log, tmp_path)
    opening = asyncio.create_task(state.open(0, 1))
    await asyncio.sleep(0.3)
    assert not opening.done()
    held.close()
    await opening
    assert state.read(0, b"a") is None
    state.close(0)


async def test_only_the_owner_of_now_reads_and_writes(log: PostgresLog, tmp_path: Path) -> None:
    state = table(log, tmp_path)
    await state.open(0, 1)
    token = working_claim.set(Claim(0, 1))
    state.stage(0, b"a", b"1")
    state.close(0)
    with pytest.raises(Revoked):
        await state.flush(0)
    await state.open(0, 2)
    with pytest.raises(Revoked):
        state.stage(0, b"a", b"1")
    working_claim.reset(token)
    state.stage(0, b"a", b"1")
    state.close(0)
    assert await log.read(CHANGELOG, 0, 0) == []


class Unanswered(PostgresLog):
    """A log whose appends arrive, though their answer does not."""

    async def append(self, records: object) -> list[int]:
        await super().append(records)  # type: ignore[arg-type]  # handed through
        raise LogUnavailable("the answer was lost")


async def test_a_flush_of_unknown_outcome_is_no_reason_to_try_again(database: str, tmp_path: Path) -> None:
    async with Unanswered(database) as log:
        await log.ensure([TopicSpec(CHANGELOG, 2, "compact")])
        state = table(log, tmp_path)
        await state.open(0, 1)
        state.stage(0, b"a", b"1")
        with pytest.raises(UnknownOutcome):
            await state.flush(0)
        assert list(state.scan(0, b"")) == []  # never ahead of what is known to be in the changelog
        state.close(0)
        records: list[Record] = await log.read(CHANGELOG, 0, 0)
        assert [r.key for r in records] == [b"a"]
        await state.open(0, 2)
        assert state.read(0, b"a") == b"1"
        state.close(0)
