"""A project's own rules: frames of the application, frames to ignore, keys by chosen fields, errors never compared.

A version of the rules is an immutable ``Rules``; records are stamped with its number, so that every worker and every
replay applies the same. A person writes the rules as TOML::

    in_app = ["acme.", "src/shop/"]            # frames of the application, whatever the client says
    ignore_frames = ["acme.retry.", "*/middleware/*"]

    [[group_by]]                               # all errors that match go by these fields alone
    name = "timeouts"
    type = "TimeoutError"
    by = ["type", "transaction"]

    [[never_merge]]                            # the comparison of keys leaves these alone
    type = "PaymentError"

A frame is matched by its module, its file, its path, its package and ``module.function``: an entry without ``*`` is a
prefix of one of these, an entry with ``*`` is a pattern of the whole. ``type``, ``message`` and ``place`` of a
condition are patterns of the whole too; all that are given must match.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from app.grouping import g2
from app.grouping.g1.message import first_line
from app.grouping.g2.decide import decision_of
from app.grouping.g2.identity import tokens as g2_tokens
from app.grouping.g2.key import VERSION, Judgement, grouped, id_of, judge
from app.grouping.g2.titles import cause, culprit, title
from app.grouping.kinship.explosion import Rule, by_statement, match
from app.grouping.kinship.features import NAME, Features, features_of
from app.grouping.kinship.runtimes import is_worded_by_run_time
from app.grouping.kinship.stages import RULES
from app.model import Address, Event, Frame, Grouped, Part, Raised, Thread

MOST_TEXT: Final = 64 << 10
"""Characters of a project's TOML."""
MOST: Final = 200
"""Entries of each list."""
FIELDS: Final = ("type", "message", "place", "transaction", "logger", "level", "environment", "release", "url")
"""What ``by`` may name, beside ``tag:NAME``."""
GROUP_BY: Final = "project rule"
NEVER_MERGE: Final = "never merge"
"""``Decision.rule`` of keys that rules of these kinds made or keep: none of the comparison's own (``stages.RULES``)."""
_VALUE: Final = 1024
"""Characters of one field's value in a key."""
_MATCHED: Final = 4096
"""Characters of one text that a pattern is held against."""

_Stack = TypeVar("_Stack", Raised, Thread)
_Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class RulesError(ValueError):
    """The text holds no rules: what is wrong, for the person who wrote it."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which errors a rule is about; '' matches all."""

    type: str = ""
    """The deciding exception's type without package, or the type of any exception of the chain as sent."""
    message: str = ""
    """First line of the message that decides."""
    place: str = ""
    """Normalised place and function of the deciding frame."""


