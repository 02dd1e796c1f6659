"""Features are bounded, survive their encoding, and nothing in them makes the comparison fail."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.grouping.g2.decision import Decision, Spot
from app.grouping.kinship import Features, Kin, features_of
from app.grouping.kinship.features import Birth
from app.model import Address, Event
from tests.unit.kinship_parts import seen, sight

AT = Address("crashes", 3, 17)
TEXTS = st.text(max_size=40) | st.sampled_from(
    ("", "%s", "{}", "<>", '"', "': '", "\1\2", "é" * 600, "a " * 600, "%(", "{", "\ud800", "Unknown city: Rio")
)


def _event(**changes: Any) -> Event:  # noqa: ANN401  values of any field
    return Event("0" * 32, 1, "sentry", 1_780_000_000_000, 5, **changes)


def _decision(**changes: Any) -> Decision:  # noqa: ANN401  values of any field
    spot = Spot("shop load", "12")
    made = Decision("default", "python", "E", "shop", "m", "m", spot, spot, False, False, False, False, False, (),
                    ("shop", "web"), "shop load", True, ("E", "shop load", "m"))  # fmt: skip
    return made._replace(**changes)


def test_features_are_what_the_decision_says() -> None:
    made = features_of(_event(release="1.0"), _decision(), "k", AT)
    assert made.owner == "shop"
    assert made.raised == Spot("shop load", "12")
    assert made.born == Birth(1_780_000_000_000, "crashes", 3, 17)
    assert made.build == "1.0"
    assert features_of(_event(), _decision(), "k", AT).build == "\2day 20601"


def test_features_are_bounded() -> None:
    long = "x" * 5000
    spot = Spot(long, "12")
    decision = _decision(
        type=long, module=long, text=long, template=long, raised=spot, caller=spot, tokens=(long,) * 100,
        frames=(long,) * 100, top=long,
    )  # fmt: skip
    made = features_of(_event(release=long, template=long), decision, "k", AT)
    assert len(msgspec.msgpack.encode(made)) < 16_000


@pytest.mark.parametrize(
    ("decision", "template", "pattern"),
    [
        ({"type": "", "top": ""}, "no reader named %s", "no reader named %s"),
        ({"type": "", "top": ""}, "Parcel for {} left", "Parcel for {} left"),
        ({"type": "", "top": ""}, "no hole in it", ""),
        ({"type": "", "top": "f", "read": True, "template": "item <> is closed"}, "", "item <> is closed"),
        ({"type": "", "top": "f"}, "item %s is closed", ""),
        ({"type": "E"}, "item %s is closed", ""),
    ],
)
def test_a_pattern_is_what_a_logger_wrote(decision: dict[str, Any], template: str, pattern: str) -> None:
    assert features_of(_event(template=template), _decision(**decision), "k", AT).pattern == pattern


def test_features_survive_their_encoding() -> None:
    made = features_of(_event(release="1.0"), _decision(tokens=("a",)), "k", AT)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Features) == made
    again = msgspec.json.decode(msgspec.json.encode(seen([made]).state()), type=type(seen([made]).state()))
    assert Kin.restore(again).state() == again


spots = st.builds(Spot, TEXTS, st.sampled_from(("", "1", "1:340", "+0x4f")) | TEXTS)
junk = st.builds(
    Features, schema=st.just(1), key=st.sampled_from("abcdefgh"), grouping=st.just("g2"),
    rule=st.sampled_from(("default", "statement", "hang", "")), explosion=st.sampled_from(("", "", "r")),
    family=st.sampled_from(("", "go", "python", "java")), type=TEXTS, module=TEXTS, top=TEXTS, owner=TEXTS,
    in_app=st.booleans(), read=st.booleans(), library=st.booleans(), silent=st.booleans(), helper=st.booleans(),
    cycle=st.booleans(), raised=spots, caller=spots, tokens=st.lists(TEXTS, max_size=3).map(tuple), template=TEXTS,
    text=TEXTS, pattern=TEXTS, frames=st.lists(TEXTS, max_size=6).map(tuple), release=TEXTS, day=st.integers(0, 9),
    born=st.builds(Birth, st.integers(0, 99), TEXTS, st.integers(0, 3), st.integers(0, 99)),
)  # fmt: skip


@given(st.lists(junk, max_size=12))
def test_junk_is_compared_like_anything_else(made: list[Features]) -> None:
    kin = seen(made)
    for one in made:
        assert not kin.see(one)
        assert kin.root(one.key) in {other.key for other in made}


def test_features_of_a_newer_schema_are_refused() -> None:
    with pytest.raises(ValueError, match="upgrade the worker first"):
        Kin().see(msgspec.structs.replace(sight("a"), schema=2))


def test_what_is_forgotten_stays_joined() -> None:
    kin = seen([sight("Unknown city: Rio", 0), sight("Unknown city: Bonn", 1), sight("Unknown city: Bath", 9)])
    root = kin.root(sight("Unknown city: Bath", 9).key)
    kin.forget(before=5000)
    assert len(kin.state().sights) == 1
    assert kin.root(sight("Unknown city: Bonn", 1).key) == root
    late = sight("Unknown city: Cork", 10)
    kin.see(late)
    assert kin.root(late.key) == root
    again = Kin.restore(kin.state())
    assert again.state() == kin.state()
    assert again.root(late.key) == root


def test_more_sights_than_are_compared_stay_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grouping.kinship.kin.SIGHTS", 2)
    kin = seen([sight("Unknown city: Rio", 0), sight("Unknown city: Bonn", 1), sight("Unknown city: Bath", 2)])
    assert len(kin.state().sights) == 2
    late = sight("Unknown city: Bath", 2)
    assert kin.root(late.key) == late.key
