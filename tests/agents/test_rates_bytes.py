"""A transaction of the rates agent is bounded by the bytes of the rows it changes, and still counts all of them."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from agents import rates
from app.cells import MINUTE, Cell
from app.log.batch import Claim
from app.log.contract import Record
from app.records import Delta, Entry, encode_delta
from app.stores.aggregates.store import Aggregates
from tables.fold import Fold
from tables.windows import Row, WindowKey, encode_key, encode_row
from tests.agents.rates_parts import SOURCE, Table, agent
from tests.support import rates_truth as given
from tests.support.rates_truth import NOON, TOPIC

USERS = 100
"""A row of them has 800 bytes of hashes."""
KEYS = [WindowKey(Cell("c", 7, f"{number:032x}").key(), MINUTE, NOON) for number in range(60)]
TOGETHER = 4
LIMIT = 16 << 10


class Weighing(Aggregates):
    """The real store; records the bytes of the rows that each transaction starts from."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        super().__init__(pool)
        self.weighed: list[int] = []

    async def flush(self, topic: str, partition: int, fold: Fold, bases: dict[WindowKey, Row]) -> dict[WindowKey, Row]:  # type: ignore[override]  # the agent gives a dict
        """Record the bytes, then write."""
        self.weighed.append(sum(len(encode_row(row)) for row in bases.values()))
        return await super().flush(topic, partition, fold, bases)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Weighing]:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        yield Weighing(pool)


def delta(offset: int, keys: Sequence[WindowKey], users: int) -> Record:
    """Return a delta of one source offset per user, each in all these rows."""
    entries = [Entry(users * offset + at, {"crashes": 1}, {"users": users * offset + at}) for at in range(users)]
    cells = {key.cell: [(key.size, key.start, list(range(users)))] for key in keys}
    first, last = entries[0].offset, entries[-1].offset
    value = encode_delta(Delta(1, SOURCE.topic, SOURCE.partition, first, last, 0, entries, cells, {}))
    return Record(TOPIC, 0, offset, None, value, {}, 0)


async def test_rows_of_many_users_are_written_a_few_at_a_time(store: Weighing, monkeypatch: pytest.MonkeyPatch) -> None:
    table, claim = Table(), Claim(0, 1)
    await agent(table, store).handle(given.batch([delta(0, KEYS, USERS)]), claim)
    heaviest = max(len(value) for value in table.local.values())
    store.weighed.clear()
    monkeypatch.setattr(rates, "MOST_BYTES", LIMIT)
    few = [KEYS[start : start + TOGETHER] for start in range(0, len(KEYS), TOGETHER)]
    again = agent(table, store)
    await again.handle(given.batch([delta(1 + at, keys, USERS) for at, keys in enumerate(few)]), claim)
    assert sum(store.weighed) > 2 * LIMIT
    assert max(store.weighed) < LIMIT + TOGETHER * heaviest
    rows = await store.rows(KEYS)
    assert {row.counts["crashes"] for row in rows.values()} == {2 * USERS}
    assert {row.unique("users") for row in rows.values()} == {2 * USERS}
    assert table.local == {encode_key(key): encode_row(row) for key, row in rows.items()}
