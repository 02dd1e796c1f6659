"""The sessions agent on the real log: whatever is killed, redelivered or lost, each change of a session counts once."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS, SessionBatch
from agents.sessions import Sessions
from app.cells import SKEW, Cell
from app.log.contract import Record
from app.log.postgres.log import PostgresLog
from app.model import Refused
from tables import sessions
from tests.support import source_parts as parts
from tests.support.batches import NOW, TARGETS, refused, session_record
from tests.support.source_parts import MakeRole, Owner

CHANGELOG = "1.sessions-sessions-changelog"


def update(offset: int, status: str, *, sid: str = "sid", received: int = NOW, errors: int = 0) -> Record:
    started = datetime.fromtimestamp((received - 5000) / 1000, UTC).isoformat()
    content = {"sid": sid, "did": f"user-{sid}", "status": status, "errors": errors, "started": started}
    return session_record(offset, "session", content | {"attrs": {"release": "shop@1"}}, sid=sid, received=received)


def one_pass(records: Sequence[Record], secrets: dict[int, bytes]) -> BatchResult:
    """Return the result of the records as one batch, on empty state."""
    result = BatchResult("sessions", records, TARGETS)
    SessionBatch(result, {}, secrets, 1).add_all(result.readable(KINDS))
    return result


def mixed(chance: random.Random) -> list[Record]:
    """Return updates of few sessions, some of which outlive their state, with aggregates, reports and refusals."""
    records, now = [], NOW
    report = {"discarded_events": [{"reason": "network_error", "category": "error", "quantity": 3}]}
    aggregate = {"aggregates": [{"started": "2026-11-24T06:57:00Z", "exited": 3, "crashed": 1, "did": "user-x"}]}
    for offset in range(60):
        now += chance.choice([0, 20_000, 20 * 3_600_000])
        received = now - chance.randrange(SKEW * 1000)
        status = chance.choice(["ok", "ok", "exited", "crashed", "abnormal", "unhandled"])
        made = update(offset, status, sid=f"s{chance.randrange(12)}", received=received, errors=chance.randrange(2))
        others = [
            session_record(offset, "client_report", report, sid=f"r{offset}", received=received, category="other"),
            session_record(offset, "sessions", aggregate, sid=f"a{offset}", received=received),
            session_record(offset, "session", [], sid=f"b{offset}", received=received),
            refused(offset, Refused("session", "rate_limited", "quota", 2), topic="1.sessions"),
        ]
        records.append(chance.choice(others) if chance.random() < 0.25 else made)
    return records


@pytest.mark.parametrize("seed", range(6))
async def test_any_schedule_of_kills_counts_what_one_pass_counts(
    log: PostgresLog, role: MakeRole, secrets: dict[int, bytes], seed: int
) -> None:
    chance = random.Random(seed)
    records = mixed(chance)
    await parts.survive(Sessions, role, records, chance)
    whole = one_pass(records, secrets)
    assert await parts.counted(log) == parts.sums_of(whole.deltas())
    assert await parts.stored(log) == whole.stored


async def test_the_changelog_keeps_one_key_a_session_whoever_owned_it(log: PostgresLog, role: MakeRole) -> None:
    for epoch, status in enumerate(("ok", "crashed", "crashed"), 1):
        async with Owner(Sessions, role(), epoch) as owner:
            await owner.handle([update(epoch, status)])
    records = [record for record in await log.read(CHANGELOG, 0, 0) if record.value is not None]
    assert [(record.key or b"")[-1] for record in records] == [2], "the third changed nothing, the second took over"
    state = sessions.decode(records[0].value)
    assert state is not None
    assert (state.version, state.epoch, state.marks & sessions.CRASHED) == (2, 2, sessions.CRASHED)


async def test_a_state_that_another_worker_left_is_found_without_its_local_copy(
    log: PostgresLog, role: MakeRole
) -> None:
    one = role()
    async with Owner(Sessions, one, 1) as owner:
        await owner.handle([update(0, "ok")])
    parts.lose(one.folder)
    async with Owner(Sessions, role(), 2) as owner:
        await owner.handle([update(1, "crashed")])
    rows = await parts.counted(log)
    cell = Cell("c", 1).key()
    (minute,) = [counts for (key, size, _), counts in rows.items() if key == cell and size == 60]
    assert (minute["sessions"], minute["crashed_sessions"]) == (1, 1)


async def test_states_expire_after_their_days_and_only_behind_the_owners_accepted_commit(role: MakeRole) -> None:
    later = NOW + sessions.LIFE_MS + 3 * 3_600_000
    one = role()
    async with Owner(Sessions, one, 1) as owner:
        table = one.tables[0]
        await owner.handle([update(0, "ok", sid="old")])
        second = [update(1, "ok", sid="new", received=later)]
        await owner.handle(second)
        await owner.handle([update(2, "ok", sid="newer", received=later)])
        assert len(list(table.scan(0, sessions.STATE))) == 3, "nothing was committed, so nothing may go"
        owner.commit(second)
        await owner.handle([update(3, "exited", sid="old", received=later)])
        assert len(list(table.scan(0, sessions.STATE))) == 3, "the old one went and came back as a new one"
        assert len(list(table.scan(0, sessions.EXPIRY))) == 3
    parts.lose(one.folder)
    two = role()
    async with Owner(Sessions, two, 2):
        states = [sessions.decode(value) for _, value in two.tables[0].scan(0, sessions.STATE)]
        assert sorted(state.version for state in states if state is not None) == [1, 2, 3]
        assert len(list(two.tables[0].scan(0, sessions.EXPIRY))) == 3
