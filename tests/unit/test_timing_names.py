"""Which names are counted separately depends on the log's order alone, whatever is redelivered."""

import random
from collections.abc import Iterable

import pytest

from app.cells import DAY
from tables import names, seen
from tables.names import Names

DAY_MS = DAY * 1000
KEY = bytes(16)


class Table:
    """A local store with the entries of names, and of events that were seen."""

    def __init__(self) -> None:
        self.local: dict[bytes, bytes] = {}

    def scan(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        return sorted((key, value) for key, value in self.local.items() if key.startswith(prefix))

    def write(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        for record in records:
            for key, value in names.localise(self.local.get, *record):
                if value is None:
                    self.local.pop(key, None)
                else:
                    self.local[key] = value


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 4)


def judge(table: Table, records: Iterable[tuple[int, list[str]]]) -> tuple[list[tuple[int, str, bool]], Names]:
    """Decide on (offset, names) in order; return the decisions, and the judge with the names it admitted."""
    found = Names(table.scan)
    return [(at, name, found.admits(1, 0, name, at)) for at, given in records for name in given], found


def made(chance: random.Random) -> list[tuple[int, list[str]]]:
    return [(at, [f"n{chance.randrange(9)}" for _ in range(chance.randrange(4))]) for at in range(30)]


@pytest.mark.parametrize("seed", range(20))
def test_any_redelivery_gives_the_same(seed: int) -> None:
    chance = random.Random(seed)
    records = made(chance)
    whole, _ = judge(Table(), records)
    table, done, told = Table(), 0, dict[tuple[int, str], bool]()
    while done < len(records):
        batch = records[done : done + chance.randrange(1, 8)]
        verdicts, judged = judge(table, batch)
        for at, name, verdict in verdicts:
            assert told.setdefault((at, name), verdict) == verdict
        written = [record for record in judged.admitted if chance.random() < 0.8]
        if chance.random() < 0.4:
            table.write(written)  # killed: some of it was written, nothing was committed
            continue
        table.write(judged.admitted)
        done += len(batch)
    assert told == {(at, name): verdict for at, name, verdict in whole}
    assert len(table.scan(names.NAME)) <= 4


def test_days_and_projects_have_names_of_their_own() -> None:
    found = Names(Table().scan)
    for at in range(6):
        assert found.admits(1, 5, f"n{at}", at) == (at < 4)
    assert found.admits(1, DAY_MS, "late", 7)
    assert found.admits(2, 5, "other", 8)
    assert found.admits(1, 6, "n0", 9)


def test_the_least_offset_wins_whatever_comes_last() -> None:
    (early,), (late,) = (judge(Table(), [(at, ["a"])])[1].admitted for at in (3, 9))
    for order in ((early, late), (late, early)):
        table = Table()
        table.write(order)
        assert table.local == dict([early])


def test_days_gone_by_expire_the_oldest_first() -> None:
    table = Table()
    for day in (3, 4, 5):
        found = Names(table.scan)
        assert all(found.admits(1, day * DAY_MS, name, day) for name in "ab")
        table.write(found.admitted)
    assert names.expired(table.scan(names.NAME), 4 * DAY_MS - 1, 9) == []
    assert len(names.expired(table.scan(names.NAME), 5 * DAY_MS, 9)) == 4
    old = names.expired(table.scan(names.NAME), 5 * DAY_MS, 3)
    table.write((key, None) for key in old)
    assert len(table.local) == 3


def test_what_was_seen_goes_its_own_way() -> None:
    [(key, value)] = seen.chunks([seen.First(KEY, 7, 0)])

    def read(_: bytes) -> bytes | None:
        return None

    assert list(names.localise(read, key, value)) == list(seen.localise(read, key, value))
