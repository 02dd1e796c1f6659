"""The timings agent on the real log: whatever is killed, redelivered or lost, each duration counts once."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.batch.result import BatchResult
from agents.batch.timings import KINDS, OTHER, TimingBatch
from agents.timings import TimingsAgent
from app.cells import SKEW, Cell, timing_group
from app.log.contract import Record
from app.log.postgres.log import PostgresLog
from app.model import Facts, Refused
from tables import latency, names, seen
from tests.support import source_parts as parts
from tests.support.batches import NOW, TARGETS, record, refused, total
from tests.support.source_parts import MakeRole, Owner


def timing(offset: int, *measured: tuple[str, float], event: str = "", received: int = NOW) -> Record:
    """Return an event of requests (path, ms); its id follows from the offset unless given."""
    items = [{"url": f"https://shop.example{path}", "timing": {"t": "p", "du": ms}} for path, ms in measured]
    time = datetime.fromtimestamp(received / 1000, UTC).isoformat()
    content = {"timestamp": time, "version": "shop@1", "data": json.dumps(items)}
    facts = Facts(1, "timing", "timing", event or f"{offset:032x}", received)
    return record(offset, facts, json.dumps(content).encode(), "1.timings")


def cell(name: str, release: str = "") -> Cell:
    return Cell("t", 1, timing_group("page", name), release)


def one_pass(records: Sequence[Record]) -> BatchResult:
    """Return the result of the records as one batch, on empty state."""
    result = BatchResult("timings", records, TARGETS)
    TimingBatch(result, seen.Seen({}), names.Names(lambda _: ())).add_all(result.readable(KINDS))
    return result


def mixed(chance: random.Random) -> list[Record]:
    """Return timings of more names than are kept, with copies, refusals, and records that can never be processed."""
    records, now = [], NOW
    for offset in range(60):
        now += chance.choice([0, 20_000, 3 * 3_600_000])
        measured = [(f"/p{chance.choice('abcdefgh')}", chance.uniform(0, 5000)) for _ in range(chance.randrange(4))]
        made = timing(
            offset, *measured, event=f"{chance.randrange(40):032x}", received=now - chance.randrange(SKEW * 1000)
        )
        others = [
            record(offset, None, b"?", "1.timings"),
            record(offset, Facts(1, "timing", "timing", f"b{offset}", now), b"[]", "1.timings"),
            refused(offset, Refused("timing", "filtered", "rum", 2), topic="1.timings"),
        ]
        records.append(made if chance.random() > 0.1 else chance.choice(others))
    return records


@pytest.mark.parametrize("seed", range(6))
async def test_any_schedule_of_kills_counts_what_one_pass_counts(
    log: PostgresLog, role: MakeRole, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST", 3)
    chance = random.Random(seed)
    records = mixed(chance)
    await parts.survive(TimingsAgent, role, records, chance)
    whole = one_pass(records)
    assert await parts.counted(log) == parts.sums_of(whole.deltas())
    assert await parts.stored(log) == whole.stored
    assert total(whole.deltas(), cell(OTHER)), "more names came than are kept"


async def test_a_copy_counts_once_and_every_duration_in_its_cells(log: PostgresLog, role: MakeRole) -> None:
    first = timing(0, ("/a/1", 80.5), ("/a/2", 80.5), ("/b", 7.0), event="e")
    async with Owner(TimingsAgent, role(), 1) as owner:
        await owner.handle([first])
        await owner.handle([timing(1, ("/a/1", 1.0), event="e")])
    deltas = [delta for _, delta in await parts.deltas(log)]
    for release in ("", "shop@1"):
        for size in (60, 3600, 86_400):
            assert total(deltas, cell("/a/{id}", release), size) == {"timings": 2}
            assert total(deltas, cell("/b", release), size) == {"timings": 1}
    assert total(deltas, Cell("l", 1, "timing")) == {"grouped": 1, "duplicate": 1}
    buckets = Counter(
        entry.users["ms"] for delta in deltas for entry in delta.entries if delta.cells.get(cell("/a/{id}").key())
        if "ms" in entry.users
    )  # fmt: skip
    assert buckets[latency.bucket(80.5)] == 2


async def test_names_are_bounded_whoever_owns_the_partition(
    log: PostgresLog, role: MakeRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST", 3)
    one = role()
    async with Owner(TimingsAgent, one, 1) as owner:
        await owner.handle([timing(0, ("/a", 1), ("/b", 1))])
    parts.lose(one.folder)
    async with Owner(TimingsAgent, role(), 2) as owner:
        await owner.handle([timing(1, ("/c", 1), ("/d", 1), ("/a", 1))])
        await owner.handle([timing(2, ("/e", 1), ("/b", 1))])
    deltas = [delta for _, delta in await parts.deltas(log)]
    found = {name: total(deltas, cell(name)).get("timings", 0) for name in ("/a", "/b", "/c", "/d", "/e", OTHER)}
    assert found == {"/a": 2, "/b": 2, "/c": 1, "/d": 0, "/e": 0, OTHER: 2}


async def test_state_expires_after_its_day_and_only_behind_the_owners_accepted_commit(role: MakeRole) -> None:
    later = NOW + 2 * seen.DAY_MS + 3 * 3_600_000
    second = [timing(1, ("/b", 1), received=later)]
    one = role()
    async with Owner(TimingsAgent, one, 1) as owner:
        table = one.tables[0]
        await owner.handle([timing(0, ("/a", 1))])
        await owner.handle(second)
        await owner.handle([timing(2, ("/c", 1), received=later)])
        assert (len(list(table.scan(0, seen.CHUNK))), len(list(table.scan(0, names.NAME)))) == (3, 3)
        owner.commit(second)
        await owner.handle([timing(3, ("/c", 1), received=later)])
        assert (len(list(table.scan(0, seen.CHUNK))), len(list(table.scan(0, names.NAME)))) == (3, 2)
    parts.lose(one.folder)
    two = role()
    async with Owner(TimingsAgent, two, 2):
        assert len(list(two.tables[0].scan(0, names.NAME))) == 2, "the changelog forgot it too"
