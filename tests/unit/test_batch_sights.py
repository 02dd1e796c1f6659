"""First sights of groups in a batch: appended once a source partition, group and build, again only by who forgot."""

import pytest

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.result import BatchResult
from agents.batch.sights import BatchSights, SentSights
from app.grouping import versions
from app.grouping.kinship import Features
from app.grouping.rules import rules_of
from app.grouping.sights import decode_features
from app.records import UnknownSchema
from app.topics import Source
from tables.seen import Seen
from tests.support import compared
from tests.support.batches import NOW, SECRETS, TARGETS
from tests.support.compared import crash, delta_of, placed

TEXT = "clerk is away until noon"


def sights(*numbers: int, sent: SentSights | None = None, release: str = "shop@1") -> list[Features]:
    """Return the sights in the delta of crashes of one statement at these offsets."""
    records, _ = placed(crash(number, TEXT, line=5, partition=0, release=release) for number in range(max(numbers) + 1))
    delta = delta_of([records[number] for number in numbers], SentSights() if sent is None else sent)
    return [decode_features(data) for facts in delta.groups.values() for data in facts.sights]


def test_the_first_event_of_a_group_is_its_sight() -> None:
    [sight] = sights(3, 4, 5)
    assert (sight.release, sight.born) == ("shop@1", (NOW + 3000, "1.crashes", 0, 3))
    assert sight.key == next(iter(delta_of(placed([crash(0, TEXT, line=5)])[0], SentSights()).groups)).split(":")[2]


def test_each_build_has_its_own() -> None:
    records, _ = placed(crash(n, TEXT, line=5, release=f"shop@{n % 2}", partition=0) for n in range(4))
    delta = delta_of(records, SentSights())
    found = [decode_features(data) for facts in delta.groups.values() for data in facts.sights]
    assert [(sight.build, sight.born.offset) for sight in found] == [("shop@0", 0), ("shop@1", 1)]


def test_without_releases_each_day_of_receipt_is_a_build() -> None:
    day = 86_400_000
    late = [crash(n, TEXT, line=5, release="", received=NOW + n * day // 2, partition=0) for n in range(4)]
    delta = delta_of(placed(late)[0], SentSights())
    assert len({decode_features(data).build for facts in delta.groups.values() for data in facts.sights}) > 1


def test_what_was_appended_is_left_out_until_it_is_forgotten() -> None:
    sent = SentSights()
    assert len(sights(0, 1, sent=sent)) == 1
    assert sights(2, 3, sent=sent) == []
    assert len(sights(2, 3)) == 1, "another worker does not know"
    small = SentSights(1)
    assert len(sights(0, sent=small)) == len(sights(0, sent=small, release="shop@2")) == 1
    assert len(sights(1, sent=small)) == 1


def test_what_was_not_acknowledged_is_appended_again() -> None:
    records = placed([crash(0, TEXT, line=5)])[0]
    known = SentSights()
    for _ in range(2):
        result = BatchResult("crashes", records, TARGETS)
        CrashBatch(result, Seen({}), SECRETS, {}, BatchSights(result.source, known)).add_all(result.readable(KINDS))
        assert [len(facts.sights) for delta in result.deltas() for facts in delta.groups.values()] == [1]


def test_partitions_are_told_apart() -> None:
    known, one = SentSights(), BatchSights(Source("1.crashes", 0), SentSights())
    parts = placed([crash(0, TEXT, line=5), crash(1, TEXT, line=5)])
    for part in parts:
        assert [len(facts.sights) for facts in delta_of(part, known).groups.values()] == [1]
    assert one.names == set()


def test_keys_of_g1_have_none() -> None:
    delta = delta_of(placed([crash(0, TEXT, line=5, grouping="g1")])[0], SentSights())
    assert [facts.sights for facts in delta.groups.values()] == [()]
    assert versions["g1"].features is None


def test_records_obey_the_rules_that_they_are_stamped_with() -> None:
    rules = {(1, 3): rules_of(3, '[[group_by]]\nname = "all"\ntype = "OrderError"')}
    records = placed([crash(n, f"{TEXT} {n}", rules=3 * (n > 1), partition=0) for n in range(4)])[0]
    delta = delta_of(records, SentSights(), rules)
    assert len(delta.groups) == 2, "one of the records without rules, one of those with"


def test_a_record_of_rules_that_do_not_exist_is_a_dead_letter() -> None:
    result = BatchResult("crashes", placed([crash(0, TEXT, rules=9)])[0], compared.TARGETS)
    CrashBatch(result, Seen({}), compared.SECRETS).add_all(result.readable(KINDS))
    assert [(dead.code, dead.error) for dead in result.dead_letters] == [("failed", "UnknownRules")]


def test_features_of_a_newer_schema_stop_the_process_by_name() -> None:
    with pytest.raises(UnknownSchema, match="schema of features: received version 9"):
        decode_features(b"\x92\x09\xa1x")
