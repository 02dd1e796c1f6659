"""A log that is not the one of the generation that is worked on is refused, and the message says what to do."""

import pytest

from app.log.generations import DATABASE, Generation, deltas_partitions, refuse_other
from app.settings import Settings, SettingsError

KAFKA = "kafka:abc-1/"


def test_the_same_log_with_the_same_partitions_is_taken() -> None:
    refuse_other(Generation(1, DATABASE, 8, 8, False), DATABASE, Settings(partitions=8))
    refuse_other(Generation(2, KAFKA, 4, 2, True), KAFKA, Settings(partitions=4))
    refuse_other(Generation(1, None, None, None, False), KAFKA, Settings())


@pytest.mark.parametrize(
    ("log", "name", "told"),
    [
        (DATABASE, KAFKA, r"is in PostgreSQL, .* names Kafka \(cluster abc-1, prefix none\): set it back"),
        (KAFKA, DATABASE, r"is in Kafka .* names PostgreSQL"),
        (KAFKA, "kafka:other/", r"cluster other"),
        (KAFKA, "kafka:abc-1/team", r"prefix team"),
    ],
)
def test_another_log_is_refused(log: str, name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        refuse_other(Generation(1, log, 8, 1, False), name, Settings(partitions=8))


def test_while_the_log_is_moved_the_new_one_is_not_taken_yet() -> None:
    with pytest.raises(SettingsError, match=r"being moved.*still to drain"):
        refuse_other(Generation(1, DATABASE, 8, 8, True), KAFKA, Settings(partitions=8))


def test_another_count_of_partitions_is_refused() -> None:
    with pytest.raises(SettingsError, match="set FAULTLINE_PARTITIONS=8, not 4"):
        refuse_other(Generation(1, DATABASE, 8, 8, False), DATABASE, Settings(partitions=4))


def test_deltas_has_one_partition_where_the_log_is_in_the_embedded_database() -> None:
    assert deltas_partitions(Settings(partitions=8)) == 1
    assert deltas_partitions(Settings(partitions=8, database="embedded:///somewhere")) == 1
    assert deltas_partitions(Settings(partitions=8, database="postgresql://host/name")) == 8
    assert deltas_partitions(Settings(partitions=8, log="kafka://host:9092")) == 8
