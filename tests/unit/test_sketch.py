"""The sketch of unique users: canonical bytes, exact while small, close when large."""

import random
from hashlib import blake2b

import datasketches
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables import sketch

hashes = st.integers(min_value=0, max_value=2**64 - 1)


def spread(count: int, salt: str = "") -> list[int]:
    return [int.from_bytes(blake2b(f"{salt}{i}".encode(), digest_size=8).digest(), "big") for i in range(count)]


@given(st.lists(hashes, max_size=30), st.randoms(use_true_random=False))
def test_small_sketch_is_the_set(values: list[int], order: random.Random) -> None:
    shuffled = values + values[:5]
    order.shuffle(shuffled)
    one_by_one = sketch.EMPTY
    for value in shuffled:
        one_by_one = sketch.add(one_by_one, [value])
    assert one_by_one == sketch.add(sketch.EMPTY, values)
    assert sketch.estimate(one_by_one) == len(set(values))


@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 1026, 5000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_path_gives_the_same_bytes(count: int, seed: int) -> None:
    order = random.Random(seed)
    values = spread(count)
    whole = sketch.add(sketch.EMPTY, values)
    parts: list[bytes] = [sketch.EMPTY for _ in range(7)]
    for value in values * 2:
        part = order.randrange(7)
        parts[part] = sketch.add(parts[part], [value])
    order.shuffle(parts)
    assert sketch.union(parts) == whole
    assert sketch.union([sketch.union(parts[:3]), sketch.union(parts[3:])]) == whole
    assert sketch.union([whole, *parts, whole]) == whole
    assert sketch.add(whole, values) == whole


@given(st.lists(st.lists(hashes, max_size=700), max_size=4))
def test_union_is_the_sketch_of_all(lists: list[list[int]]) -> None:
    everything = [value for values in lists for value in values]
    assert sketch.union(sketch.add(sketch.EMPTY, values) for values in lists) == sketch.add(sketch.EMPTY, everything)


@pytest.mark.parametrize("few", [2, 3, 4])
def test_a_few_at_a_time_are_the_same_bytes(few: int) -> None:
    values = spread(1100, "few")
    grown = sketch.EMPTY
    for at in range(0, len(values), few):
        grown = sketch.add(grown, values[at : at + few])
    assert grown == sketch.add(sketch.EMPTY, values)


def test_extreme_hashes_reach_their_registers() -> None:
    values = [0, 2**64 - 1, 2**50, 2**50 - 1, 1, *spread(1100)]
    dense = sketch.add(sketch.EMPTY, values)
    again = sketch.EMPTY
    for value in reversed(values):
        again = sketch.add(again, [value])
    assert again == dense
    assert len(dense) == 12_288
    registers = sketch._lanes(dense).to_bytes(2**14, "little")
    assert registers[0] == 51
    assert registers[2**14 - 1] >= 1
    assert sketch._packed(sketch._lanes(dense)) == dense


def test_exact_up_to_its_limit() -> None:
    assert sketch.estimate(sketch.add(sketch.EMPTY, spread(sketch.EXACT))) == sketch.EXACT
    assert sketch.estimate(sketch.EMPTY) == 0
    assert sketch.union([]) == sketch.EMPTY


@pytest.mark.parametrize("count", [1025, 2000, 20_000, 100_000])
def test_error_is_that_of_the_reference(count: int) -> None:
    """The standard error of 2^14 registers is 0.81 %; five of them and Apache's own sketch bound what may be seen."""
    reference = datasketches.hll_sketch(14)
    values = spread(count, "reference")
    for value in values:
        reference.update(value)
    ours = sketch.estimate(sketch.add(sketch.EMPTY, values))
    assert abs(ours - count) / count < 5 * 0.0081
    assert abs(ours - reference.get_estimate()) / count < 5 * 0.0081 * 2**0.5
