"""Expiry is judged by the received times behind an owner's own, accepted commits."""

from tables.behind import CommittedReceived


def test_nothing_is_known_before_the_first_commit() -> None:
    committed = CommittedReceived(1)
    committed.handled(9, 5000)
    assert committed.received(None) is None


def test_only_batches_at_or_before_the_commit_count_and_the_greatest_stays() -> None:
    committed = CommittedReceived(1)
    for last, received in ((9, 5000), (19, 4000), (29, 9000)):
        committed.handled(last, received)
    assert committed.received(8) is None
    assert committed.received(9) == 5000
    assert committed.received(28) == 5000
    assert committed.received(29) == 9000
    committed.handled(39, 1000)
    assert committed.received(39) == 9000


def test_a_batch_that_is_committed_in_part_does_not_count() -> None:
    committed = CommittedReceived(1)
    committed.handled(9, 5000)
    assert committed.received(5) is None
