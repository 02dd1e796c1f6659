"""Imports go one way, along one ordered list of packages; pure code does no I/O; Faust is loaded by workers alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "agents", "tables")

ORDER: tuple[tuple[str, ...], ...] = (
    # The vocabulary, and the records that Faultline writes.
    ("app.errors", "app.tasks", "app.private_files", "app.topics", "app.model", "app.stores.errors"),
    ("app.cells", "app.roles"),
    ("app.settings", "app.records"),
    # Pure code.
    ("app.normalise", "app.grouping", "app.log.contract"),
    ("app.log.batch", "tables"),
    ("agents.batch",),
    # Adapters.
    ("app.postgres", "app.embedded"),
    ("app.log",),
    ("app.state", "app.stores"),
    ("app.files",),
    ("app.stream",),
    # What workers and servers do.
    ("agents", "app.ingest", "app.web"),
    # Processes and commands.
    ("app.runtime",),
    ("app.demo",),
    ("app.cli",),
    ("app",),
)
"""From the ground up: a package imports those of earlier rows, and none of its own row. The longest name applies."""

PURE = frozenset(name for row in ORDER[: ORDER.index(("agents.batch",)) + 1] for name in row) - {"app.tasks"}

ROOT_PACKAGE = "app"
"""It imports the worker only when ``app.app`` is asked for, by ``faust -A app``; workers find its path through it."""

IO = ("faust", "mode", "asyncpg", "aiohttp", "aiokafka", "aiobotocore", "elasticsearch", "rocksdict")
FAUST = ("app.stream", "app.runtime.worker")


def modules() -> dict[str, Path]:
    """Return the files of the packages by module name."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(modules: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield (module, what it imports) for every import, also those inside functions and for types alone."""
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                full = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from ((name, target if target in modules else node.module) for target in full)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith((package + ".", package + "_"))


def package_of(name: str) -> str:
    """Return the package of ``ORDER`` that a module belongs to."""
    packages = [package for row in ORDER for package in row if name == package or name.startswith(package + ".")]
    return max(packages, key=len)


def row_of(package: str) -> int:
    return next(number for number, row in enumerate(ORDER) if package in row)


@pytest.fixture(scope="module")
def edges() -> list[tuple[str, str]]:
    return list(imports(modules()))


@pytest.fixture(scope="module")
def ours(edges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(a, b) for a, b in edges if b.partition(".")[0] in PACKAGES and ROOT_PACKAGE not in (a, b)]


def test_each_package_imports_earlier_rows_alone(ours: list[tuple[str, str]]) -> None:
    assert len(ours) > 1000
    climbs = {
        (a, b) for a, b in ours if package_of(a) != package_of(b) and row_of(package_of(b)) >= row_of(package_of(a))
    }
    assert climbs == set()


def test_no_circle_of_files(ours: list[tuple[str, str]]) -> None:
    targets: dict[str, set[str]] = {}
    for a, b in ours:
        if a != b:
            targets.setdefault(a, set()).add(b)
            targets.setdefault(b, set())
    while leaves := [name for name, imported in targets.items() if not imported & targets.keys()]:
        for name in leaves:
            del targets[name]
    assert targets == {}, "what is left lies in a circle, or imports one"


def test_pure_code_does_no_io(edges: list[tuple[str, str]]) -> None:
    pure = [(a, b) for a, b in edges if package_of(a) in PURE]
    assert len(pure) > 200
    assert [(a, b) for a, b in pure if b.partition(".")[0] in IO] == []


def test_faust_is_imported_by_the_stream_and_the_worker_alone(edges: list[tuple[str, str]]) -> None:
    faust = {a for a, b in edges if b.partition(".")[0] in ("faust", "mode")}
    assert faust
    assert [name for name in faust if not any(within(name, package) for package in FAUST)] == []


def test_no_module_name_is_skipped_by_fausts_discovery() -> None:
    assert [name for name in modules() if "test_" in name] == []


@pytest.mark.parametrize(
    "imported",
    [
        "app.records, agents.batch.crashes, tables.windows",
        "app.stream, app.state, app.stream.contract, app.state.table",
        "agents.crashes, agents.sessions, agents.timings, agents.archive, agents.search",
        "app.ingest.routes, app.web.routes, app.runtime.server",
    ],
)
def test_only_workers_load_faust(imported: str) -> None:
    code = f"import sys, {imported}; sys.exit('faust' in sys.modules or 'mode' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
