"""The stages of the pipeline page, from the log's lag and the figures of processes."""

from uuid import UUID

import pytest

from app.log.lag import Stage
from app.roles import STAGES
from app.stores.admin.instances import Figures, Instance
from app.web.pipeline import in_data_order, stages

NOW = 1_780_000_000_000


def instance(number: int, **figures: Figures) -> Instance:
    return Instance(
        id=UUID(int=number), part="worker", host="h", pid=number, version="1", memory=100 + number, figures=figures
    )  # fmt: skip


def test_processes_of_a_role_are_summed() -> None:
    running = [
        instance(1, crashes=Figures(records=10.0, errors=1, dead_letters=2), rates=Figures(records=None)),
        instance(2, crashes=Figures(records=5.5, errors=2, waits="OSError")),
    ]
    views = stages([Stage("crashes", "1.crashes", 7, NOW - 1500)], running, NOW)
    assert tuple(views) == tuple(stage.name for stage in STAGES)
    crashes = views["crashes"]
    assert (crashes.rate, crashes.lag_records, crashes.lag_seconds) == (15.5, 7, 1.5)
    assert (crashes.errors, crashes.dead_letters, crashes.processes, crashes.memory) == (3, 2, 2, 203)
    assert crashes.state == ("late", "waiting")
    assert (views["rates"].rate, views["rates"].unknown_reason) == (None, "measured after a few seconds")


def test_processes_are_listed_in_the_order_of_the_data() -> None:
    running = [
        instance(1, rates=Figures()), instance(2, unknown=Figures()), instance(3, search=Figures(), crashes=Figures()),
        instance(4, crashes=Figures()), instance(5, ingest=Figures(), web=Figures()),
    ]  # fmt: skip
    assert [process.pid for process in in_data_order(running)] == [5, 3, 4, 1, 2]


@pytest.mark.parametrize(
    ("oldest", "state"),
    [(None, ("good", "running")), (NOW - 14_000, ("good", "running")), (NOW - 16_000, ("late", "behind"))],
)
def test_a_stage_is_late_by_its_oldest_record(oldest: int | None, state: tuple[str, str]) -> None:
    lags = [Stage("archive", "1.processed", 1, oldest)]
    assert stages(lags, [instance(1, archive=Figures())], NOW)["archive"].state == state


def test_a_role_without_a_process_has_no_numbers() -> None:
    search = stages([], [], NOW)["search"]
    assert search.state == ("worse", "not running")
    assert (search.rate, search.lag_records, search.lag_seconds) == (None, None, None)
    assert search.unknown_reason == "no process runs this role"
