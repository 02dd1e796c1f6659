"""Sessions, aggregates and client reports of one batch."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.batch.records import user_hash
from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS, ChangedSession, SessionBatch, keys_of
from app.cells import DAY, HOUR, LATENESS, MINUTE, Cell
from app.log.contract import Record
from app.model import Facts, Kind, Refused
from tables.sessions import State
from tests.support.batches import NOW, SECRETS, TARGETS, record, refused, rows, session_record, total, users

PROJECT = Cell("c", 1)
RELEASE = Cell("c", 1, "", "shop@1")
LEDGER = Cell("l", 1, "session")
ATTRS = {"release": "shop@1", "environment": "production"}
USER = user_hash(SECRETS[1], "user-1")
STARTED = NOW - 30_000


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def content(status: str = "ok", *, started: int = STARTED, release: str = "shop@1", **more: Any) -> dict[str, Any]:  # noqa: ANN401  fields of a session
    attrs = ATTRS | {"release": release}
    return {"sid": "sid", "did": "user-1", "status": status, "started": iso(started), "attrs": attrs} | more


def single(offset: int, status: str = "ok", *, received: int = NOW, sid: str = "sid", **more: Any) -> Record:  # noqa: ANN401  fields of a session
    return session_record(offset, "session", content(status, **more) | {"sid": sid}, sid=sid, received=received)


def digest_of(
    records: Sequence[Record], known: dict[bytes, State] | None = None, *, epoch: int = 1
) -> tuple[BatchResult, list[ChangedSession]]:
    result = BatchResult("sessions", records, TARGETS)
    batch = SessionBatch(result, known or {}, SECRETS, epoch)
    batch.add_all(result.readable(KINDS))
    return result, batch.changed


def test_a_session_counts_once_by_project_and_release_in_the_windows_of_its_start() -> None:
    result, changed = digest_of([single(0, init=True), single(1, "crashed", errors=1), single(2, "crashed")])
    counts = {"sessions": 1, "errored_sessions": 1, "crashed_sessions": 1}
    for cell in (PROJECT, RELEASE):
        assert [total(result.deltas(), cell, size) for size in (MINUTE, HOUR, DAY)] == [counts] * 3
        assert users(result.deltas(), cell, "session_users") == {USER}
        assert users(result.deltas(), cell, "crashed_users") == {USER}
    starts = {start for (cell, size, start) in rows(result.deltas()) if size == MINUTE and cell == PROJECT.key()}
    assert starts == {STARTED // 60_000 * 60}
    assert total(result.deltas(), LEDGER) == {"grouped": 3}
    assert [(one.before, one.after.version) for one in changed] == [(None, 1)]


@pytest.mark.parametrize("version", ["n1", "n2"])
def test_sessions_of_both_kinds_count_by_environment_from_n2_on(version: str) -> None:
    buckets = {"attrs": ATTRS, "aggregates": [{"started": iso(STARTED), "exited": 2}]}
    records = [single(0), single(1, "crashed"), session_record(2, "sessions", buckets)]
    kinds: list[Kind] = ["session", "session", "sessions"]
    stamped = [
        record(one.offset, Facts(1, kind, "session", "sid", NOW, normalisation=version), one.value, "1.sessions")
        for one, kind in zip(records, kinds, strict=True)
    ]
    result, (changed,) = digest_of(stamped)
    counted = {"sessions": 3, "errored_sessions": 1, "crashed_sessions": 1}
    for cell in (Cell("e", 1, "production"), Cell("e", 1, "production", "shop@1")):
        assert total(result.deltas(), cell) == (counted if version == "n2" else {})
    assert total(result.deltas(), RELEASE) == counted
    assert changed.after.environment == ("production" if version == "n2" else "")


def test_later_updates_count_where_the_first_one_did() -> None:
    _, (first,) = digest_of([single(0)])
    update = single(5, "crashed", started=STARTED - 9 * HOUR * 1000, release="shop@2")
    result, _ = digest_of([update], {first.key: first.after})
    assert set(rows(result.deltas())) == {
        (cell.key(), size, STARTED // 1000 // size * size)
        for cell in (PROJECT, RELEASE)
        for size in (MINUTE, HOUR, DAY)
    } | {(LEDGER.key(), MINUTE, NOW // 60_000 * 60)}


def test_an_update_is_late_by_the_window_of_its_start() -> None:
    """init@1, the window goes, crash@61: the minute's row must not be made anew."""
    _, (first,) = digest_of([single(0)])
    end = (STARTED // 60_000 * 60 + MINUTE + LATENESS[MINUTE]) * 1000
    for received, minutes in ((end, {"errored_sessions": 1, "crashed_sessions": 1}), (end + 1, {})):
        result, _ = digest_of([single(5, "crashed", received=received)], {first.key: first.after})
        assert total(result.deltas(), PROJECT, MINUTE) == minutes
        assert total(result.deltas(), PROJECT, HOUR) == {"errored_sessions": 1, "crashed_sessions": 1}


def test_what_was_done_before_a_redelivery_adds_nothing_and_the_ledger_stays() -> None:
    records = [single(0), single(1, "crashed"), single(2, sid="other")]
    whole, _ = digest_of(records)
    front, changed = digest_of(records[:2])
    again, _ = digest_of(records, {one.key: one.after for one in changed}, epoch=2)
    assert total(again.deltas(), PROJECT) == {"sessions": 1}, "the third alone is new"
    assert total(again.deltas(), LEDGER) == {"grouped": 3}
    back, _ = digest_of(records[2:], {one.key: one.after for one in changed})
    assert rows([*front.deltas(), *back.deltas()]) == rows(whole.deltas())


def test_updates_of_one_session_in_one_batch_build_on_each_other() -> None:
    result, (changed,) = digest_of([single(n, "ok", errors=n) for n in range(4)])
    assert total(result.deltas(), PROJECT) == {"sessions": 1, "errored_sessions": 1}
    assert changed.after.version == 1


def test_aggregates_count_the_sum_of_their_ends_and_are_never_duplicates() -> None:
    buckets = [
        {"started": iso(STARTED), "exited": 5, "errored": 2, "crashed": 1, "unhandled": 1, "abnormal": 1},
        {"started": iso(STARTED - 60_000), "exited": 4, "did": "user-1"},
        {"started": iso(STARTED - 60_000), "crashed": 1, "did": "user-1"},
    ]
    aggregate = {"aggregates": buckets, "attrs": ATTRS}
    result, changed = digest_of([session_record(n, "sessions", aggregate) for n in range(2)])
    counts = {
        "sessions": 30,
        "errored_sessions": 12,
        "abnormal_sessions": 2,
        "unhandled_sessions": 2,
        "crashed_sessions": 4,
    }
    assert total(result.deltas(), PROJECT) == counts
    assert total(result.deltas(), RELEASE, DAY) == counts
    assert users(result.deltas(), RELEASE, "crashed_users") == {USER}
    assert total(result.deltas(), LEDGER) == {"grouped": 2}
    assert changed == []


def test_both_kinds_of_session_count_alike() -> None:
    for end in ("exited", "crashed", "abnormal", "unhandled", "errored"):
        update = single(0, "exited", errors=1) if end == "errored" else single(0, end)
        alone, _ = digest_of([update])
        together = {"aggregates": [{"started": iso(STARTED), "did": "user-1", end: 1}], "attrs": ATTRS}
        aggregate, _ = digest_of([session_record(0, "sessions", together)])
        assert rows(alone.deltas()) == rows(aggregate.deltas())
        for sketch in ("session_users", "crashed_users"):
            assert users(alone.deltas(), RELEASE, sketch) == users(aggregate.deltas(), RELEASE, sketch)


def test_client_reports_say_what_was_lost_beside_the_outcomes() -> None:
    discarded = [
        {"reason": "network_error", "category": "error", "quantity": 3},
        {"reason": "queue_overflow", "category": "session", "quantity": 2},
    ]
    report = session_record(0, "client_report", {"discarded_events": discarded}, category="other")
    deltas = digest_of([report])[0].deltas()
    assert total(deltas, Cell("l", 1, "error")) == {"lost:network_error": 3}
    assert total(deltas, LEDGER) == {"lost:queue_overflow": 2}
    assert total(deltas, Cell("l", 1, "other")) == {"grouped": 1}


def test_refusals_of_the_topic_are_in_the_ledger() -> None:
    result, _ = digest_of([refused(0, Refused("session", "rate_limited", "quota", 4), topic="1.sessions")])
    assert total(result.deltas(), LEDGER) == {"rate_limited": 4, "rate_limited:quota": 4}


def test_payloads_are_kept_without_findings() -> None:
    result, _ = digest_of([single(0), single(1, "exited")])
    assert result.processed().summaries == []
    assert [report.offset for report in result.stored] == [0, 1]


@pytest.mark.parametrize(("kind", "bad"), [("session", []), ("session", "text"), ("session", {}), ("sessions", {})])
def test_what_is_no_session_goes_to_dead_letters_and_the_batch_goes_on(kind: Kind, bad: Any) -> None:  # noqa: ANN401  any JSON
    result, _ = digest_of([session_record(0, kind, bad, sid=""), single(1)])
    assert [dead.address.offset for dead in result.dead_letters] == [0]
    assert total(result.deltas(), PROJECT) == {"sessions": 1}
    assert total(result.deltas(), LEDGER) == {"dead_lettered": 1, "grouped": 1}


def test_a_session_goes_by_the_key_that_picked_its_partition() -> None:
    records = [single(0), session_record(1, "sessions", {"aggregates": [], "attrs": ATTRS})]
    read = BatchResult("sessions", records, TARGETS).readable(KINDS)
    assert keys_of(read) == [records[0].key]
