"""The guard of the log's disk."""

from pathlib import Path

import pytest

from app.log.contract import LogFull
from app.log.postgres.disk import DiskGuard

FOLDER = Path("/data")


def test_refuses_below_the_reserve_and_looks_once_a_second() -> None:
    free, now, looks = 100, 0.0, 0

    def look(folder: Path) -> int:
        nonlocal looks
        looks += 1
        assert folder == FOLDER
        return free

    guard = DiskGuard(FOLDER, 100, free=look, clock=lambda: now)
    guard.check()
    assert not guard.full()
    free = 99
    guard.check()
    assert looks == 1
    now = 1.0
    for _ in range(3):
        with pytest.raises(LogFull):
            guard.check()
    assert guard.full()
    assert looks == 2
    free, now = 100, 2.0
    guard.check()


def test_guards_nothing_without_folder_or_reserve() -> None:
    def look(_: Path) -> int:
        raise AssertionError("no need to look")

    DiskGuard(None, 100, free=look).check()
    DiskGuard(FOLDER, 0, free=look).check()


def test_a_folder_that_is_not_there_is_on_no_full_disk(tmp_path: Path) -> None:
    DiskGuard(tmp_path / "none", 1).check()
