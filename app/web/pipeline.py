"""The stages that the data passes, put together from what the log and the running processes tell. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app.log.lag import Stage
from app.roles import STAGES
from app.stores.admin.instances import Instance

BEHIND_SECONDS: Final = 15.0
"""A stage whose first record waits for longer is shown as late."""

DOES: Final = {stage.name: stage.does for stage in STAGES}


class Shown(NamedTuple):
    """One stage. None stands for what nobody measured, with ``missing`` as the reason."""

    name: str
    does: str
    rate: float | None
    """Records (web: answers) a second, all processes together."""
    lag_records: int | None
    lag_seconds: float | None
    errors: int
    dead_letters: int
    waits: str
    processes: int
    memory: int
    """Resident bytes of the processes that run it, each with all its roles."""

    @property
    def missing(self) -> str:
        """Why a number is not known."""
        return "measured after a few seconds" if self.processes else "no process runs this role"

    @property
    def state(self) -> tuple[str, str]:
        """A mood (good, late, worse) and a word for it."""
        if not self.processes:
            return "worse", "not running"
        if self.waits:
            return "late", "waits"
        if (self.lag_seconds or 0) > BEHIND_SECONDS:
            return "late", "behind"
        return "good", "running"


def stages(lags: Sequence[Stage], instances: Sequence[Instance], now: int) -> dict[str, Shown]:
    """Give each stage by its role's name; ``now`` is in ms."""
    behind = {stage.role: stage for stage in lags}
    return {name: _shown(name, behind.get(name), instances, now) for name in DOES}


def along(instances: Sequence[Instance]) -> list[Instance]:
    """Put processes in the order in which the data passes them: by the first of their roles."""
    places = {name: place for place, name in enumerate(DOES)}
    return sorted(instances, key=lambda each: min((places.get(name, len(places)) for name in each.roles), default=0))


def _shown(name: str, behind: Stage | None, instances: Sequence[Instance], now: int) -> Shown:
    running = [each for each in instances if name in each.figures]
    figures = [each.figures[name] for each in running]
    rates = [each.records for each in figures if each.records is not None]
    return Shown(
        name=name,
        does=DOES[name],
        rate=sum(rates) if rates else None,
        lag_records=behind.records if behind else None,
        lag_seconds=_age(behind, now) if behind else None,
        errors=round(sum(each.errors for each in figures)),
        dead_letters=round(sum(each.dead_letters for each in figures)),
        waits=next((each.waits for each in figures if each.waits), ""),
        processes=len(running),
        memory=sum(each.memory for each in running),
    )


def _age(behind: Stage, now: int) -> float:
    return 0.0 if behind.oldest is None else max(0.0, (now - behind.oldest) / 1000)
