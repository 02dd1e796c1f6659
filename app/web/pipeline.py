"""The stages of the pipeline page, from the log's lag and the figures that processes report. Pure."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from app.log.lag import Stage
from app.roles import STAGES
from app.stores.admin.instances import Instance

BEHIND_SECONDS: Final = 15.0
"""A stage is behind when its oldest unprocessed record has waited for longer."""

PURPOSES: Final = {stage.name: stage.does for stage in STAGES}
"""Stage -> purpose, in the order of the data's way."""


class StageView(NamedTuple):
    """One stage as the page shows it, all of its processes together. None is a value that nobody measured."""

    name: str
    purpose: str
    rate: float | None
    """Records (web: answers) a second."""
    lag_records: int | None
    lag_seconds: float | None
    errors: int
    dead_letters: int
    waiting_for: str
    """The error class that a batch waits to get over, '' for none."""
    processes: int
    memory: int
    """Resident bytes of the processes that run it, each with all its roles."""

    @property
    def unknown_reason(self) -> str:
        """Why a number is not known."""
        return "measured after a few seconds" if self.processes else "no process runs this role"

    @property
    def state(self) -> tuple[Literal["good", "late", "worse"], str]:
        """A rating, and the state in words."""
        if not self.processes:
            return "worse", "not running"
        if self.waiting_for:
            return "late", "waiting"
        if (self.lag_seconds or 0) > BEHIND_SECONDS:
            return "late", "behind"
        return "good", "running"


def stages(lags: Sequence[Stage], instances: Sequence[Instance], now: int) -> dict[str, StageView]:
    """Return each role's stage by the role's name; ``now`` is in ms."""
    lag_of = {lag.role: lag for lag in lags}
    return {name: _stage(name, lag_of.get(name), instances, now) for name in PURPOSES}


def in_data_order(instances: Sequence[Instance]) -> list[Instance]:
    """Sort processes by the first of their roles that the data passes."""
    places = {name: place for place, name in enumerate(PURPOSES)}
    return sorted(
        instances,
        key=lambda instance: min((places.get(name, len(places)) for name in instance.roles), default=0),
    )


def _stage(name: str, lag: Stage | None, instances: Sequence[Instance], now: int) -> StageView:
    running = [instance for instance in instances if name in instance.figures]
    figures = [instance.figures[name] for instance in running]
    rates = [figure.records for figure in figures if figure.records is not None]
    return StageView(
        name=name,
        purpose=PURPOSES[name],
        rate=sum(rates) if rates else None,
        lag_records=lag.records if lag else None,
        lag_seconds=_age(lag, now) if lag else None,
        errors=round(sum(figure.errors for figure in figures)),
        dead_letters=round(sum(figure.dead_letters for figure in figures)),
        waiting_for=next((figure.waits for figure in figures if figure.waits), ""),
        processes=len(running),
        memory=sum(instance.memory for instance in running),
    )


def _age(lag: Stage, now: int) -> float:
    return 0.0 if lag.oldest is None else max(0.0, (now - lag.oldest) / 1000)
