"""Which partitions a member of a group should own."""

from app.log.postgres.members import lock_space, wanted


def test_every_partition_has_one_owner_whatever_the_number_of_members() -> None:
    for count in range(1, 12):
        members = [f"member-{n:02}" for n in range(count)]
        shares = [wanted(8, members, member) for member in members]
        assert sorted(number for share in shares for number in share) == list(range(8))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_who_is_not_listed_owns_nothing() -> None:
    assert wanted(8, ["a"], "b") == set()


def test_groups_and_topics_have_locks_of_their_own() -> None:
    spaces = {lock_space(group, names) for group in ("g", "h") for names in (["1.a"], ["2.a"], ["1.a", "1.b"])}
    assert len(spaces) == 6
    assert all(-(1 << 31) <= space < 1 << 31 for space in spaces)
