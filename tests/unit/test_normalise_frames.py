"""Frames that recur are built once: no event shows another's values, and the cache is bounded."""

from typing import Any

import pytest

from app.model import Event, Frame
from app.normalise import event, frames
from tests.support.payloads import encoded, facts


def _event(*result: dict[str, Any]) -> Event:
    return event(facts(), encoded({"exception": {"values": [{"type": "E", "stacktrace": {"frames": result}}]}}))


def _frame(**fields: object) -> Frame:
    [made] = _event(fields).exceptions[0].frames
    return made


def test_a_cached_frame_equals_a_new_one() -> None:
    fields = {"function": "pay", "module": "shop", "filename": "shop.py", "lineno": 3, "in_app": True}
    assert _frame(**fields) == _frame(**fields) == Frame("pay", "shop", "shop.py", "", 3, None, True)
    assert _frame(**{**fields, "in_app": None}).in_app is None
    assert _frame(**{**fields, "lineno": 4}).line == 4
    assert _frame(raw_function="pay").function == "pay"


@pytest.mark.parametrize(("address", "text"), [(1, "1"), (1.5, "1.5"), (True, "true"), ("0x1", "0x1"), ([], "")])
def test_addresses_of_any_type_stay_apart(address: object, text: str) -> None:
    assert _frame(function="pay", instruction_addr=address).address == text
    assert _frame(function="pay").address == ""


def test_long_values_are_cut_with_a_note_in_each_event() -> None:
    for _ in range(2):
        result = _event({"function": "f" * 600})
        assert len(result.exceptions[0].frames[0].function) == 512
        assert result.notes == ["function cut to 512 characters"]


def test_the_cache_is_bounded() -> None:
    for number in range(0, 2 * frames.REMEMBERED, 200):
        _event(*({"function": f"step_{number + index}"} for index in range(200)))
        assert len(frames.remembered) <= frames.REMEMBERED
    _frame(function="g" * 600)
    assert all(len(frame.function) <= 512 for frame in frames.remembered.values())


def _around(at: int, **fields: object) -> dict[str, Any]:
    return {
        "function": f"f{at}", "filename": "shop.py", "lineno": 10 + at, "in_app": True, "context_line": f"line {at}",
        "pre_context": [f"before {at}", "x"], "post_context": [f"after {at}"], **fields,
    }  # fmt: skip


def test_the_lines_around_the_innermost_three_frames_of_the_application_are_read() -> None:
    frames = [_around(at) for at in range(4)] + [_around(9, in_app=False), _around(5), _around(6, context_line=None)]
    for _ in range(2):  # the second time from what is remembered
        made = _event(*frames).exceptions[0].frames
        assert [bool(frame.context) for frame in made] == [False, False, True, True, False, True, False]
        assert made[5].context == [(13, "before 5"), (14, "x"), (15, "line 5"), (16, "after 5")]


def test_frames_that_differ_in_the_lines_around_alone_are_not_taken_for_each_other() -> None:
    one, other = _frame(**_around(1)), _frame(**_around(1, post_context=["other"]))
    assert (one.context[-1], other.context[-1]) == ((12, "after 1"), (12, "other"))


@pytest.mark.parametrize("lines", [None, 5, "text", {"a": 1}, [1, None, "x"], []])
def test_lines_around_of_any_type_are_read(lines: object) -> None:
    found = _frame(**_around(1, pre_context=lines, post_context=lines))
    assert found.context[0][1] in ("1", "line 1")


def test_no_more_frames_with_lines_are_kept_than_said() -> None:
    for number in range(2 * frames.REMEMBERED_CONTEXTS):
        _event(_around(number))
        assert len(frames.remembered_contexts) <= frames.REMEMBERED_CONTEXTS
    frames.remembered_contexts.clear()
    _frame(**_around(1, pre_context=["x" * 5000]))
    assert not frames.remembered_contexts


def test_the_address_of_an_image_is_read() -> None:
    found = _frame(function="f", instruction_addr="0x1050", image_addr="0x1000")
    assert (found.address, found.image) == ("0x1050", "0x1000")
    assert _frame(function="f", image_addr="0x2000").image == "0x2000"
