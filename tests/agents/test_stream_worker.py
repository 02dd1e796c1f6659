"""Roles and packages that the worker refuses to start with."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.cli.log import CARRIED, LEFT
from app.roles import ROLE_NAMES
from app.runtime import worker
from app.runtime.worker import CONSUMED, WrongParts, build
from app.settings import Settings, SettingsError
from app.stream.role import Process, RoleApp
from app.topics import qualified
from tables.spec import TableSpec


def test_the_roles_are_those_of_the_design() -> None:
    assert ROLE_NAMES == ("crashes", "sessions", "timings", "rates", "archive", "search")
    assert Settings().role_names == ROLE_NAMES


@pytest.mark.parametrize("roles", ["", "crashes,nothing", "Crashes"])
def test_an_unknown_role_is_refused_before_anything_is_opened(roles: str) -> None:
    with pytest.raises(SettingsError, match="role"):
        build(Settings(roles=roles, database="postgresql://127.0.0.1:1/none"))


def test_a_role_whose_agents_are_missing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("agents.search")

    def setup(app: RoleApp) -> None:
        app.durable_table(TableSpec("state", "processed", "faultline-search-state-changelog"))

    module.setup = setup  # type: ignore[attr-defined]  # a module of the test's own
    monkeypatch.setitem(sys.modules, "agents.search", module)
    with pytest.raises(WrongParts, match="search"):
        worker._role("search", Process(Settings(data=str(tmp_path), rocksdb_mb=8), 1, "log"))


def test_packages_of_another_distribution_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tables.__path__", ["/usr/lib/python3/dist-packages/tables"])
    with pytest.raises(WrongParts, match="tables"):
        build(Settings(roles=next(iter(CONSUMED))))


def test_a_move_of_the_log_knows_what_to_do_with_every_changelog(tmp_path: Path) -> None:
    process = Process(Settings(data=str(tmp_path), rocksdb_mb=8), 1, "log")
    specs = {spec for name in ROLE_NAMES for spec in worker._role(name, process).specs()}
    assert {spec.name for spec in specs if spec.policy == "compact"} == {qualified(1, n) for n in CARRIED.keys() | LEFT}
