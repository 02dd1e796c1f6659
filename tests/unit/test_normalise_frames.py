"""Frames that come again are made once: nothing of an event shows in another, and what is kept is bounded."""

from typing import Any

import pytest

from app.model import Event, Frame
from app.normalise import event, frames
from tests.support.payloads import encoded, facts


def _event(*found: dict[str, Any]) -> Event:
    return event(facts(), encoded({"exception": {"values": [{"type": "E", "stacktrace": {"frames": found}}]}}))


def _frame(**fields: object) -> Frame:
    [made] = _event(fields).exceptions[0].frames
    return made


def test_a_frame_is_what_it_was_made_of_the_second_time_too() -> None:
    fields = {"function": "pay", "module": "shop", "filename": "shop.py", "lineno": 3, "in_app": True}
    assert _frame(**fields) == _frame(**fields) == Frame("pay", "shop", "shop.py", "", 3, None, True)
    assert _frame(**{**fields, "in_app": None}).in_app is None
    assert _frame(**{**fields, "lineno": 4}).line == 4
    assert _frame(raw_function="pay").function == "pay"


@pytest.mark.parametrize(("address", "text"), [(1, "1"), (1.5, "1.5"), (True, "true"), ("0x1", "0x1"), ([], "")])
def test_addresses_of_any_type_stay_apart(address: object, text: str) -> None:
    assert _frame(function="pay", instruction_addr=address).address == text
    assert _frame(function="pay").address == ""


def test_what_is_too_long_is_cut_and_noted_in_each_event() -> None:
    for _ in range(2):
        found = _event({"function": "f" * 600})
        assert len(found.exceptions[0].frames[0].function) == 512
        assert found.notes == ["function cut to 512 characters"]


def test_no_more_is_kept_than_said() -> None:
    for number in range(0, 2 * frames.REMEMBERED, 200):
        _event(*({"function": f"step_{number + index}"} for index in range(200)))
        assert len(frames.remembered) <= frames.REMEMBERED
    _frame(function="g" * 600)
    assert all(len(frame.function) <= 512 for frame in frames.remembered.values())
