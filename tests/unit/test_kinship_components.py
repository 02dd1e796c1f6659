"""Groups follow from the sets of sights and decisions, in whatever order they came; more of them parts nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.grouping.g2.decision import Spot
from app.grouping.kinship import Features, Kin
from app.grouping.kinship.components import Change, Forest, Manual, components
from app.grouping.kinship.features import Birth
from app.grouping.kinship.stages import Edge
from tests.unit.kinship_parts import message, seen, sight, unlined

CITIES = ("Rio", "Łódź", "St. Gallen", "李伟", "Kraków", "x", "New York", "Bath")
WORDS = ("Unknown city: {}", "Closed city: {}", "{} is away until Monday", "", "no seat left for {} in A")
STACKS = (("acme.Routes", "acme.Web"), ("acme.Routes", "acme.Job", "acme.Timer"))


@st.composite
def sights(draw: st.DrawFn) -> list[Features]:
    """Sights of a few statements: with lines and without, of several builds, alike, by several partitions."""
    text = draw(st.sampled_from(WORDS)).format(draw(st.sampled_from(CITIES)))
    made = []
    for offset in range(draw(st.integers(1, 24))):
        text = draw(st.sampled_from(WORDS)).format(draw(st.sampled_from(CITIES)))
        born = Birth(draw(st.integers(0, 9)) * 1000, "crashes", draw(st.integers(0, 2)), offset)
        top = draw(st.sampled_from(("acme.Routes lookUp", "acme.Routes find")))
        place: dict[str, Any] = {
            "born": born, "top": top, "frames": draw(st.sampled_from(STACKS)),
            "release": draw(st.sampled_from(("1.0", "2.0", ""))),
            "type": draw(st.sampled_from(("PostException", "NullPointerException"))),
            "raised": Spot(top, draw(st.sampled_from(("22", "25", "31", "")))),
            "caller": Spot("acme.Web find", draw(st.sampled_from(("16", "17")))),
        }  # fmt: skip
        kind = draw(st.sampled_from((sight, sight, sight, unlined, message)))
        made.append(kind(text, offset, **({"born": born} if kind is message else _only(kind, place))))
    return made


def _only(kind: Any, place: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  a function of kinship_parts
    return {name: value for name, value in place.items() if kind is sight or name not in ("raised", "caller")}


def parts(kin: Kin, keys: set[str]) -> set[frozenset[str]]:
    """Return the groups as sets."""
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(kin.root(key), set()).add(key)
    return {frozenset(members) for members in found.values()}


def roots(kin: Kin, keys: set[str]) -> dict[str, str]:
    """Return by which key each group goes."""
    return {key: kin.root(key) for key in keys}


@given(sights(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(made: list[Features], random: Any) -> None:  # noqa: ANN401
    keys = {one.key for one in made}
    in_order = seen(sorted(made, key=lambda one: one.born))
    shuffled = random.sample(made, len(made))
    again = seen([*shuffled, *random.sample(made, len(made) // 2)])
    assert roots(in_order, keys) == roots(again, keys)
    assert {(edge.a, edge.b) for edge in in_order.suggestions()} == {(edge.a, edge.b) for edge in again.suggestions()}


@given(sights())
def test_more_sights_never_part_what_was_joined(made: list[Features]) -> None:
    kin = Kin()
    joined: set[frozenset[str]] = set()
    keys: set[str] = set()
    for one in sorted(made, key=lambda one: one.born):
        decisions = kin.see(one)
        assert all(decision.kind in ("join", "suggest", "rule") for decision in decisions)
        keys.add(one.key)
        now = parts(kin, keys)
        assert all(any(before <= after for after in now) for before in joined)
        joined = now


@given(sights())
def test_what_is_told_is_what_is_so(made: list[Features]) -> None:
    kin, shown = Kin(), dict[str, str]()
    for one in made:
        decisions = kin.see(one)
        shown.setdefault(one.key, one.key)
        for decision in decisions:
            if decision.kind == "join":
                shown = {key: decision.root if root == decision.key else root for key, root in shown.items()}
            elif decision.kind == "part":
                shown[decision.key] = decision.root
        assert shown == {key: kin.root(key) for key in shown}


@given(sights())
def test_state_restores(made: list[Features]) -> None:
    kin = seen(made[: len(made) // 2])
    again = Kin.restore(kin.state())
    for one in made[len(made) // 2 :]:
        assert kin.see(one) == again.see(one)
    assert again.state() == kin.state()


@given(sights(), st.data())
def test_decisions_of_people_win_whenever_they_come(made: list[Features], data: st.DataObject) -> None:
    keys = sorted({one.key for one in made})
    pairs = st.tuples(st.sampled_from(keys), st.sampled_from(keys)).filter(lambda pair: pair[0] != pair[1])
    if len(keys) < 2:
        return
    drawn = data.draw(st.lists(st.tuples(pairs, st.booleans()), min_size=1, max_size=4))
    decisions = [Manual(*pair, joined=joined, at=at) for at, (pair, joined) in enumerate(drawn)]
    before, after, between = Kin(), seen(made), Kin()
    for decision in decisions:
        before.decide(decision)
        after.decide(decision)
    for one in made:
        before.see(one)
    for at, one in enumerate(made):
        between.see(one)
        if at < len(decisions):
            between.decide(decisions[-at - 1])
    for decision in decisions:
        between.decide(decision)
    assert roots(before, set(keys)) == roots(after, set(keys)) == roots(between, set(keys))
    last = decisions[-1]
    assert (after.root(last.a) == after.root(last.b)) is last.joined


def test_an_edge_that_goes_in_one_row_and_comes_back_in_another_counts_once() -> None:
    stack = {"owner": "acme.Text", "frames": ("acme.Text", "acme.Job", "acme.Timer")}
    place = {"top": "acme.Text pad", "type": "NullPointerException", **stack}
    first, other = sight("", 5, **place), sight("", 1, **{**place, "top": "acme.Text trim"})
    earlier = sight("", 3, **{**place, "frames": ("acme.Text", "acme.Web", "acme.Pool", "acme.Hall")})
    assert first.key == earlier.key
    joined, parted = seen([other, first]), seen([other, first, earlier])
    assert joined.root(first.key) == other.key
    assert parted.root(first.key) == first.key
    assert parted.state() == seen([earlier, other]).state()


def _edge(a: str, b: str, at: int) -> Edge:
    return Edge(a, b, "line", 1.0, (), Birth(at, "", 0, 0))


def test_a_key_taken_out_stays_out_however_many_lead_back() -> None:
    born = {key: Birth(at, "", 0, 0) for at, key in enumerate("abcd")}
    edges = [_edge("a", "x", 0), _edge("b", "x", 1), _edge("c", "x", 2), _edge("d", "c", 3), _edge("d", "b", 4)]
    assert set(components(born, edges).values()) == {"a"}
    out = components(born, edges, [Manual("c", "a", joined=False, at=9)])
    assert out["c"] != out["a"] == out["b"]


def test_the_latest_decision_of_a_pair_counts() -> None:
    born = {key: Birth(at, "", 0, 0) for at, key in enumerate("ab")}
    apart, merged = Manual("a", "b", joined=False, at=1), Manual("b", "a", joined=True, at=2)
    assert components(born, [], [merged, apart]) == {"a": "a", "b": "a"}
    again = Manual("a", "b", joined=False, at=3)
    assert components(born, [_edge("a", "b", 0)], [again, merged, apart]) == {"a": "a", "b": "b"}


def test_a_group_goes_by_the_member_that_was_born_first() -> None:
    forest = Forest()
    forest.bear("late", Birth(5, "", 0, 0))
    forest.bear("early", Birth(1, "", 0, 0))
    edge = _edge("late", "early", 5)
    assert forest.change([edge], []) == [Change("late", "early", whole=True, edge=edge)]
    assert forest.bear("late", Birth(0, "", 0, 0)) == [Change("early", "late", whole=True, edge=None)]
    assert forest.root("early") == forest.root("late") == "late"
    assert forest.root("never seen") == "never seen"


edges = st.lists(st.builds(_edge, st.sampled_from("abcdxy"), st.sampled_from("abcdxy"), st.integers(0, 9)), max_size=12)
manuals = st.lists(
    st.builds(Manual, st.sampled_from("abcd"), st.sampled_from("abcd"), st.booleans(), st.integers(0, 9))
    .filter(lambda one: one.a != one.b), max_size=4,
)  # fmt: skip


@given(edges, edges, manuals)
def test_a_forest_is_what_the_definition_says(added: list[Edge], removed: list[Edge], decisions: list[Manual]) -> None:
    forest = Forest()
    for at, key in enumerate("abcd"):
        forest.bear(key, Birth(at, "", 0, 0))
    for edge in (*added, *removed):
        forest.change([edge], [])
    for decision in decisions:
        forest.decide(decision)
    for edge in removed:
        forest.change([], [edge])
    latest = list(forest.decisions.values())
    assert {key: forest.root(key) for key in "abcd"} == components(forest.born, added, latest)
    assert forest.edges() == sorted(set(added), key=lambda edge: (edge.born, edge.stage, edge.a, edge.b))
