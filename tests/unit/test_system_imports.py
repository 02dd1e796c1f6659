"""The system tests see Faultline from outside: neither they nor the helpers that they use import the product."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("app", "agents", "tables")


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached() -> set[Path]:
    """Return the files of the system tests and, through any number of imports, of tests/support."""
    reached, todo = set[Path](), sorted((ROOT / "tests" / "system").rglob("*.py"))
    while todo:
        path = todo.pop()
        reached.add(path)
        helpers = (name.split(".")[2] for name in imported(path) if name.startswith("tests.support."))
        todo += {ROOT / "tests" / "support" / f"{name}.py" for name in helpers} - reached
    return reached


def test_system_tests_import_nothing_of_the_product() -> None:
    files = reached()
    assert ROOT / "tests" / "support" / "cluster.py" in files
    found = [(path.name, name) for path in sorted(files) for name in imported(path) if name.split(".")[0] in PRODUCT]
    assert found == []