class GroupBy(Condition, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """All errors that match form groups by the values of ``by`` alone; without any they are one group."""

    name: _Name
    """Part of the group's key: with another name the groups are others."""
    by: tuple[_Name, ...] = ()


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The rules as a person writes them."""

    in_app: tuple[_Pattern, ...] = ()
    ignore_frames: tuple[_Pattern, ...] = ()
    group_by: tuple[GroupBy, ...] = ()
    never_merge: tuple[Condition, ...] = ()


class Rules(NamedTuple):
    """One version of the rules of a project; immutable."""

    version: int
    text: Text
    explosions: Mapping[tuple[str, str], Sequence[Rule]]
    """Templates of statements without end of texts, by type and top frame; the comparison of keys makes them."""

    @property
    def empty(self) -> bool:
        """Return whether no rule changes anything."""
        return not self.explosions and self.text == Text()


NONE: Final = Rules(0, Text(), MappingProxyType({}))


class Ruled(NamedTuple):
    """What rules make of an event: the event that grouping sees, its judgement, and the key where a rule gives it."""

    event: Event
    decision: g2.Decision
    key: tuple[str, ...] | None
    explosion: str
    """Signature of the explosion rule that gives the key, '' where none does."""
    why: str
    """Which rule gives the key or keeps it alone, for people; '' where none does."""


def parse(text: str) -> Text:
    """Read a project's TOML. Raises RulesError."""
    if len(text) > MOST_TEXT:
        raise RulesError(f"the rules have {len(text)} characters; at most {MOST_TEXT} are read")
    try:
        rules = msgspec.convert(tomllib.loads(text), Text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise RulesError(str(error)) from error
    except RecursionError as error:
        raise RulesError("no TOML that can be read: it is nested too deep") from error
    _check(rules)
    return rules


def _check(rules: Text) -> None:
    for name in Text.__struct_fields__:
        if len(getattr(rules, name)) > MOST:
            raise RulesError(f"{name} has {len(getattr(rules, name))} entries; at most {MOST} are read")
    names = [rule.name for rule in rules.group_by]
    if len(set(names)) < len(names):
        raise RulesError("two rules of group_by have one name")
    for rule in rules.group_by:
        for field in rule.by:
            if field not in FIELDS and not field.startswith("tag:"):
                raise RulesError(f"group_by {rule.name!r}: by {field!r}; one of {', '.join(FIELDS)}, tag:NAME")
    for condition in rules.never_merge:
        if condition == Condition():
            raise RulesError("an entry of never_merge without type, message or place would match every error")


def rules_of(version: int, text: str, explosions: Sequence[Rule] = ()) -> Rules:
    """Return one version of the rules from what is stored of it. Raises RulesError."""
    return Rules(version, parse(text), MappingProxyType(by_statement(explosions)))


# What grouping, its explanation and the comparison of keys call.


def group(event: Event, rules: Rules = NONE) -> Grouped:
    """Return the group of an event under a project's rules."""
    if rules.empty:
        return g2.group(event)
    seen = visible(event, rules.text)
    judgement = judge(seen)
    if not (rules.text.group_by or rules.text.never_merge):  # the decision, which those ask for, costs as much again
        explosion = _explosion(judgement, rules)
        return grouped(seen, judgement) if explosion is None else _exploded(seen, judgement, explosion.key)
    ruled = _ruled(seen, judgement, rules)
    if ruled.key is None:
        return grouped(seen, judgement)
    return _exploded(seen, judgement, ruled.key) if ruled.explosion else _by_fields(seen, judgement, ruled.key)


def features(event: Event, rules: Rules, key: str, at: Address) -> Features:
    """Return what the comparison of keys looks at of an event that ``group`` put into ``key``, read at ``at``."""
    ruled = apply(event, rules)
    return features_of(event, ruled.decision, key, at, ruled.explosion)


def explain(event: Event, rules: Rules = NONE) -> list[Part]:
    """Return every part of the event, whether it counted and why; a rule that changes something is a part."""
    if rules.empty:
        return g2.explain(event)
    ruled = apply(event, rules)
    parts = _changed_frames(event, rules)
    given = ruled.key is not None
    if ruled.why:
        value = " ".join("…" if part.startswith("\2") else part for part in ruled.key or ())
        parts.insert(0, Part("project rule", _version(rules), value, counted=given, why=ruled.why))
    rest = g2.explain(ruled.event)
    if not given:
        return [*parts, *rest]
    why = "a rule of the project decides"
    return [*parts, *(msgspec.structs.replace(part, counted=False, why=why) if part.counted else part for part in rest)]


def apply(event: Event, rules: Rules) -> Ruled:
    """Return what rules make of an event."""
    seen = visible(event, rules.text)
    return _ruled(seen, judge(seen), rules)


def visible(event: Event, text: Text) -> Event:
    """Return the event with the frames that count: without ignored ones, and marked where they are the application's.

    A stack of ignored frames alone stays whole.
    """
    if not text.in_app and not text.ignore_frames:
        return event
    return msgspec.structs.replace(
        event,
        exceptions=[_with_frames(raised, text) for raised in event.exceptions],
        threads=[_with_frames(thread, text) for thread in event.threads],
    )


def _with_frames(one: _Stack, text: Text) -> _Stack:
    kept = [_marked(frame, text) for frame in one.frames if not _any(text.ignore_frames, frame)]
    return msgspec.structs.replace(one, frames=kept) if kept else one


def _marked(frame: Frame, text: Text) -> Frame:
    if frame.in_app is not True and _any(text.in_app, frame):
        return msgspec.structs.replace(frame, in_app=True)
    return frame


def _any(patterns: tuple[str, ...], frame: Frame) -> bool:
    if not patterns:
        return False
    judge = _matches if len(frame.abs_path) + len(frame.function) < _VALUE else _matches.__wrapped__
    return judge(patterns, frame.module, frame.function, frame.file, frame.abs_path, frame.package)


@lru_cache(8192)
def _matches(patterns: tuple[str, ...], module: str, function: str, file: str, path: str, package: str) -> bool:
    names = (f"{module}.{function}" if module else function, module, file, path, package)
    pattern = _compiled(patterns)
    return any(pattern.match(name[:_MATCHED].replace("\\", "/")) for name in names if name)


@lru_cache(256)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one expression for all entries of a list; ``*`` takes as little as it can, and never gives back."""
    return re.compile("|".join(_expression(one.replace("\\", "/")) for one in patterns), re.DOTALL)


def _expression(pattern: str, *, whole: bool = False) -> str:
    if "*" not in pattern:
        return re.escape(pattern) + (r"\Z" if whole else "")
    first, *between, last = map(re.escape, pattern.split("*"))
    # An atomic group for each constant: matching is linear in the text for every star.
    return first + "".join(f"(?>.*?{part})" for part in between if part) + f"(?:.*{last})" + r"\Z"


@lru_cache(1024)
def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern, whole=True), re.DOTALL)


def _ruled(event: Event, judgement: Judgement, rules: Rules) -> Ruled:
    """Apply rules to an event that is ``visible``: the first of group_by decides, then explosion, else the default."""
    decision = decision_of(event, judgement)
    for rule in rules.text.group_by:
        if _fits(rule, event, decision):
            values = [f"{field}={_value(field, event, decision)[:_VALUE]}" for field in rule.by]
            why = f"{_version(rules)}, group_by {rule.name!r}: by {', '.join(rule.by) or 'nothing but the rule'}"
            return Ruled(event, decision._replace(rule=GROUP_BY), ("\2rule", rule.name, *values), "", why)
    for condition in rules.text.never_merge:
        if _fits(condition, event, decision):
            why = f"{_version(rules)}, never_merge {_shown(condition)}: this key is never compared with others"
            return Ruled(event, decision._replace(rule=NEVER_MERGE), None, "", why)
    explosion = _explosion(judgement, rules)
    if explosion is None:
        return Ruled(event, decision, None, "", "")
    why = f"{_version(rules)}, made by itself: this statement gave key after key; the template that they share counts"
    return Ruled(event, decision, explosion.key, explosion.signature, why)


def _explosion(judgement: Judgement, rules: Rules) -> Rule | None:
    """Return the rule that the text fits, None where none is or where the key says more than the text.

    A run time's own wording says more too, and what a library raised at a line of the application; the comparison makes
    no rules of those (``app.grouping.kinship.lines``).
    """
    leaf = judgement.leaves[0]
    top = leaf.stack.looks[leaf.counted[0]].where if leaf.counted else ""
    if (leaf.type[:NAME], top[:NAME]) not in rules.explosions:
        return None
    raising = leaf.raising
    if judgement.rule not in RULES or raising.said is not None or raising.silent or (raising.library and top):
        return None
    text = first_line(leaf.text)
    rule = match(rules.explosions, leaf.type, top, text, g2_tokens(text))
    return None if rule is None or is_worded_by_run_time(leaf.type, text) else rule


def _exploded(event: Event, judgement: Judgement, key: tuple[str, ...]) -> Grouped:
    """Return the group of an explosion rule; titles are the event's own, and no id is made of its words."""
    leaf = judgement.leaves[0]
    return Grouped(
        group=id_of(event.project, "group", key),
        coarse=id_of(event.project, "coarse", key),
        variant=id_of(event.project, "variant", key),
        title=title(event, leaf.stack, leaf.text, 1),
        culprit=culprit(event, leaf.stack, leaf.counted),
        version=VERSION,
        cause=cause(event, leaf.stack, 1),
    )


def _fits(condition: Condition, event: Event, decision: g2.Decision) -> bool:
    if condition.type:
        types = (decision.type, *(raised.type for raised in event.exceptions))
        if not any(_whole(condition.type).match(name[:_MATCHED]) for name in types):
            return False
    if condition.message and not _whole(condition.message).match(decision.text):
        return False
    return not condition.place or _whole(condition.place).match(decision.top[:_MATCHED]) is not None


def _value(field: str, event: Event, decision: g2.Decision) -> str:
    if field.startswith("tag:"):
        return event.tags.get(field.removeprefix("tag:"), "")
    own = {"type": decision.type, "message": decision.template, "place": decision.top}
    if field in own:
        return own[field]
    if field == "url":
        return event.url.partition("?")[0].partition("#")[0]
    value: str = getattr(event, field)
    return value


def _by_fields(event: Event, judgement: Judgement, key: tuple[str, ...]) -> Grouped:
    """Return the group of a rule of group_by; its variants are those of the event's own key."""
    ids = {level: id_of(event.project, level, key) for level in ("group", "coarse")}
    return msgspec.structs.replace(grouped(event, judgement), **ids)


def explosion_group(project: int, rule: Rule) -> str:
    """Return the id of the group that texts of an explosion rule fall into."""
    return id_of(project, "group", rule.key)


def _changed_frames(event: Event, rules: Rules) -> list[Part]:
    """Return a part for each frame that a rule takes out or gives to the application."""
    parts = []
    stacks = [*(raised.frames for raised in event.exceptions), *(thread.frames for thread in event.threads)]
    for frame in [frame for frames in stacks for frame in frames]:
        names = (frame.function or frame.symbol, frame.module, frame.file or frame.package)
        raw = " ".join(name for name in names if name)
        for name, patterns in (("ignore_frames", rules.text.ignore_frames), ("in_app", rules.text.in_app)):
            found = next((one for one in patterns if _any((one,), frame)), None)
            if found is not None and not (name == "in_app" and frame.in_app is True):
                why = f"{_version(rules)}, {name} {found!r}"
                parts.append(Part("project rule", raw, name, counted=name == "in_app", why=why))
                break
    return parts


def _version(rules: Rules) -> str:
    return f"rules of the project, version {rules.version}"


def _shown(condition: Condition) -> str:
    fields: dict[str, Any] = msgspec.to_builtins(condition)
    return ", ".join(f"{name} {value!r}" for name, value in fields.items())
