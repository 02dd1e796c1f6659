"""What keys are compared by: every field of a Decision, from events that show it."""

import pytest

from app.grouping import g2
from app.grouping.g2 import NOWHERE, Spot
from app.model import Event, Frame, Raised
from tests.unit.grouping_g2_parts import crash, event, frame


def test_a_statement_that_was_read() -> None:
    outer = frame("python", "find(name)", "lend", line=12)
    found = g2.decide(crash("python", "raise X(f'no {name} left')", "no pear left\nmore", outer))
    assert (found.rule, found.family, found.type) == ("default", "python", "ShopError")
    found = g2.decide(crash("python", "raise X(f'no {name} left')", "no pear left", outer))
    assert (found.rule, found.template, found.text) == ("statement", "no <> left", "no pear left")
    assert found.raised == Spot("shop.work work", "40")
    assert found.caller == Spot("shop.work lend", "12")
    assert (found.read, found.library, found.silent, found.helper, found.cycle) == (True, False, False, False, False)
    assert (found.top, found.in_app, found.frames) == ("shop.work work", True, ("shop.work",))
    assert found.key == ("ShopError", "shop.work work", "no <> left")


def test_a_helper_and_its_caller() -> None:
    outer = frame("python", "fail(f'{name} came late')", "lend")
    found = g2.decide(crash("python", "def fail(text):\n>    raise X(text)", "pear came late", outer, function="fail"))
    assert (found.rule, found.helper, found.key[1]) == ("helper", True, "shop.work fail\1shop.work lend")


def test_a_library_that_raised() -> None:
    library = Frame(function="execute", module="psycopg.cursor", file="psycopg/cursor.py", in_app=False, line=9)
    one = event("python", Raised(type="E", value="bad column", frames=[frame("python", "db.execute(sql)"), library]))
    found = g2.decide(one)
    assert (found.library, found.raised, found.top) == (True, Spot("psycopg.cursor execute", "9"), "shop.work work")
    assert found.caller == Spot("shop.work work", "40")
    assert g2.decide(event("python", Raised(type="E", value="bad column", frames=[library]))).library


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (Frame(line=12), "12"), (Frame(line=12, column=340), "12:340"), (Frame(line=1, column=5), "1:5"),
        (Frame(line=12, column=5), "12"), (Frame(), ""), (Frame(address="0x1050", image="0x1000"), "+0x50"),
        (Frame(address="4176", image="0x1000"), "+0x50"), (Frame(address="0x50", image="0x1000"), ""),
        (Frame(address="0x1050"), ""), (Frame(address="x", image="0x1000"), ""),
    ],
)  # fmt: skip
def test_a_place_in_a_build(made: Frame, line: str) -> None:
    made.function, made.file, made.in_app = "work", "shop.cc", True
    assert g2.decide(event("native", Raised(type="E", value="v", frames=[made]))).raised == Spot("work", line)


@pytest.mark.parametrize(
    ("kind", "module", "package"),
    [
        ("sqlite3.OperationalError", "shop", "sqlite3"),
        ("KeyError", "builtins", "builtins"),
        ("*fmt.wrapError", "", ""),
        ("", "m", "m"),
    ],
)
def test_the_package_of_a_type(kind: str, module: str, package: str) -> None:
    one = event("python", Raised(type=kind, value="v", module=module, frames=[frame("python", "")]))
    assert g2.decide(one).module == package


def test_what_does_not_go_by_statement_is_named() -> None:
    def rule(one: Event, **changes: object) -> str:
        for name, value in changes.items():
            setattr(one, name, value)
        return g2.decide(one).rule

    def made(kind: str, value: str = "v", mechanism: str = "", depth: int = 1) -> Event:
        frames = [frame("java", "")] * depth
        return event("java", Raised(type=kind, value=value, mechanism=mechanism, frames=frames))

    assert rule(made("ANR")) == "hang"
    assert rule(made("OutOfMemoryError")) == "memory"
    assert rule(made("StackOverflowError", depth=9)) == "cycle"
    assert rule(made("SIGSEGV", mechanism="signalhandler")) == "signal"
    assert rule(event("javascript", Raised(value="Script error."))) == "script error"
    assert rule(event("python")) == "nothing"
    assert rule(made("E"), fingerprint=["a"]) == "fingerprint"
    assert rule(made("E"), fingerprint=["a", "{{ default }}"]) == "fingerprint with default"
    assert rule(made("E")) == "default"
    leaves = [
        Raised(type="E", value="v", frames=[frame("python", "", name)], exception_id=at, parent_id=0)
        for at, name in enumerate("ab", 1)
    ]
    top = Raised(type="ExceptionGroup", value="v", exception_id=0, is_group=True)
    assert rule(event("python", *leaves, top)) == "exceptions of a group"


def test_a_message_alone_has_no_place() -> None:
    found = g2.decide(event("python", message="status 404 of pear"))
    assert (found.raised, found.caller, found.frames, found.top, found.in_app) == (NOWHERE, NOWHERE, (), "", False)
    assert found.tokens == ("404",)


def test_classes_count_once_however_deep_the_recursion() -> None:
    frames = [
        Frame(function=f, module=m, in_app=True)
        for f, m in [("main", "app"), *[("walk", "tree"), ("visit", "node")] * 50]
    ]
    assert g2.decide(event("python", Raised(type="E", value="v", frames=frames))).frames == ("node", "tree", "app")
