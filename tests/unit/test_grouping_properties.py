"""Grouping of anything at all: it never fails, is a pure function, and explains what it did."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.grouping import explain, group
from app.grouping.g1.files import place
from app.grouping.g1.key import collapsed, decide
from app.grouping.g1.lists import FAMILIES
from app.grouping.g1.message import LONGEST, first_line, template
from app.model import Event, Frame, Raised, Thread

WORDS = st.sampled_from([
    "", "run", "t", "<listcomp>", "lambda$a$1", "a::b<c>(d)", "-[A b]", "invariant", "com.acme.A$1", "/srv/a/b.py",
    "https://a.example/js/app.77aa01fe.js", "Script error.", "ApplicationNotResponding", "StackOverflowError",
    "OutOfMemoryError", "order 5 failed", "'x' is 0x10", "{{ default }}", "anr", "minidump", "\ud800", "\0",
])  # fmt: skip
TEXT = WORDS | st.text(max_size=40)
NUMBER = st.none() | st.integers(0, 4)
FRAMES = st.lists(
    st.builds(
        Frame,
        function=TEXT,
        module=TEXT,
        file=TEXT,
        abs_path=TEXT,
        package=TEXT,
        symbol=TEXT,
        in_app=st.none() | st.booleans(),
    ),
    max_size=8,
)
RAISED = st.builds(
    Raised, type=TEXT, value=TEXT, mechanism=TEXT, synthetic=st.booleans(), exception_id=NUMBER, parent_id=NUMBER,
    is_group=st.booleans(), thread_id=WORDS, frames=FRAMES,
)  # fmt: skip
THREADS = st.builds(
    Thread, id=WORDS, crashed=st.booleans(), current=st.booleans(), main=st.booleans(), frames=FRAMES
)  # fmt: skip
EVENTS = st.builds(
    Event, event_id=st.just("0" * 32), project=st.integers(1, 3), kind=st.just("sentry"), received=st.just(1),
    time=st.just(1), platform=st.sampled_from([*FAMILIES, "other"]) | TEXT, message=TEXT, template=TEXT,
    transaction=TEXT, exceptions=st.lists(RAISED, max_size=5), threads=st.lists(THREADS, max_size=4),
    fingerprint=st.lists(TEXT, max_size=3), sdk_name=TEXT, url=TEXT,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(EVENTS)
def test_anything_groups_and_is_explained(event: Event) -> None:
    before = msgspec.structs.asdict(event)
    grouped = group(event)
    for name in (grouped.group, grouped.coarse, grouped.variant):
        assert len(name) == 32
        assert int(name, 16) >= 0
    assert len(grouped.title) <= 200
    assert msgspec.structs.asdict(event) == before
    assert group(event) == grouped
    assert explain(event)


@settings(max_examples=80, deadline=None)
@given(EVENTS)
def test_explain_counts_what_the_key_is_made_of(event: Event) -> None:
    decision, parts = decide(event), explain(event)
    looked = sum(len(leaf.stack.frames) for leaf in decision.leaves)
    assert len([part for part in parts if part.name == "frame"]) == looked
    assert all(part.why for part in parts)
    if decision.rule == "fingerprint":
        assert [part.name for part in parts if part.counted] == ["fingerprint"]
    else:
        counted = sum(len(leaf.counted) for leaf in decision.leaves)
        assert len([part for part in parts if part.counted and part.name == "frame"]) == counted
        key = "\1".join(decision.key)
        assert all(part.value in key for part in parts if part.counted and part.name in ("frame", "type", "message"))


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_lines_releases_people_and_order_of_threads_do_not_count(event: Event, dice: random.Random) -> None:
    one = group(event)
    event.release, event.environment, event.server, event.tags = "9", "dev", "web-9", {"a": "b"}
    event.event_id, event.received, event.time = "f" * 32, 99, 98
    for raised in event.exceptions:
        for frame in raised.frames:
            frame.line, frame.column, frame.address, frame.vars = 7, 7, "0x7", {"a": 1}
    dice.shuffle(event.threads)
    named = [thread.id for thread in event.threads]
    if len(set(named)) == len(named):
        assert group(event) == one


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_templates_are_short_and_one_line(text: str) -> None:
    found = template(first_line(text))
    assert len(found) <= LONGEST
    assert "\n" not in found
    assert place(place(text)) == place(text) or "?" in text or "#" in text or ":" in text


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_collapsing_is_done_in_one_pass(frames: list[str]) -> None:
    once = collapsed(frames)
    assert collapsed(once) == once
    assert set(once) == set(frames)


def test_a_huge_message_is_cut_before_it_is_looked_at() -> None:
    def message(text: str) -> Event:
        return Event(event_id="0" * 32, project=1, kind="sentry", received=1, time=1, message=text)

    assert group(message("1:" * 500_000)) == group(message("1:" * 5_000))
