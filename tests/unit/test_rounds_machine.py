"""Rounds keep the counts exact: batches of several sources in work at once, another number of d, lost commits.

A model of an installation whose log is in PostgreSQL. Its state is a sequence of commits; a kill -9 loses those since
the last synchronous one. Owners keep batches of all partitions in work, each a chain of steps that may be interleaved
in any way; partitions are lost and claimed again, with any former local copy; zombies append late (EXACTNESS.md,
"Deltas", and EXACTNESS.md, "Commits that may be lost").
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

EVENTS = 12
"""Records of each source."""

SEEDS = 400


Chunk = list[tuple[str, int]]
"""One changelog record: the keys that a batch saw first, with their offsets."""


@dataclass(frozen=True)
class Rules:
    """The rules under test; each False is a rule that breaks."""

    claim_of_delivery: bool = True
    """A batch begins only under the claim under which it was delivered."""
    changelog_synchronous: bool = True
    flush_with_progress: bool = True
    """Rates moves progress in the transaction of the rows."""
    one_log: bool = True
    """The offsets of groups are lost with the work before them: they are not in another log."""


@dataclass
class State:
    """The content of PostgreSQL after one commit."""

    deltas: dict[int, list[tuple[int, int, int, list[tuple[int, str]]]]]
    """By d the records: source, first, last, (offset, key) of what counts."""
    changelog: dict[int, list[Chunk]]
    committed: dict[int, int]
    read: dict[int, int]
    """By d the next offset that rates reads."""
    progress: dict[tuple[int, int], int] = field(default_factory=dict)
    counts: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def copy(self) -> "State":
        return State(
            {d: list(records) for d, records in self.deltas.items()},
            {source: list(chunks) for source, chunks in self.changelog.items()},
            dict(self.committed), dict(self.read), dict(self.progress), Counter(self.counts),
        )  # fmt: skip


@dataclass
class Copy:
    """A local copy of one partition's state, and the changelog records that are in it."""

    first: dict[str, int] = field(default_factory=dict)
    applied: int = 0

    def follow(self, changelog: list[Chunk]) -> None:
        if self.applied > len(changelog):
            self.first, self.applied = {}, 0
        for chunk in changelog[self.applied :]:
            for key, offset in chunk:
                self.first[key] = min(offset, self.first.get(key, offset))
        self.applied = len(changelog)


@dataclass
class Claim:
    """One claim of a partition: its local copy, and the next offset to deliver."""

    copy: Copy
    position: int


