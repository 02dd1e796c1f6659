"""The rows and offsets of the records of a group commit."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.log.contract import NewRecord
from app.log.postgres.rows import PartitionId, Reserved, Topic, counts, place
from app.log.postgres.wake import EVERY_TOPIC, payload

TOPICS = {"e": Topic(1, "e", 3, compact=False, sealed=False), "s": Topic(2, "s", 3, compact=True, sealed=False)}
TODAY = date(2026, 1, 2)

records = st.builds(
    NewRecord,
    topic=st.sampled_from(["e", "s"]),
    partition=st.integers(0, 2),
    key=st.sampled_from([b"a", b"b", b"c"]),
    value=st.one_of(st.none(), st.binary(max_size=2)),
    headers=st.just({}),
    stamp=st.integers(0, 9),
)


@given(st.lists(records, max_size=30), st.integers(0, 5))
def test_each_partition_gets_its_reserved_offsets_once_and_in_order(batch: list[NewRecord], first: int) -> None:
    reserved = counts(batch, TOPICS)
    placed = place(batch, TOPICS, {where: Reserved(first, TODAY) for where in reserved})
    by_place: dict[PartitionId, list[int]] = {}
    for record, offset in zip(batch, placed.offsets, strict=True):
        by_place.setdefault(PartitionId(TOPICS[record.topic].id, record.partition), []).append(offset)
    assert by_place == {where: list(range(first, first + count)) for where, count in reserved.items()}


@given(st.lists(records, max_size=30))
def test_only_the_last_record_of_a_compacted_key_is_written(batch: list[NewRecord]) -> None:
    placed = place(batch, TOPICS, {where: Reserved(0, TODAY) for where in counts(batch, TOPICS)})
    last = {(record.partition, record.key): record.value for record in batch if record.topic == "s"}
    assert {(row[1], row[5]): row[6] for row in placed.compacted} == last
    assert len(placed.compacted) == len(last)
    assert len(placed.kept) == sum(record.topic == "e" for record in batch)


def test_a_notification_never_passes_the_limit_of_postgres() -> None:
    assert payload({"1.b", "1.a"}) == "1.a,1.b"
    assert payload(f"1.topic-{number}" for number in range(2000)) == EVERY_TOPIC
