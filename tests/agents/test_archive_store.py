"""The archive as its agent writes it and the file server reads it: a real folder and S3, a real PostgreSQL."""

import random
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import asyncpg
import pytest

from app.files.archiver import ArchiveGap, Archiver
from app.files.catalogue import Catalogue, rebuild
from app.files.names import OffsetSpan, parse_name
from app.files.read import ObjectArchive
from app.model import Address
from app.records import Processed
from app.stores.errors import StoreUnavailable
from app.stores.objects.contract import ObjectStore
from app.stores.objects.folder import FolderObjects
from app.stores.objects.open import open_objects
from app.topics import Source
from tests.agents.archive_parts import FailingBlobs, Killed, flatten, has_report, processed, reports, stored

Pool = asyncpg.Pool
SOURCE = Source("1.crashes", 0)
SMALL = 20_000
"""Bytes at which objects close here, so that merges of all kinds happen with little data."""


@pytest.fixture
async def pool(database: str) -> AsyncIterator["Pool"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=4) as pool:
        yield pool


@pytest.fixture(params=["folder", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    url = request.getfixturevalue("s3_url") if request.param == "s3" else f"file://{tmp_path}/files"
    async with open_objects(url) as opened:
        yield opened


async def log_start(_: Source) -> int:
    return 0


def archiver(blobs: ObjectStore, pool: "Pool", limit: int = SMALL) -> Archiver:
    return Archiver(blobs, Catalogue(pool), log_start, limit)


async def names(blobs: ObjectStore) -> list[str]:
    return [name async for name in blobs.list("")]


async def check(blobs: ObjectStore, pool: "Pool", last: int, first: int = 0) -> None:
    """Check that each report is read once, byte-exact, by stream and by address; and the catalogue is the listing."""
    archive = ObjectArchive(blobs, pool, 1 << 20)
    assert await flatten(archive.stream(*SOURCE, first, last + 100)) == reports(first, last)
    for offset in range(first, last + 2):
        expected = stored(offset) if offset <= last and has_report(offset) else None
        assert await archive.read(Address(*SOURCE, offset)) == expected
    assert await archive.gaps(*SOURCE, first, last) == []
    rows = await pool.fetch("select name, bytes from objects order by name")
    assert [row["name"] for row in rows] == await names(blobs)
    assert [row["bytes"] for row in rows] == [await blobs.size(name) for name in await names(blobs)]


async def test_batches_are_durable_when_store_returns_and_small_objects_remain_few(
    blobs: ObjectStore, pool: "Pool"
) -> None:
    writer, at, most = archiver(blobs, pool), 0, 0
    cuts = random.Random(1)
    for _ in range(150):
        length = cuts.randint(1, 6)
        await writer.store([processed(at, at + length - 1)])
        at += length
        most = max(most, len(await names(blobs)))
    await check(blobs, pool, at - 1)
    closed = [name for name in await names(blobs) if await blobs.size(name) >= SMALL]
    assert closed
    assert most < 40


async def test_several_batches_and_sources_in_one_call(blobs: ObjectStore, pool: "Pool") -> None:
    sessions = processed(0, 9, topic="1.sessions")
    await archiver(blobs, pool).store([processed(0, 3), sessions, processed(4, 9), processed(10, 9)])
    parsed = [parse_name(name) for name in await names(blobs)]
    assert parsed == [(SOURCE, OffsetSpan(0, 9)), (Source("1.sessions", 0), OffsetSpan(0, 9))]


@pytest.mark.parametrize("seed", range(4))
async def test_redelivery_in_other_cuts_adds_nothing(blobs: ObjectStore, pool: "Pool", seed: int) -> None:
    cuts = random.Random(seed)
    writer, end = archiver(blobs, pool), -1
    for _ in range(40):
        if cuts.random() < 0.3:
            writer = archiver(blobs, pool)  # another process takes over
        a = max(0, end + 1 - cuts.randint(0, 9))
        b = a + cuts.randint(0, 12)
        await writer.store([processed(a, b, per_block=cuts.randint(1, 4))])
        end = max(end, b)
    await check(blobs, pool, end)


async def test_killed_between_any_two_steps(blobs: ObjectStore, pool: "Pool") -> None:
    batches = [processed(at, at + 3) for at in range(0, 80, 4)]
    for kill_at in range(0, 26, 1 if isinstance(blobs, FolderObjects) else 5):
        await pool.execute("delete from objects")
        for name in await names(blobs):
            await blobs.delete(name)
        done = await stored_before_kill(archiver(FailingBlobs(blobs, kill_at), pool), batches)
        if done:
            await readable(blobs, pool, done * 4 - 1)
        writer = archiver(blobs, pool)
        for batch in recut(batches[max(0, done - 1) :]):  # what was not committed comes again, cut differently
            await writer.store([batch])
        await check(blobs, pool, 79)


async def stored_before_kill(writer: Archiver, batches: list[Processed]) -> int:
    """Store until the kill and count the batches that were acknowledged."""
    for done, batch in enumerate(batches):
        try:
            await writer.store([batch])
        except Killed:
            return done
    pytest.fail("nothing was killed")


async def readable(blobs: ObjectStore, pool: "Pool", last: int) -> None:
    """Check that acknowledged reports can be read before a writer repairs what a killed one left."""
    archive = ObjectArchive(blobs, pool, 1 << 20)
    assert await flatten(archive.stream(*SOURCE, 0, last)) == reports(0, last)
    assert await archive.read(Address(*SOURCE, last - 1)) == (stored(last - 1) if has_report(last - 1) else None)


def recut(batches: list[Processed]) -> list[Processed]:
    first, last = batches[0].first, batches[-1].last
    return [processed(at, min(at + 6, last), per_block=2) for at in range(first, last + 1, 7)]


async def test_killed_between_the_object_and_its_catalogue_row(blobs: ObjectStore, pool: "Pool") -> None:
    class Stopped(Catalogue):
        async def replace(self, *_: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        await Archiver(blobs, Stopped(pool), log_start, SMALL).store([processed(0, 5)])
    assert len(await names(blobs)) == 1
    await archiver(blobs, pool).store([processed(0, 5)])
    await check(blobs, pool, 5)


async def test_a_zombie_and_its_successor_lose_nothing_together(blobs: ObjectStore, pool: "Pool") -> None:
    zombie, owner = archiver(blobs, pool), archiver(blobs, pool)
    end = {zombie: -1, owner: -1}
    cuts = random.Random(5)
    for _ in range(60):
        writer = cuts.choice([zombie, owner])
        a, b = end[writer] + 1, end[writer] + cuts.randint(1, 7)
        await retried(writer, processed(a, b))
        end[writer] = b
    last = max(end.values())
    archive = ObjectArchive(blobs, pool, 1 << 20)
    assert await flatten(archive.stream(*SOURCE, 0, last)) == reports(0, last)
    assert [
        await archive.read(Address(*SOURCE, offset)) for offset in range(last + 1) if has_report(offset)
    ] == reports(0, last)
    await archiver(blobs, pool).store([processed(last, last + 1)])
    await check(blobs, pool, last + 1)


async def retried(writer: Archiver, batch: Processed) -> None:
    """Store as the agent does: repeat the call after StoreUnavailable."""
    try:
        await writer.store([batch])
    except (StoreUnavailable, FileNotFoundError):
        await writer.store([batch])


async def test_a_gap_is_fatal_while_the_log_has_the_missing_offsets(blobs: ObjectStore, pool: "Pool") -> None:
    writer = archiver(blobs, pool)
    await writer.store([processed(0, 5)])
    with pytest.raises(ArchiveGap, match=r"1\.crashes/0: expected offset 6, received 8; 6-7 are missing"):
        await writer.store([processed(8, 9)])
    await writer.store([processed(6, 9)])
    await check(blobs, pool, 9)


async def test_a_gap_of_retention_is_listed(blobs: ObjectStore, pool: "Pool") -> None:
    async def late(_: Source) -> int:
        return 9

    writer = Archiver(blobs, Catalogue(pool), late, SMALL)
    await writer.store([processed(2, 5)])
    await writer.store([processed(6, 7), processed(9, 12), processed(13, 14)])
    archive = ObjectArchive(blobs, pool, 0)
    assert await flatten(archive.stream(*SOURCE, 0, 20)) == [*reports(2, 7), *reports(9, 14)]
    assert await archive.gaps(*SOURCE, 0, 20) == [OffsetSpan(0, 1), OffsetSpan(8, 8), OffsetSpan(15, 20)]
    for at in range(15, 60):
        await writer.store([processed(at, at)])
    assert await archive.gaps(*SOURCE, 2, 59) == [OffsetSpan(8, 8)]


async def test_a_rebuilt_catalogue_equals_the_written_one(blobs: ObjectStore, pool: "Pool") -> None:
    writer = archiver(blobs, pool)
    for at in range(0, 60, 2):
        await writer.store([processed(at, at + 1), processed(at, at + 1, topic="1.sessions")])
    await blobs.put("notes.txt", b"a foreign file")
    await blobs.put("1.crashes/0000/0000000000000000060-0000000000000000061.flt", b"torn")
    rows = "select topic, partition, first, last, name, bytes from objects order by name"
    before = await pool.fetch(rows)
    await pool.execute("delete from objects where topic = '1.crashes'")
    await pool.execute("update objects set bytes = 1")
    await pool.execute(
        "insert into objects values ('1.old', 0, 0, 1, '1.old/0000/0000000000000000000-0000000000000000001.flt', 9)"
    )
    assert await rebuild(blobs, pool) == len(before)
    assert await pool.fetch(rows) == before


async def test_torn_and_foreign_objects_are_skipped(blobs: ObjectStore, pool: "Pool") -> None:
    await archiver(blobs, pool).store([processed(0, 5)])
    place = "1.crashes/0000/"
    whole = await blobs.get(f"{place}0000000000000000000-0000000000000000005.flt", 0, 1 << 20)
    await blobs.put(f"{place}0000000000000000006-0000000000000000009.flt", b"half an obj")
    await blobs.put(f"{place}README", b"hello")
    await blobs.put(f"{place}0000000000000000000-0000000000000000099.flt", whole)
    await archiver(blobs, pool).store([processed(4, 9)])
    archive = ObjectArchive(blobs, pool, 1 << 20)
    assert await flatten(archive.stream(*SOURCE, 0, 99)) == reports(0, 9)


async def test_a_damaged_object_is_an_error_not_an_absence(blobs: ObjectStore, pool: "Pool") -> None:
    await archiver(blobs, pool).store([processed(0, 5)])
    (name,) = await names(blobs)
    data = bytearray(await blobs.get(name, 0, 1 << 20))
    data[10] ^= 1
    await blobs.put(name, bytes(data))
    archive = ObjectArchive(blobs, pool, 1 << 20)
    with pytest.raises(StoreUnavailable):
        await archive.read(Address(*SOURCE, 1))
    with pytest.raises(StoreUnavailable):
        await flatten(archive.stream(*SOURCE, 0, 5))


async def test_a_reader_continues_while_its_objects_are_merged(blobs: ObjectStore, pool: "Pool") -> None:
    writer, archive = archiver(blobs, pool), ObjectArchive(blobs, pool, 1 << 20)
    for at in range(7):
        await writer.store([processed(at, at)])
    seen, stream = [], archive.stream(*SOURCE, 0, 20)
    seen += await anext(stream)
    assert await archive.read(Address(*SOURCE, 3)) == stored(3)
    for at in range(7, 21):
        await writer.store([processed(at, at)])
    assert len(await names(blobs)) < 21
    assert [*seen, *await flatten(stream)] == reports(0, 20)
    assert await archive.read(Address(*SOURCE, 3)) == stored(3)


async def test_one_ranged_read_returns_one_report(tmp_path: Path, pool: "Pool") -> None:
    class Counting(FolderObjects):
        reads: list[int]

        async def get(self, name: str, start: int, length: int) -> bytes:
            self.reads.append(length)
            return await super().get(name, start, length)

    blobs = Counting(tmp_path)
    blobs.reads = []
    await archiver(blobs, pool).store([processed(0, 300, per_block=10)])
    archive = ObjectArchive(blobs, pool, 1 << 20)
    assert await archive.read(Address(*SOURCE, 99)) == stored(99)
    blobs.reads.clear()
    assert await archive.read(Address(*SOURCE, 101)) == stored(101)
    assert len(blobs.reads) == 1
    assert blobs.reads[0] <= 64 << 10


async def test_the_cache_of_indexes_is_bounded_in_bytes(blobs: ObjectStore, pool: "Pool") -> None:
    for at in range(0, 12, 3):
        await archiver(blobs, pool, limit=1).store([processed(at, at + 2)])
    index_bytes = 512 + 48
    for cache_bytes, cached in ((index_bytes - 1, 0), (2 * index_bytes, 2), (1 << 20, 4)):
        archive = ObjectArchive(blobs, pool, cache_bytes)
        for offset in range(12):
            assert await archive.read(Address(*SOURCE, offset)) == (stored(offset) if has_report(offset) else None)
        assert len(archive._indexes) == cached
        assert archive._indexes.currsize <= cache_bytes


async def test_a_database_that_is_away(blobs: ObjectStore, pool: "Pool") -> None:
    await archiver(blobs, pool).store([processed(0, 5)])
    archive = ObjectArchive(blobs, pool, 1 << 20)
    await pool.close()
    tries: list[Awaitable[object]] = [
        archive.read(Address(*SOURCE, 1)),
        archive.gaps(*SOURCE, 0, 5),
        archiver(blobs, pool).store([processed(6, 7)]),
    ]
    for attempt in tries:
        with pytest.raises(StoreUnavailable):
            await attempt
