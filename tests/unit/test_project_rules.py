"""A project's rules: what they change of a group, what explains it, and what is refused."""

import msgspec
import pytest

from app.grouping import g2, versions
from app.grouping.kinship import Rule
from app.grouping.kinship.lines import refused
from app.grouping.rules import GROUP_BY, NEVER_MERGE, NONE, Rules, RulesError, apply, features, parse, rules_of
from app.model import Address, Event, Frame, Grouped, Raised

AT = Address("1.crashes", 0, 7)


def event(
    kind: str = "OrderError", text: str = "no stock", frames: tuple[str, ...] = ("shop.web handle", "shop.cart order"),
    **fields: object,
) -> Event:  # fmt: skip
    """Return a crash of Python; each frame is ``module function``, the innermost last."""
    split = [name.split() for name in frames]
    raised = Raised(type=kind, value=text, frames=[Frame(function=name, module=module) for module, name in split])
    basis = Event("e" * 32, 1, "sentry", 5, 5, platform="python", exceptions=[raised])
    return msgspec.structs.replace(basis, **fields)


def group(one: Event, text: str = "", explosions: tuple[Rule, ...] = ()) -> Grouped:
    return versions["g2"].group(one, rules_of(3, text, explosions))


def whys(one: Event, rules: Rules) -> list[str]:
    return [part.why for part in versions["g2"].explain(one, rules) if part.name == "project rule"]


def test_without_rules_nothing_changes() -> None:
    one = event()
    assert versions["g2"].group(one) == versions["g2"].group(one, NONE) == group(one) == g2.group(one)
    assert versions["g2"].explain(one, rules_of(3, "")) == g2.explain(one)


def test_an_ignored_frame_counts_as_if_it_were_not_there() -> None:
    retried = event(frames=("shop.web handle", "shop.cart order", "acme.retry call"))
    assert group(retried).group != group(event()).group
    for entry in ("acme.retry", "acme.retry.call", "*.retry.*", "acme.*"):
        assert group(retried, f'ignore_frames = ["{entry}"]').group == group(event()).group, entry
    assert retried.exceptions[0].frames[-1].function == "call", "the event itself stays as it was sent"
    assert whys(retried, rules_of(3, 'ignore_frames = ["acme."]')) == [
        "rules of the project, version 3, ignore_frames 'acme.'"
    ]


def test_a_stack_of_ignored_frames_alone_stays_whole() -> None:
    assert group(event(), 'ignore_frames = ["shop."]').group == group(event()).group


def test_a_frame_of_the_application_decides_whatever_the_client_says() -> None:
    one = event()
    one.exceptions[0].frames[0].in_app = True
    one.exceptions[0].frames[1].in_app = False
    assert group(one).culprit == "handle in shop.web"
    assert group(one, 'in_app = ["shop."]').culprit == "order in shop.cart"
    assert whys(one, rules_of(3, 'in_app = ["shop."]')) == ["rules of the project, version 3, in_app 'shop.'"]


def test_errors_go_by_the_fields_that_a_rule_names() -> None:
    text = '[[group_by]]\nname = "timeouts"\ntype = "Time*"\nby = ["type", "transaction", "tag:shop"]'
    one = event("TimeoutError", transaction="/pay", tags={"shop": "north"})
    same = event("TimeoutError", "other words", ("x.y z",), transaction="/pay", tags={"shop": "north"})
    other = event("TimeoutError", transaction="/pay", tags={"shop": "south"})
    assert group(one, text).group == group(same, text).group != group(other, text).group
    assert group(event(), text) == group(event()), "the type does not match"
    assert group(one, text).group != group(one, text.replace("timeouts", "slow")).group, "its name is part of the key"
    [why] = whys(one, rules_of(3, text))
    assert why == "rules of the project, version 3, group_by 'timeouts': by type, transaction, tag:shop"
    assert not any(part.counted for part in versions["g2"].explain(one, rules_of(3, text))[1:])


