"""The list of roles: every role has its module of agents, and whatever names roles reads the list."""

from pathlib import Path

from app.log.lag import READERS
from app.roles import HOUSEKEEPER, PARTS, ROLE_NAMES, ROLES, STAGES
from app.settings import Settings
from app.topics import SOURCES

ROOT = Path(__file__).parents[2]


def test_each_role_is_a_module_of_agents_and_has_a_group_of_its_own() -> None:
    assert all((ROOT / "agents" / f"{name}.py").is_file() for name in ROLE_NAMES)
    assert len({role.group for role in ROLES}) == len(ROLES)
    assert HOUSEKEEPER in ROLE_NAMES


def test_a_worker_runs_all_of_them_by_default_and_the_lag_is_of_all() -> None:
    assert Settings().role_names == ROLE_NAMES
    assert [name for name, _ in READERS] == list(ROLE_NAMES)


def test_roles_over_sources_come_first_and_each_source_has_one() -> None:
    assert tuple(role.topic for role in ROLES[: len(SOURCES)]) == SOURCES


def test_each_stage_has_a_line_for_people() -> None:
    assert set(STAGES) == {*ROLES, *PARTS}
    assert all(stage.does for stage in STAGES)
