"""Version n1 of normalisation, that of records without a version. Frozen: a test holds its results."""

from typing import Any, Final

from app.model import Facts
from app.normalise.messages import filled_in_order
from app.normalise.rules import Rules
from app.normalise.text import Notes
from app.normalise.times import correct, milliseconds


def _corrected(time: int | None, facts: Facts, _notes: Notes) -> int:
    return correct(time, facts.sent, facts.received)


def _needs_mending(_payload: bytes) -> bool:
    return False


def _unchanged(value: Any) -> Any:  # noqa: ANN401  what is given
    return value


RULES: Final = Rules(
    name="n1",
    lenient=False,
    counts_more=False,
    needs_mending=_needs_mending,
    mended=_unchanged,
    filled=filled_in_order,
    trimmed=_unchanged,
    milliseconds=milliseconds,
    corrected=_corrected,
)