def test_a_rule_overrides_the_clients_own_fingerprint() -> None:
    text = '[[group_by]]\nname = "all"\nmessage = "no *"'
    assert group(event(fingerprint=["a"]), text).group == group(event(fingerprint=["b"]), text).group


def test_keys_that_a_rule_made_or_keeps_are_never_compared() -> None:
    by = rules_of(3, '[[group_by]]\nname = "all"\ntype = "OrderError"')
    never = rules_of(3, '[[never_merge]]\nplace = "shop.cart *"')
    assert apply(event(), by).decision.rule == GROUP_BY
    assert apply(event(), never).decision.rule == NEVER_MERGE
    assert group(event(), '[[never_merge]]\nplace = "shop.cart *"') == group(event())
    for rules in (by, never):
        guard = refused(features(event(), rules, "k" * 32, AT))
        assert guard is not None
        assert guard.guard == "rule"


EXPLOSION = Rule("OrderError", "shop.cart order", (), ("could", "not", "load"), (), ("could", "load", "not"))


def test_texts_that_fit_an_explosion_rule_are_one_group_and_say_so() -> None:
    texts = [event(text=f"could not load {word}") for word in ("quince", "plum")]
    rules = rules_of(4, "", (EXPLOSION,))
    groups = {versions["g2"].group(one, rules).group for one in texts}
    assert len(groups) == 1
    assert len({group(one).group for one in texts}) == 2
    [key] = groups
    assert features(texts[0], rules, key, AT).explosion == EXPLOSION.signature
    assert "this statement gave key after key" in whys(texts[0], rules)[0]
    assert versions["g2"].group(event(text="no stock"), rules) == group(event(text="no stock"))
    fingerprinted = event(text="could not load quince", fingerprint=["mine"])
    assert versions["g2"].group(fingerprinted, rules).group == group(fingerprinted).group


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("in_app = ", "no TOML"),
        ("colour = 1", "unknown field `colour`"),
        ("in_app = [1]", "Expected `str`"),
        ('in_app = [""]', "length >= 1"),
        ('[[group_by]]\nby = ["type"]', "missing required field `name`"),
        ('[[group_by]]\nname = "a"\nby = ["colour"]', "by 'colour'; one of type"),
        ('[[group_by]]\nname = "a"\n[[group_by]]\nname = "a"', "one name"),
        ("[[never_merge]]", "would match every error"),
        ("in_app = [" + '"a", ' * 201 + "]", "201 entries"),
        ("#" * 70_000, "70000 characters"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_what_is_no_rules_is_refused_with_a_reason(text: str, wrong: str) -> None:
    with pytest.raises(RulesError, match=wrong):
        parse(text)


def test_patterns_are_matched_in_linear_time() -> None:
    text = 'ignore_frames = ["' + "*a" * 90 + 'b"]'
    one = event(frames=(f"{'a' * 500}.x {'a' * 500}", "shop.cart order"))
    assert group(one, text).culprit == "order in shop.cart"


def test_rules_and_g1() -> None:
    text = '[[group_by]]\nname = "all"\ntype = "OrderError"'
    assert versions["g1"].group(event(), rules_of(3, text)) == versions["g1"].group(event())


def test_a_key_that_is_never_merged_is_not_made_by_an_explosion_rule_either() -> None:
    """What groups an event and what is said of it come from one judgement."""
    rules = rules_of(4, '[[never_merge]]\nplace = "shop.cart *"', (EXPLOSION,))
    one = event(text="could not load quince")
    assert versions["g2"].group(one, rules) == group(one)
    assert features(one, rules, "k" * 32, AT).explosion == apply(one, rules).explosion == ""
    assert "never_merge" in whys(one, rules)[0]


def test_an_exploded_event_has_the_variant_of_its_rule_whatever_else_is_asked_for() -> None:
    other = '[[group_by]]\nname = "timeouts"\ntype = "Time*"'
    one = event(text="could not load quince")
    assert group(one, other, (EXPLOSION,)) == group(one, "", (EXPLOSION,))
