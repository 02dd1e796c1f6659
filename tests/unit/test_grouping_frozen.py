"""The first grouping never changes: its lists, its imports and the groups of events of many kinds are held."""

import ast
import json
from hashlib import blake2b
from pathlib import Path

from app.grouping import g1, group
from app.grouping.g1 import lists
from app.model import Event
from tests.unit.grouping_parts import crash, event, raised

GOLDEN = Path(__file__).with_name("grouping_g1.json")
"""Groups by event, as they were when g1 was frozen: never made anew."""
PACKAGE = Path(g1.__file__).parent


def _hash() -> str:
    values = {name: value for name, value in vars(lists).items() if name.isupper() and name != "LISTS"}
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
    return blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def events() -> dict[str, Event]:
    """Give the events whose groups are held."""
    made = {**_python(), **_scripts(), **_compiled(), **_odd()}
    made["fingerprint"], made["salted"] = crash("python", "a|x"), crash("python", "a|x")
    made["fingerprint"].fingerprint, made["salted"].fingerprint = ["import", "9"], ["{{ default }}", "eu"]
    return made


def _python() -> dict[str, Event]:
    return {
        "python": crash(
            "python", "main|app", "pay|shop.pay", "-send|stripe.api", value="order 5 of a@b.example failed"
        ),
        "python main": crash("python", "run|__main__|jobs/night.py"),
        "python comprehension": crash("python", "total|shop.cart", "<listcomp>|shop.cart"),
        "python chain": event("python", raised("KeyError", "'vat'", "tax|shop"), raised("Failed", "no", "run|app")),
        "python library": crash("python", "-resolve|ruamel.yaml.resolver", kind="KeyError", value="(1, 81)"),
        "python memory": crash("python", "load|shop.data", kind="MemoryError", value="5 GB"),
        "python recursion": crash("python", *["walk|tree", "visit|tree"] * 9, kind="RecursionError"),
    }


def _scripts() -> dict[str, Event]:
    return {
        "browser": crash("javascript", "boot||https://a.example/js/app.77aa01fe.js", "pay||/js/pay-DbQ2xY9p.js?v=1"),
        "browser minified": crash("javascript", "t||https://a.example/app.min.js", value="a.b is not a function"),
        "browser wording": crash("javascript", "seek||/p.js", value="undefined is not an object (evaluating 'a.b')"),
        "browser foreign": event("javascript", raised("", "Script error."), url="https://a.example/pay?cart=1"),
        "browser chunk": crash("javascript", kind="ChunkLoadError", value="Loading chunk 17 failed.\n(x)"),
        "node": crash("node", "-handle|layer|/srv/node_modules/express/layer.js", "get||/srv/src/auth/user.js"),
        "helper": crash("javascript", "open||src/basket.ts", "invariant||src/invariant.ts"),
        "ruby": crash("ruby", "block (2 levels) in total||app/models/cart.rb", kind="NoMethodError"),
        "php": crash("php", "class@anonymous /srv/1/K.php:1$0::take||/app/Shelf.php"),
    }


def _compiled() -> dict[str, Event]:
    return {
        "java": crash("java", "-invoke|sun.reflect.Method", "lambda$find$3|com.acme.Repo$1", kind="java.lang.Error"),
        "java proxy": crash("java", "save|com.acme.Svc$$EnhancerBySpringCGLIB$$4f1c22ab"),
        "java obfuscated": crash("java", "b|a.b.e", value="field 'java.lang.String app.Song.title' is null"),
        "java hang": event("java", raised("ApplicationNotResponding", "5000 ms", "onResume|com.acme.Main", "get|x.Y")),
        "java overflow": crash(
            "java", *["isA|com.acme.Type", "of|com.acme.Type"] * 20, kind="StackOverflowError", value=""
        ),
        "dotnet": crash("csharp", "MoveNext|Shop.Orders+<LoadAsync>d__12", kind="System.TimeoutException"),
        "go": crash("go", "(*Importer).Run.func1|example.com/importer", value="index out of range [7] with length 3"),
        "rust": crash("rust", "ledger::apply::h1706f5e4d3c2b1a0", kind="panic", value="refused: 127.0.0.1:43121"),
        "native": event("native", raised("SIGSEGV", "at 0x10", "Sheet::merge(int)", mechanism="signalhandler")),
        "native library": event("native", raised("SIGABRT", "", "abort", "raise", mechanism="signalhandler")),
        "cocoa": crash("cocoa", "__45-[Store close]_block_invoke_2", kind="EXC_BAD_ACCESS"),
    }


def _odd() -> dict[str, Event]:
    return {
        "group": event(
            "python",
            raised("ValueError", "b", "b|shop", exception_id=2, parent_id=0),
            raised("TypeError", "a", "a|shop", exception_id=1, parent_id=0),
            raised("ExceptionGroup", "2 sub-exceptions", "main|app", exception_id=0, is_group=True),
        ),
        "message": event("python", message="user 5 not found", template="user %s not found"),
        "nothing": event("python", sdk_name="sentry.python"),
        "unknown platform": crash("cobol", "PAY-ROUTINE||ledger.cbl", value="S0C7 at 2026-01-02 03:04:05"),
    }


def test_the_lists_are_those_that_were_frozen() -> None:
    assert _hash() == lists.LISTS


def test_groups_are_those_that_were_frozen() -> None:
    found = {name: [*_ids(one)] for name, one in events().items()}
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def _ids(one: Event) -> tuple[str, str, str]:
    grouped = group(one)
    return grouped.group, grouped.coarse, grouped.variant


def test_the_held_events_are_all_different_groups() -> None:
    assert len({group(one).group for one in events().values()}) == len(events())


def test_it_imports_nothing_live() -> None:
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.partition(".")[0] in ("app", "agents", "tables")]
            assert all(name == "app.model" or name.startswith("app.grouping.g1") for name in ours), path
