"""The second stage: keys of like stacks, and each gate with a case that it keeps apart."""

from typing import Any

import pytest

from app.grouping.g2.decision import Spot
from app.grouping.kinship.similar import OF_ONE_FUNCTION, compare, fast, similar_rows
from app.grouping.kinship.stages import CANDIDATES
from tests.unit.kinship_parts import groups, seen, sight, together

STACK = ("acme.Text", "acme.Page", "acme.Web")


def _null(method: str, offset: int, **changes: Any) -> Any:  # noqa: ANN401  Features
    place = {"top": f"acme.Text {method}", "raised": Spot(f"acme.Text {method}", str(offset)), "frames": STACK}
    return sight("", offset, **{"type": "NullPointerException", "owner": "acme.Text", **place, **changes})


def test_two_methods_of_one_class_meet_one_null() -> None:
    assert together(_null("padLeft", 1), _null("padRight", 2))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ClassCastException"},
        {"owner": "acme.Other"},
        {"frames": ("acme.Text", "acme.Job", "acme.Timer", "acme.Queue")},  # another way in
        {"frames": ("acme.Text",)},  # nothing but the class is known
        {"read": True},
        {"helper": True},
        {"cycle": True},
        {"in_app": False},
        {"rule": "signal"},
        {"tokens": ("errno 5",)},
        {"template": "Unknown city"},
    ],
)
def test_a_gate_keeps_apart(changes: dict[str, Any]) -> None:
    assert not together(_null("padLeft", 1), _null("padRight", 2, **changes))


def test_two_texts_of_one_function_are_two_errors_unless_a_run_time_words_them() -> None:
    lines = [{"raised": Spot("acme.Routes lookUp", line), "frames": STACK} for line in ("22", "25")]
    assert not together(sight("Unknown city: Rio", 0, **lines[0]), sight("Closed city: Rio", 1, **lines[1]))
    casts = [
        sight(f"acme.{name} cannot be cast to acme.Result", at, type="ClassCastException", **lines[at])
        for at, name in enumerate(("Union", "Part"))
    ]
    assert together(*casts)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("AttributeError", ("'NoneType' object has no attribute 'name'", "'NoneType' object has no attribute 'label'")),
        ("TypeError", ("read property name of undefined", "read property label of undefined")),
        ("KeyError", ("'net'", "'tax'")),
    ],
)
def test_names_in_a_run_time_s_text_tell_bugs_apart(kind: str, texts: tuple[str, str]) -> None:
    one, other = (sight(text, at, type=kind, frames=STACK, silent=True) for at, text in enumerate(texts))
    assert not together(one, other)


def test_one_literal_in_two_functions_is_a_question() -> None:
    place = {"owner": "acme.Stock", "frames": STACK}
    one = sight("item lamp is closed", 0, top="acme.Stock reserve", raised=Spot("acme.Stock reserve", "32"), **place)
    other = sight("item pear is closed", 1, top="acme.Stock release", raised=Spot("acme.Stock release", "38"), **place)
    kin = seen([one, other])
    assert kin.root(one.key) != kin.root(other.key)
    [question] = kin.suggestions()
    assert {question.a, question.b} == {one.key, other.key}
    assert not question.sure
    assert any("a person decides" in reason for reason in question.why)


def test_a_decision_says_why() -> None:
    edge = compare(_null("padRight", 2), _null("padLeft", 1))
    assert edge is not None
    assert edge.sure
    assert edge.score == 1.0
    assert edge.why == ("stacks are alike: 1.00", "texts share 1.00 of their words")


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("abc", "abc", 1, 1),
        ("abc", "xyz", -1, -1),
        ("abcd", "abce", 0.7, 0.9),
        ("abcd", "xbcd", -0.5, 0.1),
        ("aab", "ab", 0.0, 0.9),
        ("", "", 0, 0),
    ],
)
def test_frames_near_the_raise_weigh_most(one: str, other: str, least: float, most: float) -> None:
    assert least <= fast(one, other) <= most
    assert fast(one, other) == pytest.approx(fast(other, one))


def test_free_words_of_one_function_leave_room_for_others() -> None:
    words = [sight(f"word {at}", at, frames=STACK, owner="acme.Text", raised=Spot("f", str(at)),
                   type="NullPointerException") for at in range(3 * CANDIDATES)]  # fmt: skip
    other = [_null("padLeft", 1000), _null("padRight", 1001)]
    assert similar_rows(words[0]) == similar_rows(other[0])
    assert groups(other) == 1
    kin = seen([*words, *other])
    assert kin.root(other[0].key) == kin.root(other[1].key)
    assert OF_ONE_FUNCTION < CANDIDATES