class Installation:
    """PostgreSQL, one owner of all sources, one rates worker."""

    def __init__(self, rules: Rules, chance: random.Random, sources: int, ds: int) -> None:
        self.rules, self.chance = rules, chance
        self.sources, self.ds = range(sources), range(ds)
        self.keys = {s: [f"{s}.{chance.randrange(EVENTS // 2)}" for _ in range(EVENTS)] for s in self.sources}
        first = State(
            {d: [] for d in self.ds}, {s: [] for s in self.sources}, dict.fromkeys(self.sources, 0),
            dict.fromkeys(self.ds, 0),
        )  # fmt: skip
        self.history = [first]
        self.durable = 0
        self.copies: dict[int, list[Copy]] = {s: [Copy()] for s in self.sources}
        self.claims: dict[int, Claim] = {}
        self.lanes: dict[int, list[Iterator[None]]] = {s: [] for s in self.sources}
        self.done: dict[int, int] = {}
        self.zombies: list[Iterator[None]] = []
        self.known: dict[tuple[int, int], int] | None = None
        self._claim_all()

    @property
    def state(self) -> State:
        return self.history[-1]

    def transact(self, change: Callable[[State], None], *, synchronous: bool) -> None:
        following = self.state.copy()
        change(following)
        self.history.append(following)
        if synchronous:
            self.durable = len(self.history) - 1

    # -- what goes wrong --------------------------------------------------------------------------------------------

    def kill_postgres(self) -> None:
        """Lose the last asynchronous commits; every process loses its connections and ends."""
        kept = self.chance.randrange(self.durable, len(self.history))
        ahead = self.state
        self.history = self.history[: kept + 1]
        if not self.rules.one_log:
            self.transact(lambda state: state.read.update(ahead.read), synchronous=True)
        self.durable = len(self.history) - 1
        self.zombies.clear()
        self.kill_owner(zombies=False)
        self.known = None

    def kill_owner(self, *, zombies: bool = True) -> None:
        for lane in self.lanes.values():
            if zombies and lane and self.chance.random() < 0.5:
                self.zombies.append(lane[0])
            lane.clear()
        self._claim_all()

    def reclaim(self, source: int) -> None:
        """Lose a partition and claim it again, while its batches are in the lane."""
        self.claims[source] = self._claim(source)

    def _claim_all(self) -> None:
        self.claims = {source: self._claim(source) for source in self.sources}

    def _claim(self, source: int) -> Claim:
        former = self.chance.choice([*self.copies[source], Copy()])
        own = Copy(dict(former.first), former.applied)
        own.follow(self.state.changelog[source])
        self.copies[source] = [*self.copies[source][-2:], own]
        self.done.pop(source, None)
        return Claim(own, self.state.committed[source])

    # -- the source agent -------------------------------------------------------------------------------------------

    def deliver(self, source: int) -> None:
        claim = self.claims[source]
        if claim.position < EVENTS and len(self.lanes[source]) < 3:
            last = min(claim.position + self.chance.randrange(3), EVENTS - 1)
            self.lanes[source].append(self._batch(source, claim, claim.position, last))
            claim.position = last + 1

    def advance(self, source: int) -> None:
        """Take one step of the first batch in the lane; the next one begins when it has ended."""
        lane = self.lanes[source]
        if lane and next(lane[0], lane[0]) is lane[0]:
            lane.pop(0)

    def _batch(self, source: int, claim: Claim, first: int, last: int) -> Iterator[None]:
        if self.claims[source] is not claim:
            if self.rules.claim_of_delivery:
                return
            claim = self.claims[source]
        own, seen = claim.copy, dict(claim.copy.first)
        counted = []
        for offset in range(first, last + 1):
            key = self.keys[source][offset]
            if seen.setdefault(key, offset) == offset:
                counted.append((offset, key))
        fresh = [(key, offset) for offset, key in counted if key not in own.first]
        yield

        def append(state: State) -> None:
            for d in self.ds:
                state.deltas[d].append((source, first, last, [(o, k) for o, k in counted if self._home(k) == d]))
            state.changelog[source] += [fresh] if fresh else []

        self.transact(append, synchronous=self.rules.changelog_synchronous)
        yield
        if self.claims[source] is claim:
            own.follow(self.state.changelog[source])
            yield
            if self.claims[source] is claim:
                self.done[source] = last + 1

    def _home(self, key: str) -> int:
        return sum(key.encode()) % len(self.ds)

    def commit(self) -> None:
        """Commit all sources at once, as the roles of a process do."""
        done = dict(self.done)

        def change(state: State) -> None:
            for source, offset in done.items():
                state.committed[source] = max(state.committed[source], offset)

        self.transact(change, synchronous=False)

    # -- rates ------------------------------------------------------------------------------------------------------

    def fold(self, d: int) -> None:
        """Count the next deltas of one d, in one transaction, then commit the offset."""
        start = self.state.read[d]
        records = self.state.deltas[d][start : start + self.chance.randrange(1, 5)]
        if self.known is None:
            self.known = dict(self.state.progress)
        before, after, counts = dict(self.known), dict(self.known), Counter[tuple[int, int, str]]()
        for source, first, last, entries in records:
            reached = after.get((d, source), -1)
            assert first <= reached + 1, "a gap in the spans"
            counts.update((d, source, key) for offset, key in entries if offset > reached)
            after[d, source] = max(reached, last)
        if any(self.state.progress.get(where) != at for where, at in before.items()):
            self.known = None  # fenced
            return

        def flush(state: State) -> None:
            state.counts.update(counts)
            if self.rules.flush_with_progress:
                state.progress.update(after)

        self.transact(flush, synchronous=False)
        if self.chance.random() < 0.1:
            self.known = None  # killed between flush and commit
            return
        self.known = after
        if not self.rules.flush_with_progress:
            self.transact(lambda state: state.progress.update(after), synchronous=False)
        self.transact(lambda state: state.read.update({d: start + len(records)}), synchronous=False)

    # -- a whole run ------------------------------------------------------------------------------------------------

    def finished(self) -> bool:
        state = self.state
        sent = all(at == EVENTS for at in state.committed.values())
        return sent and not self.zombies and all(state.read[d] == len(state.deltas[d]) for d in self.ds)

    def run(self) -> None:
        actions: list[Callable[[], None]] = [
            *[self._deliver_any] * 6, *[self._advance_any] * 12, self.commit, *[self._fold_any] * 3,
            self._zombie, self._reclaim_any, self._kill_any,
        ]  # fmt: skip
        for _ in range(20_000):
            if self.finished():
                return
            self.chance.choice(actions)()
        raise AssertionError("the run does not end")

    def _deliver_any(self) -> None:
        self.deliver(self.chance.choice(self.sources))

    def _advance_any(self) -> None:
        self.advance(self.chance.choice(self.sources))

    def _fold_any(self) -> None:
        self.fold(self.chance.choice(self.ds))

    def _zombie(self) -> None:
        if self.zombies and next(self.zombies[0], None) is None:
            self.zombies.pop(0)

    def _reclaim_any(self) -> None:
        if self.chance.random() < 0.3:
            self.reclaim(self.chance.choice(self.sources))

    def _kill_any(self) -> None:
        if self.chance.random() < 0.5:
            self.chance.choice([self.kill_owner, self.kill_postgres])()

    def expected(self) -> Counter[tuple[int, int, str]]:
        return Counter({(self._home(key), s, key): 1 for s in self.sources for key in set(self.keys[s])})


def holds(rules: Rules, seed: int) -> bool:
    """Return whether a run counts every event once."""
    chance = random.Random(seed)
    installation = Installation(rules, chance, sources=chance.randrange(1, 4), ds=chance.randrange(1, 4))
    try:
        installation.run()
    except AssertionError:
        return False
    return installation.state.counts == installation.expected()


def test_every_event_counts_once_whatever_is_in_work_and_whatever_is_lost() -> None:
    assert [seed for seed in range(SEEDS) if not holds(Rules(), seed)] == []


@pytest.mark.parametrize("broken", ["claim_of_delivery", "changelog_synchronous", "flush_with_progress", "one_log"])
def test_a_rule_that_looks_right_breaks(broken: str) -> None:
    rules = replace(Rules(), **{broken: False})
    assert not all(holds(rules, seed) for seed in range(SEEDS))
