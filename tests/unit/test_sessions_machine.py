"""The session machine and its table's rules, alone and in schedules of kills, zombies, compaction and expiry."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Literal, NamedTuple

import msgspec
import pytest

from app.model import Session
from app.records import UnknownSchema
from tables import sessions
from tables.sessions import HOUR_MS, LIFE_MS, SCHEMA, SKEW_MS, State, advance
from tests.unit.schedules import Counted, Local, Read, World, Write

KEY = b"k" * 16
USER = 77
Status = Literal["ok", "exited", "crashed", "abnormal", "unhandled"]


def update(status: Status = "ok", errors: int = 0, started: int = 500, release: str = "shop@1") -> Session:
    return Session("sid", status, started, errors, False, release, "production", "user-1")


def through(*updates: Session, user: int | None = USER) -> tuple[State, dict[str, int], dict[str, int]]:
    """Send updates at offsets 0, 1, …; return the state and the sums of the counts."""
    state, counts, users = None, dict[str, int](), dict[str, int]()
    for offset, one in enumerate(updates):
        change = advance(state, one, offset, 1000 + offset, user, 1)
        if change is not None:
            state = change.state
            for name, count in change.counts.items():
                counts[name] = counts.get(name, 0) + count
            users |= change.users
    assert state is not None
    return state, counts, users


def test_the_first_sight_counts_one_session_with_or_without_init() -> None:
    assert through(update())[1:] == ({"sessions": 1}, {"session_users": USER})


@pytest.mark.parametrize(
    ("status", "errors", "counts"),
    [
        ("ok", 0, {}),
        ("exited", 0, {}),
        ("exited", 1, {"errored_sessions": 1}),
        ("crashed", 0, {"errored_sessions": 1, "crashed_sessions": 1}),
        ("abnormal", 0, {"errored_sessions": 1, "abnormal_sessions": 1}),
        ("unhandled", 1, {"errored_sessions": 1, "unhandled_sessions": 1}),
    ],
)
def test_each_outcome_counts_once_however_often_it_is_reported(
    status: Status, errors: int, counts: dict[str, int]
) -> None:
    end = update(status, errors)
    expected = {"sessions": 1, **counts}
    assert through(end)[1] == expected
    assert through(update(), end)[1] == expected
    assert through(update(), end, end, update())[1] == expected


def test_an_unhandled_error_is_no_crash() -> None:
    assert "crashed_sessions" not in through(update(), update("unhandled", 1))[1]


def test_updates_in_any_order_count_alike() -> None:
    updates = [update(), update("ok", 1), update("crashed", 1)]
    assert len({tuple(sorted(through(*order)[1].items())) for order in permutations(updates)}) == 1


def test_after_the_end_only_a_crash_adds_anything() -> None:
    assert through(update("exited"), update("ok", 3))[1] == {"sessions": 1}
    assert through(update("exited"), update("abnormal"))[1] == {"sessions": 1}
    counts, users = through(update("exited"), update("crashed"))[1:]
    assert counts == {"sessions": 1, "errored_sessions": 1, "crashed_sessions": 1}
    assert users == {"session_users": USER, "crashed_users": USER}


def test_the_window_and_the_release_are_those_first_seen() -> None:
    state, _, _ = through(update(started=500, release="a"), update("crashed", started=90_000, release="b"))
    assert (state.started, state.release) == (500, "a")


def test_a_user_that_comes_later_is_counted_once() -> None:
    first = advance(None, update(), 0, 1000, None, 1)
    assert first is not None
    assert first.users == {}
    later = advance(first.state, update("crashed"), 1, 1001, USER, 1)
    assert later is not None
    assert later.users == {"session_users": USER, "crashed_users": USER}
    assert advance(later.state, update("crashed"), 2, 1002, USER + 1, 1) is None


def test_an_update_at_or_below_the_last_offset_was_done() -> None:
    state = through(update(), update("crashed"))[0]
    assert state.version == 1
    assert advance(state, update(), 0, 1000, USER, 2) is None
    assert advance(state, update("crashed"), 1, 1001, USER, 2) is None


def test_a_session_is_new_after_five_days_whether_its_state_is_there_or_not() -> None:
    state = through(update("crashed"))[0]
    assert advance(state, update("crashed"), 9, 1000 + LIFE_MS, USER, 1) is None
    again = advance(state, update("crashed"), 9, 1001 + LIFE_MS, USER, 1)
    anew = advance(None, update("crashed"), 9, 1001 + LIFE_MS, USER, 1)
    assert again == anew


def test_a_zombies_write_that_lands_late_changes_nothing() -> None:
    """A zombie's init lands after crashed: the crash must not count twice, also once compaction has passed."""
    init, crashed = State(1, 0, 1, 1000, 500, 0, "", None), State(1, 5, 2, 1000, 500, 31, "", None)
    records = [*sessions.staged(KEY, None, init), *sessions.staged(KEY, init, crashed)]
    late = [*records, *sessions.staged(KEY, None, init)]
    compacted = [(key, value) for key, value in dict(late).items() if value is not None]
    for changelog in (late, compacted, compacted[::-1]):
        assert sessions.decode(_localised(changelog)[sessions.local_key(KEY)]) == crashed


def test_the_older_epochs_key_goes_after_the_new_write() -> None:
    old, new = State(1, 0, 1, 1000, 500, 0, "", None), State(1, 5, 2, 1000, 500, 0, "", None)
    assert [(key[-1], value is None) for key, value in sessions.staged(KEY, old, new)] == [(2, False), (1, True)]
    assert [key[-1] for key, _ in sessions.staged(KEY, old, old)] == [1]


