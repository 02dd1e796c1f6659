"""Crashes and messages of one batch: what is counted, what is kept, what goes to dead letters."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import zstandard

from agents.batch.crashes import CHUNK_RECORDS, KINDS, CrashBatch
from agents.batch.dead_letters import FailureStreak, TooManyDeadLetters
from agents.batch.records import key_of, keys_of, user_hash
from agents.batch.result import BatchResult, too_large
from app.cells import DAY, HOUR, MINUTE, Cell
from app.grouping import group, versions
from app.grouping.rules import NONE, Rules
from app.log.contract import Record
from app.model import Event, Facts, Grouped, Refused
from app.records import UnknownSchema, decode_delta, decode_processed, decode_stored, encode_facts
from app.topics import FACTS
from tables.seen import DAY_MS, First, Seen
from tests.support.batches import NOW, SECRETS, TARGETS, crash, record, refused, rows, total, users

PROJECT = Cell("c", 1)
LEDGER = Cell("l", 1, "error")


def digest_of(
    records: Sequence[Record], known: dict[bytes, First] | None = None, *, lost: int = 0
) -> tuple[BatchResult, list[First]]:
    result, seen = BatchResult("crashes", records, TARGETS, lost), Seen(known or {})
    CrashBatch(result, seen, SECRETS).add_all(result.readable(KINDS))
    return result, seen.firsts


def test_a_crash_counts_in_its_cells_and_windows_with_its_user() -> None:
    result, firsts = digest_of([crash(5)])
    deltas = result.deltas()
    group = result.summaries[0].group
    for cell in (PROJECT, Cell("c", 1, "", "shop@1"), Cell("c", 1, group), Cell("c", 1, group, "shop@1")):
        assert [total(deltas, cell, size) for size in (MINUTE, HOUR, DAY)] == [{"crashes": 1}] * 3
        assert users(deltas, cell, "users") == {user_hash(SECRETS[1], "user-1")}
    assert total(deltas, LEDGER) == {"grouped": 1}
    assert [first.offset for first in firsts] == [5]


@pytest.mark.parametrize(("version", "counted"), [("n1", {}), ("n2", {"crashes": 1, "handled": 1})])
def test_the_version_of_normalisation_decides_whether_environments_and_handled_ones_are_counted(
    version: str, counted: dict[str, int]
) -> None:
    """A batch that is redelivered across an upgrade counts as it did before."""
    raised = {"type": "E", "value": "v", "mechanism": {"type": "generic", "handled": True}}
    sent = crash(5, environment="staging", exception={"values": [raised]})
    facts = Facts(1, "sentry", "error", f"{5:032x}", NOW, normalisation=version)
    result, _ = digest_of([record(5, facts, sent.value)])
    for cell in (Cell("e", 1, "staging"), Cell("e", 1, "staging", "shop@1")):
        assert [total(result.deltas(), cell, size) for size in (MINUTE, HOUR, DAY)] == [counted] * 3
    assert total(result.deltas(), PROJECT) == (counted or {"crashes": 1})
    assert [summary.environment for summary in result.summaries] == ["staging"]


def test_an_unhandled_crash_counts_as_both_and_a_message_as_neither() -> None:
    unhandled = {"values": [{"type": "E", "value": "v", "mechanism": {"type": "excepthook", "handled": False}}]}
    result, _ = digest_of([crash(0, exception=unhandled), crash(1, level="info", exception=None, message="hello")])
    assert total(result.deltas(), PROJECT) == {"crashes": 1, "unhandled": 1, "messages": 1}
    assert users(result.deltas(), PROJECT, "users") == {user_hash(SECRETS[1], "user-1")}
    assert total(result.deltas(), LEDGER) == {"grouped": 2}, "messages are grouped too"


def test_a_message_names_no_user() -> None:
    result, _ = digest_of([crash(1, level="warning", exception=None, message="hello")])
    assert users(result.deltas(), PROJECT, "users") == set()


def test_a_late_crash_reaches_only_the_larger_windows() -> None:
    at = NOW - 2 * HOUR * 1000
    deltas = digest_of([crash(0, timestamp=at / 1000)])[0].deltas()
    assert [total(deltas, PROJECT, size) for size in (MINUTE, HOUR, DAY)] == [{}, {"crashes": 1}, {"crashes": 1}]


def test_group_facts_are_those_of_the_first_event_by_time() -> None:
    seconds = [(3, 5), (4, 9), (5, 9), (6, 1)]
    result, _ = digest_of([crash(at, timestamp=NOW / 1000 - ago, release=f"r{at}") for at, ago in seconds])
    (facts,) = [facts for delta in result.deltas() for facts in delta.groups.values()]
    assert (facts.release, facts.sample_offset, facts.sample_event) == ("r4", 4, f"{4:032x}")
    assert (facts.first_seen, facts.last_seen) == (NOW - 9000, NOW - 1000)


@pytest.mark.parametrize("at", range(3))
def test_a_group_is_unhandled_if_any_of_its_events_is(at: int) -> None:
    def raised(*, handled: bool) -> dict[str, Any]:
        return {"values": [{"type": "E", "value": "v", "mechanism": {"type": "generic", "handled": handled}}]}

    result, _ = digest_of([crash(n, exception=raised(handled=n != at)) for n in range(3)])
    (facts,) = [facts for delta in result.deltas() for facts in delta.groups.values()]
    assert facts.unhandled


def test_a_copy_is_a_duplicate_also_within_the_batch_and_is_not_kept() -> None:
    result, firsts = digest_of([crash(0, "a" * 32), crash(1, "a" * 32), crash(2, "b" * 32)])
    assert total(result.deltas(), PROJECT) == {"crashes": 2}
    assert total(result.deltas(), LEDGER) == {"grouped": 2, "duplicate": 1}
    assert [report.offset for report in result.stored] == [0, 2]
    assert [first.offset for first in firsts] == [0, 2]


def test_a_copy_counts_in_the_place_of_one_that_cannot_work() -> None:
    bad = msgspec.structs.replace(crash(0, "a" * 32), value=b"[]")
    result, firsts = digest_of([bad, crash(1, "a" * 32), crash(2, "a" * 32)])
    assert total(result.deltas(), LEDGER) == {"dead_lettered": 1, "grouped": 1, "duplicate": 1}
    assert [first.offset for first in firsts] == [1]


def test_a_batch_of_many_parts_is_one_batch() -> None:
    records = [crash(n, f"{n % 150:032x}") for n in range(200)]
    result, firsts = digest_of(records)
    assert [found.offset for found in result.summaries] == [first.offset for first in firsts] == list(range(150))
    assert result.duplicates == 50
    assert len(records) > 2 * CHUNK_RECORDS


def test_the_same_id_in_another_project_is_another_event() -> None:
    result, _ = digest_of([crash(0, "a" * 32), crash(1, "a" * 32, project=2)])
    assert total(result.deltas(), Cell("c", 2)) == {"crashes": 1}


def test_what_ingest_gave_a_random_id_is_never_a_duplicate() -> None:
    result, firsts = digest_of([crash(0, "a" * 32, unique=False), crash(1, "a" * 32, unique=False)])
    assert total(result.deltas(), PROJECT) == {"crashes": 2}
    assert firsts == []


def test_a_copy_after_a_day_counts_again_and_redelivery_counts_the_same() -> None:
    copy = crash(9, "a" * 32)
    key = key_of(copy, "a" * 32, 1)
    for known, counts in (
        (First(key, 0, NOW - DAY_MS), {}),
        (First(key, 0, NOW - DAY_MS - 1), {"crashes": 1}),
        (First(key, 9, NOW), {"crashes": 1}),
        (First(key, 12, NOW), {}),
    ):
        assert total(digest_of([copy], {key: known})[0].deltas(), PROJECT) == counts


def test_a_redelivery_with_other_cuts_counts_the_same_offsets_alike() -> None:
    records = [crash(n, f"{n % 3:032x}", release=f"r{n % 2}") for n in range(8)]
    whole, _ = digest_of(records)
    front, firsts = digest_of(records[:3])
    back, _ = digest_of(records[3:], {first.key: first for first in firsts})
    sums = rows([*front.deltas(), *back.deltas()])
    assert sums == rows(whole.deltas())
    assert front.summaries + back.summaries == whole.summaries


def test_spans_hold_all_offsets_read_and_what_retention_took() -> None:
    result, _ = digest_of([refused(7), record(8, None), crash(9)], lost=2)
    assert {(delta.first, delta.last, delta.received) for delta in result.deltas()} == {(5, 9, NOW)}
    assert (result.processed().first, result.processed().last) == (5, 9)
    assert len(result.deltas()) == TARGETS.deltas


def test_all_that_leaves_can_be_read_and_nothing_depends_on_the_clock() -> None:
    records = [crash(0), crash(1, extra={"password": "hunter2"}), record(2, None, b"x")]
    sent = digest_of(records)[0].records()
    assert sent == digest_of(records)[0].records()
    assert [new.topic for new in sent] == ["1.processed", *["1.deltas"] * 8, "1.dead-letters"]
    assert [new.partition for new in sent[1:9]] == list(range(8))
    assert {new.stamp for new in sent} == {NOW}
    for new in sent[1:9]:
        decode_delta(new.value or b"")
    (block,) = decode_processed(sent[0].value or b"").blocks
    stored = decode_stored(zstandard.decompress(block.data))
    assert [report.offset for report in stored] == [0, 1]
    assert stored[0].payload == records[0].value, "untouched where nothing was scrubbed"
    assert b"hunter2" not in stored[1].payload


def test_what_was_refused_at_the_edge_is_in_the_ledger_with_its_quantity() -> None:
    what = (Refused("error", "rate_limited", "quota", 3), Refused("timing", "filtered", "span", 2))
    result, _ = digest_of([refused(0, *what)])
    assert total(result.deltas(), LEDGER) == {"rate_limited": 3, "rate_limited:quota": 3}
    assert total(result.deltas(), Cell("l", 1, "timing")) == {"filtered": 2, "filtered:span": 2}
    assert (result.stored, result.summaries) == ([], [])


@pytest.mark.parametrize("value", [b"", b"[]", b"nonsense", b'"text"', b'{"note":"a\n\xff password=b"', None])
def test_what_is_no_event_goes_to_dead_letters_and_the_batch_goes_on(value: bytes | None) -> None:
    bad = crash(0)
    result, firsts = digest_of([msgspec.structs.replace(bad, value=value), crash(1)])
    assert [(dead.address.offset, dead.role, dead.project) for dead in result.dead_letters] == [(0, "crashes", 1)]
    assert result.dead_letters[0].error == "Malformed"
    assert total(result.deltas(), LEDGER) == {"dead_lettered": 1, "grouped": 1}
    assert [first.offset for first in firsts] == [1], "its id stays free for a copy that works"


def test_excerpts_of_dead_letters_are_scrubbed_and_short() -> None:
    value = b"[" + b'{"password": "hunter2", "note": "kept"}' + b" " * 9000
    result, _ = digest_of([msgspec.structs.replace(crash(0), value=value)])
    excerpt = result.dead_letters[0].excerpt
    assert "hunter2" not in excerpt
    assert "kept" in excerpt
    assert len(excerpt) <= 4096


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "no_facts"),
        ({FACTS: b"{"}, "bad_facts"),
        ({FACTS: b'{"project": "one"}'}, "bad_facts"),
        ({FACTS: b"\xff"}, "bad_facts"),
        ({FACTS: encode_facts(Facts(1, "session", "session", "x", 5))}, "unexpected_kind"),
    ],
)
def test_a_record_without_readable_facts_is_a_dead_letter_of_nobodys_project(
    headers: dict[str, bytes], code: str
) -> None:
    result, _ = digest_of([msgspec.structs.replace(crash(0), headers=headers), crash(1)])
    assert [(dead.code, dead.project, dead.category) for dead in result.dead_letters] == [(code, 0, "error")]
    assert total(result.deltas(), Cell("l", 0, "error")) == {"dead_lettered": 1}
    assert total(result.deltas(), PROJECT) == {"crashes": 1}


@pytest.mark.parametrize(
    "change",
    [{"schema": 3}, {"schema": 3, "kind": "hologram"}, {"rules": 2}, {"grouping": "g9"}, {"normalisation": "n9"}],
)
def test_what_a_newer_ingest_wrote_stops_an_older_worker(change: dict[str, object]) -> None:
    good = crash(0)
    facts = json.loads(good.headers[FACTS]) | change
    newer = msgspec.structs.replace(good, headers={FACTS: json.dumps(facts).encode()})
    with pytest.raises(UnknownSchema):
        digest_of([newer])


def test_an_unknown_project_is_a_dead_letter() -> None:
    result, _ = digest_of([crash(0, project=99)])
    assert [(dead.code, dead.error) for dead in result.dead_letters] == [("failed", "UnknownProject")]
    assert result.summaries == []


def test_an_exception_of_ours_on_one_record_counts_it_dead_lettered_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(event: Event, _rules: Rules = NONE, /) -> Grouped:
        if event.release == "bad":
            raise ZeroDivisionError("hunter2")
        return group(event)

    monkeypatch.setattr("agents.batch.crashes.versions", {"g1": versions["g1"]._replace(group=broken)})
    result, _ = digest_of([crash(0), crash(1, release="bad"), crash(2)])
    assert [(dead.code, dead.error) for dead in result.dead_letters] == [("failed", "ZeroDivisionError")]
    assert "hunter2" not in repr(result.dead_letters)
    assert total(result.deltas(), PROJECT) == {"crashes": 2}
    assert total(result.deltas(), LEDGER) == {"grouped": 2, "dead_lettered": 1}


def test_failures_of_our_code_are_distinguished_from_malformed_payloads() -> None:
    wrong = msgspec.structs.replace(crash(0), value=b"[]")
    result, _ = digest_of([wrong, record(1, None), crash(2, project=99), crash(3)])
    assert [dead.address.offset for dead in result.dead_letters] == [1, 0, 2]
    assert result.failed == [1, 2]


def test_too_many_failures_in_a_row_stop_the_worker_and_a_good_record_starts_the_count_again() -> None:
    run = FailureStreak(3)
    run.follow([0, 1], [])
    assert run.count == 2
    run.follow([3], [2, 4])
    assert run.count == 0
    run.follow([5, 7], [6])
    run.follow([], [8])
    assert run.count == 0
    with pytest.raises(TooManyDeadLetters):
        run.follow([9, 10, 12, 13, 14], [11])


def test_keys_are_read_only_for_events_with_an_identity() -> None:
    records = [crash(0), crash(1, unique=False), refused(2)]
    read = BatchResult("crashes", records, TARGETS).readable(KINDS)
    assert keys_of(read) == [records[0].key]


def test_a_batch_is_halved_by_the_size_of_its_largest_record() -> None:
    new = digest_of([crash(0)])[0].records()
    assert not too_large(new)
    assert too_large([msgspec.structs.replace(new[0], value=bytes((8 << 20) + 1))])
