"""One statement that two SDKs report: what joins its keys, and each gate with a case that it keeps apart."""

from typing import Any

import pytest

from app.grouping.g2.decision import Spot
from app.grouping.kinship.features import Features
from app.grouping.kinship.kin import Kin
from app.grouping.kinship.places import UNREAD, components
from tests.unit.kinship_parts import groups, seen, sight, together

SAID = "unknown coupon '<>' for <>"
MODULE, FILE = "app.demo.shop", "demo/shop.py"


def _at(place: str, offset: int, **changes: Any) -> Features:  # noqa: ANN401  values of any field
    """Return a sight of a statement that was read in ``redeem`` of a place, line 69 of release 1.0."""
    basis = {
        "family": "python", "type": "ValueError", "top": f"{place} redeem", "owner": place, "frames": (place,),
        "raised": Spot(f"{place} redeem", "69"), "caller": Spot(f"{place} serve", "18"), "template": SAID, "read": True,
    }  # fmt: skip
    return sight(f"unknown coupon 'A{offset}' for Tom", offset, **{**basis, **changes})


def test_a_module_and_a_file_name_one_place() -> None:
    assert together(_at(MODULE, 0), _at(FILE, 1))


def test_the_decision_says_why() -> None:
    kin, one = Kin(), _at(MODULE, 0)
    kin.see(one)
    (decision,) = kin.see(_at(FILE, 1))
    assert (decision.kind, decision.root) == ("join", one.key)
    assert decision.edge is not None
    assert (decision.edge.stage, decision.edge.score) == ("place", 1.0)
    assert decision.edge.why == (
        "demo/shop.py redeem and app.demo.shop redeem name one place", f"both statements say “{SAID}”",
    )  # fmt: skip


def test_the_run_time_says_the_same_at_both() -> None:
    changes = {"read": False, "silent": True, "type": "KeyError", "template": "'net'"}
    assert together(_at(MODULE, 0, **changes), _at(FILE, 1, **changes))
    assert not together(_at(MODULE, 0, **changes), _at(FILE, 1, **{**changes, "template": "'tax'"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "LookupError"},
        {"family": "js"},
        {"grouping": "g3"},
        {"template": "unknown voucher <>"},
        {"top": "demo/shop.py spend"},
        {"tokens": ("404",)},
        {"rule": "fingerprint"},
        {"rule": "hang"},
        {"explosion": "a rule"},
        {"helper": True},
        {"cycle": True},
        {"library": True},
        {"in_app": False},
    ],
)
def test_a_gate_keeps_apart(changes: dict[str, Any]) -> None:
    assert not together(_at(MODULE, 0), _at(FILE, 1, **changes))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("app.demo.shop", "app.test.shop"),  # of equal depth
        ("app.demo.shop", "test/shop.py"),
        ("app.demo.shop", "demo/shops.py"),
        ("app.demo.shop", "emo/shop.py"),
        ("app.demo.shop", "app/demo.py"),
    ],
)
def test_other_places_stay_apart(one: str, other: str) -> None:
    assert not together(_at(one, 0), _at(other, 1))


def test_of_qualified_names_one_is_not_the_end_of_another() -> None:
    assert not together(_at("com.acme.Shop", 0, family="java"), _at("acme.Shop", 1, family="java"))


def test_a_stem_alone_is_joined_by_line_and_release() -> None:
    assert together(_at(MODULE, 0), _at("shop", 1))
    assert not together(_at(MODULE, 0), _at("shop", 1, raised=Spot("shop redeem", "70")))
    assert not together(_at(MODULE, 0), _at("shop", 1, raised=Spot("shop redeem", "")))
    assert not together(_at(MODULE, 0), _at("shop", 1, release="1.1"))
    assert not together(_at(MODULE, 0, release=""), _at("shop", 1, release=""))


def test_a_place_that_two_others_end_by_is_neither() -> None:
    sights = [_at("app.demo.shop", 0), _at("lab.demo.shop", 1), _at(FILE, 2)]
    assert groups(sights) == 3
    kin = seen([sights[0], sights[2]])
    kin.see(_at("lab.demo.shop", 3))
    assert kin.root(sights[2].key) == sights[0].key  # what was joined before stays


def test_a_literal_takes_the_texts_of_the_sdk_that_sends_no_source() -> None:
    place = "shop/work.mjs"
    unread = {"family": "js", "read": False, "template": "unknown coupon <> for Tom"}
    read = _at(place, 0, family="js")
    assert together(read, _at(place, 1, **unread))
    assert together(_at(place, 1, **unread), _at(place, 2, family="js"))
    assert not together(read, _at(place, 1, **unread, raised=Spot(f"{place} redeem", "72")))  # another line
    assert not together(read, sight("no coupon", 1, **{**_fields(read), **unread}))
    few = _at(place, 0, family="js", template="no <>")
    assert not together(few, sight("no coupon", 1, **{**_fields(few), **unread}))


def _fields(one: Features) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("type", "top", "owner", "frames", "raised", "caller")}


def test_free_words_leave_room_for_a_literal() -> None:
    place = "shop/work.mjs"
    unread = {"family": "js", "read": False}
    free = [
        _at(place, at, **unread, template=f"{at} a", raised=Spot(f"{place} redeem", "")) for at in range(UNREAD + 9)
    ]
    read, late = _at(place, 900, family="js"), _at(f"lib/{place}", 901, family="js")
    kin = seen([*free, read, late])
    assert len({kin.root(one.key) for one in [*free[:UNREAD], read, late]}) == 1


@pytest.mark.parametrize(
    ("place", "family", "parts"),
    [
        ("app.demo.shop", "python", ("app", "demo", "shop")),
        ("demo/shop.py", "python", ("demo", "shop")),
        ("shop.py", "python", ("shop",)),
        ("demo/__init__.py", "python", ("demo",)),
        ("tools.rs", "python", ("tools", "rs")),  # a module
        ("v1.2/shop.mjs", "js", ("v1.2", "shop")),
        ("com.acme.Shop", "java", ("com.acme.Shop",)),
        ("__init__.py", "python", ()),
        ("", "python", ()),
    ],
)
def test_components(place: str, family: str, parts: tuple[str, ...]) -> None:
    assert components(place, family) == parts
