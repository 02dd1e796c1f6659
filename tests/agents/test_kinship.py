"""The comparison of keys on a real PostgreSQL: the same components whatever the order, the cut, or who dies when."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import asyncpg
import msgspec
import pytest

from agents.batch.sights import SentSights
from app.grouping.sights import decode_features
from app.log.contract import Record
from app.runtime.kinship import LOCK, Stage
from app.stores.admin.rules import ProjectRules
from app.stores.aggregates.store import Aggregates
from tests.support import compared as parts
from tests.support.batches import NOW
from tests.support.compared import components, count, crash, delta_of, log_of, placed

WORDS = [f"{a}{b}{c}" for a in ("ba", "xi", "da", "mu", "re") for b in ("bel", "fid", "gor", "nas") for c in "aeiou"]
DEADLINE = 60.0
EVENTS = 20_000
ADDRESS = 'select grp, build, received, topic, partition, "offset" from group_sights order by grp, build'

Outcome = tuple[set[frozenset[str]], list[tuple[object, ...]]]
"""Components, and which sight stands for each key in each build."""
NewDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as opened:
        await parts.new_project(opened)
        yield opened


@pytest.fixture
def store(pool: "asyncpg.Pool[asyncpg.Record]") -> Aggregates:
    return Aggregates(pool)


def crashes(few: int = 9) -> list[Record]:
    """Return crashes of six statements in three releases: some known by line, some by no more than their words."""
    made: list[Record] = []
    for release in ("shop@1", "shop@2", "shop@3"):
        for at, word in enumerate(WORDS[:few]):
            base = 10 * int(release[-1])
            made += [
                crash(len(made), f"clerk {word} is away until noon", line=base, release=release, function="clerk"),
                crash(len(made) + 1, f"no shelf holds {word} any longer", line=base + 1, release=release),
                crash(len(made) + 2, f"depot {word} closed early", line=base + 2, release=release, function="depot"),
            ]
            if at % 3 == 0:
                made.append(crash(len(made), f"the price of {word} is odd", release=release, function="price"))
    return made


async def judged(stage: Stage) -> None:
    """Judge until nothing waits."""
    while await stage.once():
        pass


async def outcome(pool: "asyncpg.Pool[asyncpg.Record]") -> Outcome:
    """Return the components, and which sight stands for each key in each build."""
    rows = await pool.fetch(ADDRESS)
    assert await pool.fetchval("select count(*) from group_sights where judged is null") == 0
    assert await pool.fetchval("select count(*) from notices where pending") == 0
    return await components(pool), [tuple(row) for row in rows]


async def expected(new_database: NewDatabase) -> Outcome:
    """Return the outcome of one pass in order."""
    with new_database() as url:
        async with asyncpg.create_pool(url, min_size=1, max_size=2) as opened:
            await parts.new_project(opened)
            await count(Aggregates(opened), log_of(placed(crashes()), random.Random(0)))
            await judged(Stage(opened))
            return await outcome(opened)


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_cut_and_death_gives_the_same_components(
    new_database: NewDatabase, pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates, seed: int
) -> None:
    """Deltas in any cut, workers that forget, stages that take over from each other after any delta."""
    chance = random.Random(seed)
    offset, stage = 0, Stage(pool)
    for delta in log_of(placed(crashes()), chance):
        offset = await count(store, [delta], offset)
        if chance.random() < 0.3:
            await stage.once()
        if chance.random() < 0.3:
            stage = Stage(pool)
    await judged(stage)
    found = await outcome(pool)
    assert found == await expected(new_database)
    sizes = sorted(map(len, found[0]), reverse=True)
    assert sizes[:3] == [9, 9, 9], "each statement that lines tell is one group over its releases"


async def test_a_stage_killed_anywhere_in_its_transaction_changes_nothing(
    new_database: NewDatabase, pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count(store, log_of(placed(crashes()), random.Random(5)))
    chance, deaths = random.Random(6), 0
    steps = ["write_components", "write_links", "settle_notices", "stamp_decisions", "bump"]
    real = {name: getattr(__import__("app.stores.aggregates.kinship", fromlist=["_"]), name) for name in steps}
    stage = Stage(pool)
    while await pool.fetchval("select count(*) from group_sights where judged is null"):
        name = chance.choice(steps)

        async def die(*args: object, name: str = name) -> object:
            await real[name](*args)
            raise ZeroDivisionError(name)

        before = await components(pool)
        with monkeypatch.context() as patch:
            patch.setattr(f"app.stores.aggregates.kinship.{name}", die)
            patch.setattr("app.runtime.kinship.BATCH", 7)
            with pytest.raises(ZeroDivisionError):
                await stage.once()
            deaths += 1
        assert await components(pool) == before
        with monkeypatch.context() as patch:
            patch.setattr("app.runtime.kinship.BATCH", 7)
            await stage.once()
    assert deaths > 5
    assert await outcome(pool) == await expected(new_database)


CHILD = """
import asyncio, sys
from app.runtime.kinship import comparing
from app.settings import Settings

