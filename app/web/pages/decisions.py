"""The values of a group's status buttons: ``resolved``, ``resolved:next``, ``ignored:events:100``."""

from collections.abc import Mapping
from typing import NamedTuple

from app.web import queries
from app.web.call import Call
from app.web.errors import bad_request
from app.web.params import whole_number


class Decision(NamedTuple):
    """The status that was chosen on a page, with its condition."""

    status: str
    next_release: bool = False
    events: int | None = None
    days: int | None = None


def parse(form: Mapping[str, object]) -> Decision:
    """Read the button that was pressed. Raises 400 for a value that no page has."""
    status, _, until = str(form.get("status", "")).partition(":")
    if not until:
        return Decision(status)
    if until == "next":
        return Decision(status, next_release=True)
    unit, _, text = until.partition(":")
    number = whole_number(text)
    if number is None or unit not in ("events", "days"):
        raise bad_request("bad_status", "Choose resolve, ignore or reopen.")
    return Decision(status, events=number) if unit == "events" else Decision(status, days=number)


async def apply(call: Call, group: str, decision: Decision) -> None:
    """Set a group's status. Raises 400 for conditions that do not fit."""
    await queries.set_status(
        call.services, group, decision.status,
        next_release=decision.next_release, events=decision.events, days=decision.days,
    )  # fmt: skip
