"""Values of an event as HTML: within their budget, folded where they are long, secrets marked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.pages.values import LONG, MOST, Budget, size_of, text_html, value_html

ROOM = 100_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=60), inner, max_size=20),
    max_leaves=60,
)


@given(JSON, st.integers(0, 3000))
def test_any_value_stays_near_its_budget(value: Any, room: int) -> None:  # noqa: ANN401  any JSON
    assert size_of(value_html(value, Budget(room))) <= room + 3000


def test_a_part_takes_from_the_whole() -> None:
    whole = Budget(100)
    part = whole.part(80)
    assert part.take(70)
    assert (part.left, whole.left) == (10, 30)
    assert whole.take(30)
    assert part.spent
    assert not part.take(1)


@pytest.mark.parametrize("value", ["x" * 10_000, ["x" * 10_000] * 1000, {"a": {"b": ["\"'&<" * 3000] * 200}}])
def test_large_values_end_with_what_is_left_out(value: Any) -> None:  # noqa: ANN401  any JSON
    html = value_html(value, Budget(30_000))
    assert size_of(html) < 36_000
    assert "in the raw report" in html


def test_deep_values_are_cut() -> None:
    deep: object = "end"
    for _ in range(60):
        deep = {"a": [deep]}
    assert len(value_html(deep, Budget(ROOM))) < 5000


def test_what_is_short_stays_in_sight() -> None:
    assert value_html([1, None, "two"], Budget(ROOM)) == "1, null, two"
    assert value_html("a" * LONG, Budget(ROOM)) == "a" * LONG
    assert "<details" not in value_html({"a": 1, "b": {"c": 2}}, Budget(ROOM))
    assert value_html({"": []}, Budget(ROOM)).count("<dt></dt>") == 1


def test_what_is_long_folds() -> None:
    text = value_html("word " * 100, Budget(ROOM))
    assert text.startswith('<details class="long"><summary>word')
    assert "500 characters" in text
    many = value_html({f"key {place}": place for place in range(30)}, Budget(ROOM))
    assert many.startswith('<details class="long"><summary>30 entries: key 0, key 1')


def test_secrets_are_marked_also_in_folded_texts() -> None:
    assert value_html({"a": "token=[Filtered]"}, Budget(ROOM)).count("<mark") == 1
    assert text_html("[Filtered]" * 3).count("<mark") == 3
    assert text_html("x" * (MOST + 7)).endswith("… 7 more characters in the raw report</span>")
