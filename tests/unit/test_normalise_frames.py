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
