"""Crashes of a project whose keys are compared, cut into deltas as agents would, and counted."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from agents.batch.crashes import KINDS, CrashBatch, RulesByVersion
from agents.batch.result import BatchResult, Targets
from agents.batch.sights import BatchSights, SentSights
from app.log.contract import Record
from app.model import Facts
from app.records import Delta, decode_delta, encode_facts
from app.stores.aggregates.store import Aggregates
from app.topics import FACTS, identity
from tables.fold import Fold
from tables.seen import Seen
from tests.support.batches import NOW

PARTITIONS = 2
"""Of the source topic; ``deltas`` has one."""
TARGETS = Targets(generation=1, deltas=1, processed=1, dead_letters=1)
SECRETS: Mapping[int, bytes] = dict.fromkeys(range(1, 100), b"secret")


def frame(function: str, line: int, source: str = "", module: str = "shop.cart") -> dict[str, Any]:
    """Return a frame of the application; with ``source`` its line is in the payload."""
    shown = {"context_line": source, "pre_context": [f"def {function}():"], "post_context": [""]} if source else {}
    return {"function": function, "module": module, "filename": f"{module}.py", "lineno": line, "in_app": True, **shown}


def crash(  # noqa: PLR0913  fields of an event
    number: int, text: str, *, project: int = 1, line: int = 0, source: str = "", kind: str = "OrderError",
    function: str = "order", release: str = "shop@1", received: int = 0, rules: int = 0, grouping: str = "g2",
    partition: int | None = None,
) -> Record:  # fmt: skip
    """Return a crash whose id and partition follow from its number; the offset is set by ``placed``."""
    frames = [frame("handle", 7, module="shop.web"), frame(function, line, source)]
    if not line:
        frames = [{name: value for name, value in one.items() if name != "lineno"} for one in frames]
    at, event_id = received or NOW + number * 1000, f"{number:032x}"
    event = {
        "event_id": event_id, "timestamp": at / 1000, "platform": "python", "release": release,
        "exception": {"values": [{"type": kind, "value": text, "stacktrace": {"frames": frames}}]},
    }  # fmt: skip
    facts = Facts(project, "sentry", "error", event_id, at, grouping=grouping, project_rules=rules)
    where = number % PARTITIONS if partition is None else partition
    key = identity(project, event_id)
    return Record("1.crashes", where, 0, key, json.dumps(event).encode(), {FACTS: encode_facts(facts)}, at)


def placed(records: Iterable[Record]) -> list[list[Record]]:
    """Return the records by partition, each at its offset."""
    parts: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for record in records:
        own = parts[record.partition]
        own.append(msgspec.structs.replace(record, offset=len(own)))
    return parts


def delta_of(records: Sequence[Record], sent: SentSights, rules: RulesByVersion | None = None) -> Delta:
    """Return the one delta that a worker makes of these records of one partition, and note it as sent."""
    result = BatchResult("crashes", records, TARGETS)
    sights = BatchSights(result.source, sent)
    CrashBatch(result, Seen({}), SECRETS, rules or {}, sights).add_all(result.readable(KINDS))
    assert not result.dead_letters, result.dead_letters
    sent.sent(sights)
    return decode_delta(result.records()[1].value or b"")


def log_of(parts: Sequence[Sequence[Record]], chance: random.Random) -> list[Delta]:
    """Return what workers append to ``deltas``: any cut and order of partitions, spans again, workers that forgot."""
    position, deltas, sent = [0] * len(parts), list[Delta](), SentSights()
    while open_parts := [at for at, part in enumerate(parts) if position[at] < len(part)]:
        at = chance.choice(open_parts)
        start = max(0, position[at] - chance.choice([0, 0, 0, 2]))
        end = min(len(parts[at]), position[at] + chance.randrange(1, 6))
        if chance.random() < 0.2:
            sent = SentSights()  # another worker
        deltas.append(delta_of(parts[at][start:end], sent))
        position[at] = end
    return deltas


async def count(store: Aggregates, deltas: Iterable[Delta], offset: int = 0) -> int:
    """Count deltas in order as rates does, one transaction each; return the next offset of ``deltas``."""
    for delta in deltas:
        fold = Fold(1, await store.progress("1.deltas", 0))
        fold.take(offset, delta)
        await store.flush("1.deltas", 0, fold, await store.rows(list(fold.rows)))
        offset += 1
    return offset


async def components(pool: "asyncpg.Pool[asyncpg.Record]", project: int = 1) -> set[frozenset[str]]:
    """Return all groups of a project as sets of members."""
    rows = await pool.fetch(
        "select coalesce(a.root, g.id) as root, array_agg(g.id) as ids from groups g"
        " left join group_aliases a on a.id = g.id where g.project = $1 group by 1",
        project,
    )
    return {frozenset(row["ids"]) for row in rows}


async def new_project(pool: "asyncpg.Pool[asyncpg.Record]", number: int = 1, grouping: str = "g2") -> None:
    """Make a project of this id."""
    await pool.execute(
        "insert into projects (id, name, user_secret, grouping) values ($1, 'shop', 'secret', $2)", number, grouping
    )
