"""What expiry is judged by: received times behind an owner's own, accepted commits."""

from tables.behind import Behind


def test_nothing_is_known_before_the_first_commit() -> None:
    behind = Behind(1)
    behind.handled(9, 5000)
    assert behind.received(None) is None


def test_only_batches_at_or_before_the_commit_count_and_the_greatest_stays() -> None:
    behind = Behind(1)
    for last, received in ((9, 5000), (19, 4000), (29, 9000)):
        behind.handled(last, received)
    assert behind.received(8) is None
    assert behind.received(9) == 5000
    assert behind.received(28) == 5000
    assert behind.received(29) == 9000
    behind.handled(39, 1000)
    assert behind.received(39) == 9000


def test_a_batch_in_the_midst_of_which_the_commit_stands_does_not_count() -> None:
    behind = Behind(1)
    behind.handled(9, 5000)
    assert behind.received(5) is None
