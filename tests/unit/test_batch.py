"""Cutting records into batches, and the prefix of batches that may be committed."""

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.log.batch import Batch, Chain, cut, size_of
from app.log.contract import Record


def record(offset: int, size: int = 10) -> Record:
    return Record("1.crashes", 0, offset, b"key", b"x" * size, {}, 0)


def batch(first: int, last: int, lost: int = 0) -> Batch:
    return Batch(topic="t", partition=0, records=[record(n) for n in range(first, last + 1)], lost=lost)


@dataclass
class Message:
    """The message of a batch, as a chain reads it."""

    acked: bool = False


def deliver(chain: Chain, first: int, last: int) -> Message:
    message = Message()
    chain.deliver(batch(first, last), message)
    return message


@given(st.lists(st.integers(0, 5000), max_size=60), st.integers(1, 10), st.integers(1, 9000))
def test_a_cut_keeps_every_record_in_order_within_the_limits(sizes: list[int], most: int, nbytes: int) -> None:
    records = [record(offset, size) for offset, size in enumerate(sizes)]
    batches = cut("1.crashes", 0, records, most, nbytes)
    assert [r for b in batches for r in b] == records
    assert all(len(b) <= most for b in batches)
    assert all(b.nbytes == sum(map(size_of, b)) for b in batches)
    assert all(b.nbytes <= nbytes or len(b) == 1 for b in batches)


def test_a_cut_fills_each_batch_before_the_next() -> None:
    batches = cut("1.crashes", 3, [record(n) for n in range(10, 15)], 2, 1 << 20)
    assert [(b.topic, b.partition, b.first, b.last) for b in batches] == [
        ("1.crashes", 3, 10, 11),
        ("1.crashes", 3, 12, 13),
        ("1.crashes", 3, 14, 14),
    ]


def test_an_idle_batch_ends_before_its_position() -> None:
    idle = Batch(topic="t", partition=0, records=[], position=7, idle_at=1)
    assert (idle.first, idle.last, len(idle), list(idle)) == (7, 6, 0, [])


def test_only_the_acknowledged_prefix_is_committable() -> None:
    chain = Chain(0)
    first, second, third = deliver(chain, 0, 99), deliver(chain, 100, 149), deliver(chain, 150, 199)
    assert chain.advance() is None
    third.acked = True
    assert chain.advance() is None
    first.acked = True
    assert chain.advance() == 100
    second.acked = True
    assert chain.advance() == 200
    assert chain.advance() == 200
    assert len(chain) == 0


def test_an_idle_batch_moves_nothing() -> None:
    chain = Chain(0)
    deliver(chain, 0, 9).acked = True
    idle = Message(acked=True)
    chain.deliver(Batch(topic="t", partition=0, records=[], position=10, idle_at=1), idle)
    assert chain.advance() == 10
    assert chain.expected == 10


def test_a_batch_read_again_starts_a_new_chain_for_which_older_acknowledgements_count_nothing() -> None:
    chain = Chain(0)
    old = deliver(chain, 0, 99)
    again = deliver(chain, 0, 49)
    old.acked = True
    assert chain.advance() is None
    again.acked = True
    assert chain.advance() == 50


def test_missing_offsets_are_those_between_that_were_not_reported_lost() -> None:
    chain = Chain(5)
    assert chain.missing(batch(5, 6)) == 0
    assert chain.missing(batch(8, 9)) == 3
    assert chain.missing(batch(8, 9, lost=3)) == 0
    assert Chain().missing(batch(8, 9)) == 0


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30), st.randoms())
def test_acknowledged_in_any_order_the_commit_never_passes_an_unfinished_batch(
    sizes: list[int], random: Random
) -> None:
    chain = Chain(0)
    ends, messages, at = [], [], 0
    for size in sizes:
        messages.append(deliver(chain, at, at + size - 1))
        at += size
        ends.append(at)
    order = list(range(len(sizes)))
    random.shuffle(order)
    for index in order:
        messages[index].acked = True
        done = next((n for n, message in enumerate(messages) if not message.acked), len(messages))
        assert (chain.advance() or 0) == (ends[done - 1] if done else 0)
