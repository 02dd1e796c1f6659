"""What the buttons of a group's status say, in forms: ``resolved``, ``resolved:next``, ``ignored:events:100``."""

from collections.abc import Mapping
from typing import NamedTuple

from app.web import queries
from app.web.call import Call, whole
from app.web.errors import bad


class Chosen(NamedTuple):
    """A decision as it was chosen on a page."""

    status: str
    next_release: bool = False
    events: int | None = None
    days: int | None = None


def read(form: Mapping[str, object]) -> Chosen:
    """Read the button that was pressed. Raises 400 for none that a page has."""
    status, _, until = str(form.get("status", "")).partition(":")
    if not until:
        return Chosen(status)
    if until == "next":
        return Chosen(status, next_release=True)
    unit, _, text = until.partition(":")
    number = whole(text)
    if number is None or unit not in ("events", "days"):
        raise bad("bad_status", "Choose what to do with the group.")
    return Chosen(status, events=number) if unit == "events" else Chosen(status, days=number)


async def make(call: Call, group: str, chosen: Chosen) -> None:
    """Decide. Raises 400 for what makes no sense."""
    await queries.decide(
        call.services, group, chosen.status,
        next_release=chosen.next_release, events=chosen.events, days=chosen.days,
    )  # fmt: skip
