"""Free words without end: a rule with the template, and no more keys from then on."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.grouping.g2.decision import Spot
from app.grouping.kinship import Features, Kin, match
from app.grouping.kinship.explosion import HOUR, KEYS, RULES, Rule, by_statement
from app.grouping.kinship.features import Birth
from app.grouping.kinship.texts import shape_of
from tests.unit.kinship_parts import message, seen, sight, unlined

SECOND = 1000
RATE = 50
"""Events a second."""
DELAY = 5 * SECOND
"""Until a rule has reached ingest."""


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("bdfgklmnprst") + dice.choice("aeiou") for _ in range(dice.randint(2, 5)))


def _storm(make: Callable[[str, int, bool], Features], events: int) -> tuple[Kin, list[tuple[bool, str]], set[str]]:
    """Send events of two statements of one function with new words each, through rules that come late."""
    dice, kin, known = random.Random(7), Kin(), list[tuple[int, Rule]]()
    told: list[tuple[bool, str]] = []
    keys: set[str] = set()
    for offset in range(events):
        now, unknown = offset * SECOND // RATE, dice.random() < 0.5
        words = (_word(dice), _word(dice))
        text = f"unknown coupon {words[0]} for {words[1]}" if unknown else f"the coupon {words[0]} of {words[1]} is old"
        one = make(text, offset, unknown)
        rules = by_statement(rule for since, rule in known if since + DELAY <= now)
        found = match(rules, one.type, one.top, one.text, one.tokens)
        changes: dict[str, Any] = {"born": Birth(now, "crashes", offset % 4, offset)}
        if found:
            changes |= {"key": found.signature, "explosion": found.signature, "template": ""}
        one = msgspec.structs.replace(one, **changes)
        if one.key not in keys:
            known += [(now, decision.rule) for decision in kin.see(one) if decision.rule is not None]
        keys.add(one.key)
        told.append((unknown, one.key))
    return kin, told, keys


def _lined(text: str, offset: int, unknown: bool) -> Features:
    return sight(text, offset, raised=Spot("acme.Routes lookUp", "22" if unknown else "25"))


def _without(text: str, offset: int, unknown: bool) -> Features:  # noqa: ARG001  as above
    return unlined(text, offset)


def _logged(text: str, offset: int, unknown: bool) -> Features:  # noqa: ARG001  as above
    return message(text, offset)


@pytest.mark.parametrize("make", [_lined, _without, _logged])
def test_20000_new_words_are_two_groups_and_few_keys(make: Callable[[str, int, bool], Features]) -> None:
    kin, told, keys = _storm(make, 20_000)
    assert len(keys) <= 2 * KEYS + DELAY // SECOND * RATE + 12
    assert len(kin.rules()) == 2
    groups = {(unknown, kin.root(key)) for unknown, key in told}
    assert len({root for _, root in groups}) == 2, Counter(kin.root(key) for _, key in told)
    assert len(groups) == 2


def test_fewer_keys_or_slower_ones_make_no_rule() -> None:
    few = [sight(f"unknown coupon {at}", at) for at in range(KEYS - 1)]
    assert not seen(few).rules()
    slow = [sight(f"unknown coupon {at}", at * HOUR // 10_000) for at in range(3 * KEYS)]
    assert not seen(slow).rules()


def test_a_rule_leaves_the_function_s_other_statement_alone() -> None:
    kin = seen([sight(f"unknown coupon {at} for Tom", at) for at in range(KEYS)])
    [rule] = kin.rules()
    rules = by_statement([rule])
    assert match(rules, "PostException", "acme.Routes lookUp", "unknown coupon new for Tom") == rule
    assert match(rules, "PostException", "acme.Routes lookUp", "expired coupon new for Tom") is None
    assert match(rules, "PostException", "acme.Routes other", "unknown coupon new for Tom") is None
    assert match(rules, "OtherException", "acme.Routes lookUp", "unknown coupon new for Tom") is None
    assert match(rules, "PostException", "acme.Routes lookUp", "unknown coupon new for Tom", ("HTTP 404",)) is None


def test_one_rule_a_signature() -> None:
    kin = seen([sight(f"unknown coupon {at} for Tom", at) for at in range(5 * KEYS)])
    assert len(kin.rules()) == 1


def test_rules_of_one_place_are_bounded() -> None:
    dice = random.Random(5)
    heads = [f"{_word(dice)}{_word(dice)} {_word(dice)}" for _ in range(RULES + 5)]
    kin = seen([unlined(f"{head} {at}", 100 * nth + at) for nth, head in enumerate(heads) for at in range(KEYS)])
    assert len(kin.rules()) == RULES


def test_texts_with_nothing_in_common_make_no_rule() -> None:
    dice = random.Random(3)
    assert not seen([sight(f"{_word(dice)} {_word(dice)}", at) for at in range(2 * KEYS)]).rules()


def test_where_ends_say_little_the_words_between_count() -> None:
    dice = random.Random(3)
    kin = seen([sight(f"{_word(dice)} could not be found by {_word(dice)}", at) for at in range(KEYS)])
    [rule] = kin.rules()
    assert not rule.start
    assert not rule.end
    assert rule.words == ("be", "by", "could", "found", "not")
    rules = by_statement([rule])
    assert match(rules, rule.type, rule.top, "Tom could not be found by me")
    assert match(rules, rule.type, rule.top, "Tom was found by me") is None


@pytest.mark.parametrize("changes", [{"read": True}, {"library": True}, {"rule": "fingerprint"}, {"type": "KeyError"}])
def test_what_evidence_is_kept_from_makes_no_rule(changes: dict[str, Any]) -> None:
    assert not seen([sight(f"'k{at}'", at, **changes) for at in range(2 * KEYS)]).rules()


def test_matching_is_linear() -> None:
    rule = Rule("T", "f", (), ("a",), ("b",), ())
    rules = by_statement([rule] * 10)
    assert match(rules, "T", "f", "a " * 500_000) is None
    assert match(rules, "T", "f", "a" * 500_000) is None


def test_what_a_rule_is_never_changes() -> None:
    shape = shape_of(("no row 12 in “Łódź” for a.b-c", "no row x in “St. Gallen” for a.b-c"))
    assert shape.start == ("no", "row")
    assert shape.end == ("”", "for", "a", ".", "b", "-", "c")
    rule = Rule("T", "f g", ("HTTP 404",), shape.start, shape.end, tuple(sorted(shape.words)))
    assert rule.key == ("\2explosion", "T", "f g", "HTTP 404", "\2", *shape.start, "\2", *shape.end, "\2", "for", "in",
                        "no", "row")  # fmt: skip
    assert rule.signature == "f0f1ec709b4e1087"


def test_a_rule_survives_its_encoding() -> None:
    rule = Rule("T", "f", ("x",), ("a",), ("b",), ("c", "d"))
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(rule), type=Rule)
    assert again == rule
    assert again.signature == rule.signature
