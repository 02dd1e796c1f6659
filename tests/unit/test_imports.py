"""Imports go one way: pure code <- adapters <- agents, ingest, web <- composition roots; Faust where it must be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PURE = (
    "app.model",
    "app.records",
    "app.cells",
    "app.topics",
    "app.roles",
    "agents.batch.users",
    "app.normalise",
    "app.grouping",
    "app.settings",
)
PURE_TABLES = (
    "tables.sketch",
    "tables.latency",
    "tables.names",
    "tables.windows",
    "tables.fold",
    "tables.seen",
    "tables.sessions",
    "tables.behind",
)
ROOTS = ("app.runtime.worker", "app.runtime.server", "app.runtime.up", "app.cli", "app.demo")
FAUST = (
    "app.stream.role",
    "app.stream.batching",
    "app.stream.postgres",
    "app.state.table",
    "app.state.rocksdb",
    "agents",
    "app.runtime.worker",
)
IO = ("faust", "mode", "asyncpg", "aiohttp", "aiokafka", "aiobotocore", "elasticsearch", "rocksdict")


def imports() -> Iterator[tuple[str, str]]:
    """Give (module, what it imports) for every import of the packages, also those inside functions."""
    for path in sorted(path for package in ("app", "agents", "tables") for path in (ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield from ((name, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith((package + ".", package + "_")) for package in packages)


@pytest.fixture(scope="module")
def edges() -> list[tuple[str, str]]:
    return list(imports())


def test_pure_code_imports_pure_code_only(edges: list[tuple[str, str]]) -> None:
    ours = [(a, b) for a, b in edges if within(a, PURE + PURE_TABLES) and within(b, ("app", "agents", "tables"))]
    assert ours
    assert [edge for edge in ours if not within(edge[1], PURE + PURE_TABLES)] == []


def test_pure_code_does_no_io(edges: list[tuple[str, str]]) -> None:
    assert [(a, b) for a, b in edges if within(a, PURE + PURE_TABLES) and within(b, IO)] == []


def test_nothing_imports_a_composition_root(edges: list[tuple[str, str]]) -> None:
    up = [(a, b) for a, b in edges if within(b, ROOTS) and not within(a, ROOTS)]
    assert [edge for edge in up if edge[0] != "app"] == []  # `app` gives `app.app` lazily, for `faust -A app`


def test_stores_and_log_know_no_agent_and_no_page(edges: list[tuple[str, str]]) -> None:
    above = ("agents", "app.ingest", "app.web", "app.replay")
    assert [(a, b) for a, b in edges if within(a, ("app.stores", "app.log", "app.files")) and within(b, above)] == []


def test_faust_is_imported_only_where_it_must_be(edges: list[tuple[str, str]]) -> None:
    assert [(a, b) for a, b in edges if within(b, ("faust", "mode")) and not within(a, FAUST)] == []


def test_no_module_name_is_skipped_by_fausts_discovery() -> None:
    names = [str(path) for package in ("app", "agents", "tables") for path in (ROOT / package).rglob("*.py")]
    assert [name for name in names if "test_" in name] == []


def test_the_codec_loads_without_faust() -> None:
    code = "import sys, app.records; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