def test_expiry_goes_by_the_hour_of_the_first_sight_and_is_bounded() -> None:
    states = [(bytes([n]) * 16, State(1, n, 1, n * HOUR_MS + 5, 500, 0, "", None)) for n in range(4)]
    local = _localised(write for key, state in states for write in sessions.staged(key, None, state))
    index = sorted(item for item in local.items() if item[0].startswith(sessions.EXPIRY))
    assert sessions.expired(index, HOUR_MS - 1, 9) == []
    assert sessions.expired(index, HOUR_MS, 9) == [sessions.changelog_key(states[0][0], 1)]
    assert len(sessions.expired(index, 9 * HOUR_MS, 9)) == 4
    assert len(sessions.expired(index, 9 * HOUR_MS, 3)) == 3
    gone = _localised([(sessions.changelog_key(key, 1), None) for key, _ in states], local)
    assert gone == {}


def test_state_of_a_newer_schema_stops_the_worker() -> None:
    with pytest.raises(UnknownSchema):
        sessions.decode(sessions.encode(State(SCHEMA + 1, 0, 1, 0, 0, 0, "", None)))


def test_a_state_of_schema_1_is_of_no_environment() -> None:
    """Its session counted in no environment's cells, so that nothing of it does later."""
    state = sessions.decode(msgspec.msgpack.encode([1, 0, 1, 1000, 500, 0, "shop@1", None]))
    assert state == State(1, 0, 1, 1000, 500, 0, "shop@1", None, "")
    change = advance(state, update("crashed"), 1, 1001, USER, 2)
    assert change is not None
    assert change.state.environment == ""


class Update(NamedTuple):
    """One record of the model."""

    offset: int
    key: bytes
    received: int
    session: Session


class Machine:
    """The rules of ``sessions`` as the model calls them."""

    def process(self, records: Iterable[Update], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:
        before: dict[bytes, State | None] = {}
        states: dict[bytes, State] = {}
        counted: list[Counted] = []
        for record in records:
            known = before.setdefault(record.key, sessions.decode(read(sessions.local_key(record.key))))
            change = advance(states.get(record.key, known), record.session, record.offset, record.received, None, epoch)
            if change is not None:
                states[record.key] = change.state
                counted += [(record.offset, sorted(change.counts.items()))] if change.counts else []
        writes = [write for key, state in states.items() for write in sessions.staged(key, before[key], state)]
        return counted, writes

    def localise(self, read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
        return sessions.localise(read, key, value)

    def expired(self, local: Local, received: int) -> list[bytes]:
        index = sorted(item for item in local.items() if item[0].startswith(sessions.EXPIRY))
        return sessions.expired(index, sessions.expired_before(received), 2)


class TakesTheLastWrite(Machine):
    """Broken: on recovery the last state wins, not the greatest version."""

    def localise(self, read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
        return sessions.localise(read if value is None else lambda _: None, key, value)


class WritesUnderOneKey(Machine):
    """Broken: all owners write under one changelog key, so that compaction may keep a zombie's."""

    def process(self, records: Iterable[Update], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:  # noqa: ARG002  that is what is broken
        return super().process(records, read, 1)


class ForgetsBeforeCommit(Machine):
    """Broken: deletes as far as it has read, committed or not, and without skew."""

    latest = 0

    def process(self, records: Iterable[Update], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:
        records = list(records)
        self.latest = max(self.latest, *(record.received for record in records))
        return super().process(records, read, epoch)

    def expired(self, local: Local, received: int) -> list[bytes]:  # noqa: ARG002  that is what is broken
        return super().expired(local, self.latest + SKEW_MS)


def test_every_schedule_counts_what_one_pass_without_faults_and_expiry_counts() -> None:
    assert [seed for seed in range(600) if not _agrees(Machine(), seed)] == []


@pytest.mark.parametrize("broken", [TakesTheLastWrite, WritesUnderOneKey, ForgetsBeforeCommit])
def test_the_schedules_find_what_each_rule_prevents(broken: type[Machine]) -> None:
    assert not all(_agrees(broken(), seed) for seed in range(3000))


def _agrees(rules: Machine, seed: int) -> bool:
    chance = random.Random(seed)
    records = list(_updates(chance))
    return sorted(World(rules, records, chance).run()) == _truth(records)


def _updates(chance: random.Random) -> Iterator[Update]:
    """Return updates of few sessions around the end of their 5 days, appended within the skew that ingest promises."""
    now = 10 * LIFE_MS
    statuses: Sequence[Status] = ("ok", "ok", "exited", "crashed", "abnormal", "unhandled")
    for offset in range(40):
        now += chance.choice([0, SKEW_MS // 2, 30 * HOUR_MS])
        session = update(chance.choice(statuses), chance.randrange(2))
        yield Update(offset, bytes([chance.randrange(5)]) * 16, now - chance.randrange(SKEW_MS), session)


def _truth(records: Iterable[Update]) -> list[Counted]:
    states: dict[bytes, State] = {}
    counted: list[Counted] = []
    for record in records:
        change = advance(states.get(record.key), record.session, record.offset, record.received, None, 0)
        if change is not None:
            states[record.key] = change.state
            counted += [(record.offset, sorted(change.counts.items()))] if change.counts else []
    return counted


def _localised(writes: Iterable[Write], local: Local | None = None) -> Local:
    local = {} if local is None else dict(local)
    for key, value in writes:
        for name, entry in sessions.localise(local.get, key, value):
            if entry is None:
                local.pop(name, None)
            else:
                local[name] = entry
    return local