async def main():
    async with comparing(Settings(database=sys.argv[1])):
        print("on", flush=True)
        await asyncio.sleep(600)

import app.runtime.kinship as kinship
kinship.BATCH = 3
asyncio.run(main())
"""


async def test_processes_killed_in_the_middle_of_judging(
    database: str, new_database: NewDatabase, pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    """SIGKILL at any time; what was in one transaction is there or not, and the next process goes on from there."""
    deltas = log_of(placed(crashes()), random.Random(7))
    offset = await count(store, deltas[: len(deltas) // 2])
    for delay in (0.02, 0.05, 0.1):
        process = await _child(database)
        await asyncio.sleep(delay)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await count(store, deltas[len(deltas) // 2 :], offset)
    left = await pool.fetchval("select count(*) from group_sights where judged is null")
    process = await _child(database)
    try:
        async with asyncio.timeout(DEADLINE):
            while await pool.fetchval("select count(*) from group_sights where judged is null"):
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        await process.wait()
    assert left > 0
    assert await outcome(pool) == await expected(new_database)


async def _child(database: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, database, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), DEADLINE) == b"on\n"
    return process


async def test_one_process_judges_at_a_time(pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates) -> None:
    await count(store, log_of(placed(crashes()), random.Random(1)))
    async with pool.acquire() as other:
        assert await other.fetchval("select pg_try_advisory_lock($1)", LOCK)
        await Stage(pool)._lead()  # returns at once: it does not lead
        assert await pool.fetchval("select count(*) from group_sights where judged is not null") == 0
        await other.fetchval("select pg_advisory_unlock($1)", LOCK)


async def test_a_stage_that_another_overtook_restores_before_it_decides(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates, new_database: NewDatabase
) -> None:
    """Two stages in turns, as where a process hangs and comes back: neither decides by what it knew before."""
    stages, offset = [Stage(pool), Stage(pool)], 0
    for at, delta in enumerate(log_of(placed(crashes()), random.Random(2))):
        offset = await count(store, [delta], offset)
        await stages[at % 2].once()
    await judged(stages[0])
    assert await outcome(pool) == await expected(new_database)


async def test_a_near_duplicate_never_alerts(pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates) -> None:
    first, second = (crash(n, f"clerk {WORDS[n]} is away until noon", line=5) for n in range(2))
    [[one], [two]] = placed([first, second])
    offset = await count(store, [delta_of([one], SentSights())])
    assert await store.notices(1, 0) == [], "it waits for the comparison"
    await judged(Stage(pool))
    [notice] = await store.notices(1, 0)
    assert notice.kind == "new"
    await count(store, [delta_of([two], SentSights())], offset)
    await judged(Stage(pool))
    assert await store.notices(1, 0) == [notice]
    assert {len(group) for group in await components(pool)} == {2}


async def test_where_the_comparison_is_behind_notices_are_shown_after_five_seconds(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    [[one], _] = placed([crash(0, "clerk is away until noon", line=5)])
    await count(store, [delta_of([one], SentSights())])
    assert await store.notices(1, 0) == []
    await pool.execute("update notices set created = created - interval '6 seconds'")
    assert [notice.kind for notice in await store.notices(1, 0)] == ["new"]


async def test_a_duplicate_of_a_resolved_group_is_its_regression(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    [[one], [two]] = placed([crash(n, f"clerk {WORDS[n]} is away until noon", line=5) for n in range(2)])
    offset = await count(store, [delta_of([one], SentSights())])
    await judged(Stage(pool))
    [group] = [member for members in await components(pool) for member in members]
    await store.set_status(group, "resolved", NOW + 500)
    await count(store, [delta_of([two], SentSights())], offset)
    await judged(Stage(pool))
    row = await store.group(group)
    assert row is not None
    assert (row.status, len(row.members), row.id) == ("regressed", 2, group)
    assert [notice.kind for notice in await store.notices(1, 0)] == ["new", "regressed"]


async def test_both_groupings_live_at_once(pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates) -> None:
    await parts.new_project(pool, 2, "g1")
    texts = [f"clerk {word} is away until noon" for word in WORDS[:4]]
    new = [crash(n, text, line=5, partition=0) for n, text in enumerate(texts)]
    old = [crash(n, text, line=5, partition=0, project=2, grouping="g1") for n, text in enumerate(texts)]
    await count(store, log_of(placed([*new, *old]), random.Random(1)))
    await judged(Stage(pool))
    assert [len(group) for group in await components(pool)] == [4]
    assert {row["grouping"] for row in await pool.fetch("select grouping from groups where project = 1")} == {"g2"}
    assert {row["grouping"] for row in await pool.fetch("select grouping from groups where project = 2")} == {"g1"}
    assert await pool.fetchval("select count(*) from group_sights where project = 2") == 0
    notices = await pool.fetch("select pending from notices where project = 2")
    assert notices
    assert not any(row["pending"] for row in notices), "no comparison would release them"


async def test_the_first_of_each_partition_stands_for_a_key_whatever_a_worker_repeats(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    """Clocks of two servers differ: a later event of a partition was received before its first. It never counts."""
    first = crash(0, "clerk is away until noon", line=5, received=NOW + 500, partition=0)
    later = crash(1, "clerk is away until noon", line=5, received=NOW, partition=0)
    other = crash(2, "clerk is away until noon", line=5, received=NOW + 100, partition=1)
    [[one, two], [three]] = placed([first, later, other])
    offset = await count(store, [delta_of([one], SentSights()), delta_of([two], SentSights())])
    assert [tuple(row)[2:] for row in await pool.fetch(ADDRESS)] == [(NOW + 500, "1.crashes", 0, 0)]
    await judged(Stage(pool))
    await count(store, [delta_of([three], SentSights())], offset)
    [row] = await pool.fetch("select features, judged, firsts from group_sights")
    assert decode_features(row["features"]).born == (NOW + 100, "1.crashes", 1, 0)
    assert row["judged"] is None, "an earlier sight is judged anew"
    assert row["firsts"] == '{"1.crashes/0": 0, "1.crashes/1": 0}'
    await judged(Stage(pool))


async def test_a_rule_is_made_of_free_words_and_keys_end(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    """No lines, 20,000 events with a word of their own, 50 a second: keys end once the rule is stamped."""
    words = [f"{a}{b}{end}" for end in ("", "on") for a in WORDS for b in WORDS]
    assert len(set(words)) == EVENTS
    stage, rules, offset, sent = Stage(pool), ProjectRules(pool), 0, SentSights()

    async def send(start: int, end: int, version: int) -> None:
        """Count and judge these events, stamped with a version of the rules."""
        nonlocal offset
        texts = [f"could not load order of {word} yet" for word in words[start:end]]
        records = [
            _at(crash(at, text, received=NOW + at * 20, rules=version, partition=0), at)
            for at, text in enumerate(texts, start)
        ]
        known = {(1, version): await rules.get(1, version)} if version else {}
        offset = await count(store, [delta_of(records, sent, known)], offset)
        await judged(stage)

    await send(0, 50, 0)
    [rule] = (await rules.newest(1)).body.explosions
    for second in range(1, 6):  # the version reaches ingest within 5 s
        await send(50 * second, 50 * second + 50, 0)
    assert await pool.fetchval("select count(*) from groups") == 300
    await send(300, 400, 1)
    tables = ("groups", "group_sights", "group_links", "group_aliases", "windows", "notices")
    rows = {table: await pool.fetchval(f"select count(*) from {table}") for table in tables}  # noqa: S608  constants
    assert rows["groups"] == rows["group_sights"] == 301, "keys from before the rule was stamped, and the rule's own"
    for start in range(400, EVENTS, 1400):
        await send(start, start + 1400, 1)
    grown = {table: await pool.fetchval(f"select count(*) from {table}") for table in tables}  # noqa: S608  constants
    assert grown.pop("windows") - rows.pop("windows") < 50, "minutes of one group, whatever the words"
    assert grown == rows
    assert (await rules.newest(1)).version == 1
    assert len(sent) == 301
    [group] = await components(pool)
    assert await rules.explosions_of(1, group) == [rule]
    assert await pool.fetchval("select count(*) from notices") == 1, "one new group, told once"


def _at(record: Record, offset: int) -> Record:
    return msgspec.structs.replace(record, offset=offset)


async def test_free_words_with_source_lines_are_one_group(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    source = 'raise OrderError(f"could not load order {number} ({word})")'
    words = [f"{a}{b}" for a in WORDS for b in WORDS for _ in range(3)]
    records = [
        crash(n, f"could not load order {n} ({words[n % len(words)]})", line=5, source=source, received=NOW + n)
        for n in range(20_000)
    ]
    sent, offset = SentSights(), 0
    for part in placed(records):
        for start in range(0, len(part), 1000):
            offset = await count(store, [delta_of(part[start : start + 1000], sent)], offset)
    await judged(Stage(pool))
    assert await pool.fetchval("select count(*) from groups") == 1
    assert await pool.fetchval("select count(*) from group_sights") == 1


async def test_a_rule_that_a_person_took_back_is_never_made_again(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    """What the rule alone had joined parts at once; more keys of the statement make no rule."""
    records = [crash(n, f"{word} in coda", partition=0) for n, word in enumerate(WORDS[:60])]
    [first, _] = placed(records)
    offset = await count(store, [delta_of(first[:30], SentSights())])
    stage, rules = Stage(pool), ProjectRules(pool)
    await judged(stage)
    [rule] = (await rules.newest(1)).body.explosions
    assert [len(group) for group in await components(pool)] == [30]
    assert await rules.take_back(1, rule.signature) == 2
    await judged(Stage(pool))
    assert (await rules.newest(1)).body.explosions == ()
    assert len(await components(pool)) == 30
    await count(store, [delta_of(first[30:], SentSights())], offset)
    await judged(stage)
    assert (await rules.newest(1)).version == 2
    assert len(await components(pool)) == 60
    with pytest.raises(LookupError, match="no explosion rule"):
        await rules.take_back(1, rule.signature)
    assert [(one.version, one.author) for one in await rules.history(1)] == [(2, "person"), (1, "automatic")]


async def people_decide(pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates) -> tuple[Stage, list[str]]:
    """Count and judge four duplicates; return the stage and the members in the order in which they were shown."""
    records = [crash(n, f"clerk {word} is away until noon", line=5, partition=0) for n, word in enumerate(WORDS[:4])]
    await count(store, [delta_of(placed(records)[0], SentSights())])
    stage = Stage(pool)
    await judged(stage)
    rows = await pool.fetch("select id from groups order by shown")
    return stage, [row["id"] for row in rows]


async def test_a_member_that_a_person_took_out_stays_out(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    stage, (root, out, *rest) = await people_decide(pool, store)
    assert await components(pool) == {frozenset((root, out, *rest))}
    shown = {link.other: link for link in await store.similar(root)}
    assert shown[out].kind == "alias"
    assert (shown[out].author, shown[out].stage, shown[out].score) == ("automatic", "line", 1.0)
    assert "raised at" in shown[out].reasons[0]
    await store.unmerge(out)
    expected = {frozenset((out,)), frozenset((root, *rest))}
    assert await components(pool) == expected, "at once, before the comparison has taken it in"
    for again in (stage, Stage(pool)):
        await judged(again)
        assert await components(pool) == expected
    late = crash(9, f"clerk {WORDS[9]} is away until noon", line=5, partition=0)
    await count(store, [delta_of([_at(late, 4)], SentSights())], 1)
    await judged(stage)
    assert len(await components(pool)) == 2, "a new duplicate joins what is left, not both"
    await store.merge(out, root)
    await judged(Stage(pool))
    assert len(await components(pool)) == 1, "a later decision wins"


async def test_people_merge_and_keep_apart_what_no_comparison_joins(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    records = [
        crash(0, "clerk is away until noon", line=5, partition=0),
        crash(1, "the till is locked", line=5, function="till", partition=0),
    ]
    await count(store, [delta_of(placed(records)[0], SentSights())])
    stage = Stage(pool)
    await judged(stage)
    one, other = [row["id"] for row in await pool.fetch("select id from groups order by shown")]
    await store.decide(other, one, "merge")
    for again in (stage, Stage(pool)):
        await judged(again)
        assert await components(pool) == {frozenset((one, other))}
        row = await store.group(one)
        assert row is not None
        assert row.id == other, "the group that the person was at keeps its id"
    await store.decide(other, one, "never")
    await judged(stage)
    assert await components(pool) == {frozenset((one,)), frozenset((other,))}
    assert [(link.other, link.kind, link.author) for link in await store.similar(one)] == [(other, "never", "person")]


async def test_a_suggestion_is_shown_until_a_person_decides(
    pool: "asyncpg.Pool[asyncpg.Record]", store: Aggregates
) -> None:
    await count(store, [delta_of(placed(_alike())[0], SentSights())])
    stage = Stage(pool)
    await judged(stage)
    one, other = [row["id"] for row in await pool.fetch("select id from groups order by shown")]
    [link] = await store.similar(one)
    assert (link.other, link.kind, link.author, link.stage) == (other, "suggestion", "automatic", "similar")
    assert 0 < link.score <= 1
    assert any("a person decides" in reason for reason in link.reasons)
    await store.decide(one, other, "never")
    await judged(stage)
    assert [found.kind for found in await store.similar(one)] == ["never"]
    await store.decide(one, other, "merge")
    await judged(stage)
    assert await components(pool) == {frozenset((one, other))}
    [found] = await store.similar(one)
    assert (found.other, found.kind, found.author) == (other, "alias", "person")


def _alike() -> list[Record]:
    """Return two errors of one class that two functions word alike."""
    return [
        crash(0, "the cart of the guest is empty", function="pay", line=5, partition=0),
        crash(1, "the cart of the guest is full", function="ship", line=9, partition=0),
    ]
