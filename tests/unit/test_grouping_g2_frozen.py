"""The second grouping never changes once released: its imports and the groups of many kinds of events are held."""

import ast
import json
from pathlib import Path

from app.grouping import g2
from app.model import Event
from tests.unit.grouping_g2_parts import crash, event, frame
from tests.unit.grouping_parts import raised
from tests.unit.test_grouping_frozen import events as first_events

GOLDEN = Path(__file__).with_name("grouping_g2.json")
"""Groups by event, as they were when g2 was frozen: never made anew."""
PACKAGE = Path(g2.__file__).parent


def events() -> dict[str, Event]:
    """Return the events whose groups are held: those of the first grouping, and what the second reads."""
    fail = "def fail(text):\n>    raise X(text)"
    caller = frame("python", "fail(f'{name} came late')", "lend")
    return first_events() | {
        "statement": crash("python", "raise X(f'no {name!r} left')", "no 'pear' left", function="statement"),
        "identity": crash(
            "python", "raise X(f'field {name} is required')", "field email is required", function="identity"
        ),
        "helper": crash("python", fail, "pear came late", caller, function="fail"),
        "parameter": crash("python", fail, "pear", frame("python", "run(fail)", "lend"), function="fail"),
        "assigned": crash(
            "js", "const text = `no ${name} left`;\n>throw new X(text);", "no pear left", function="assigned"
        ),
        "translated": crash("php", "throw new X(__('no :name left', $row));", "keine Birne da", function="translated"),
        "ruby": crash("ruby", 'raise X, "no #{name} left" if sold', "no pear left", function="ruby"),
        "elixir": crash("elixir", 'raise X, message: "no " <> name <> " left"', "no pear left", function="elixir"),
        "go": crash("go", 'panic(fmt.Sprintf("no %s left", name))', "no pear left", function="go"),
        "kotlin": crash("kotlin", 'require(n > 0) { "no $name left" }', "no pear left", function="kotlin"),
        "log": crash("js", "Sentry.captureMessage(`list of ${name} is full`);", "list of Tom is full", kind=""),
        "silent": crash("python", "total = row['net']", "'net'", kind="KeyError", function="silent"),
        "record": event("python", message="no reader Tom", template="no reader %s"),
        "one word": event("java", raised("E", "bilebaga", "find|com.acme.Shelf")),
        "nothing read": event(
            "javascript", raised("TypeError", "Cannot read properties of null (reading 'a')", "f||/a.js")
        ),
        "closure": event("php", raised("E", "v", "{closure:/srv/r1/app/routes.php:12}||/srv/r1/app/routes.php")),
        "checker": event("java", raised("E", "it is empty", "lend|com.acme.Desk", "checkStock|com.acme.Shop")),
        "header": event("native", raised("E", "v", "shop::load(int)", "boost::function0<T>::operator()")),
    }


def _ids(one: Event) -> list[str]:
    grouped = g2.group(one)
    return [grouped.group, grouped.coarse, grouped.variant]


def test_groups_are_those_that_were_frozen() -> None:
    assert {name: _ids(one) for name, one in events().items()} == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_held_events_are_all_different_groups() -> None:
    assert len({g2.group(one).group for one in events().values()}) == len(events())


def test_it_imports_nothing_that_may_change() -> None:
    allowed = ("app.grouping.g1.", "app.grouping.g2")
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.partition(".")[0] in ("app", "agents", "tables")]
            assert all(name == "app.model" or name.startswith(allowed) for name in ours), path
