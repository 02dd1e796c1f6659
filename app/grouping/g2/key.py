"""The key of a group: type, the place that counts, what the raising statement says; one pure pass over the event."""

from functools import lru_cache
from hashlib import blake2b
from json import dumps
from typing import Final, NamedTuple

from app.grouping.g1.key import collapsed
from app.grouping.g1.lists import ANR, HANG_MECHANISMS, OUT_OF_MEMORY, OVERFLOW, SIGNALS
from app.grouping.g1.message import first_line
from app.grouping.g2.chain import Stack, stacks
from app.grouping.g2.frames import APP, Look
from app.grouping.g2.mends import minified, place
from app.grouping.g2.message import ONE_WORD, template_of
from app.grouping.g2.raised import NOWHERE, Raising, of_record, raising
from app.grouping.g2.titles import cause, culprit, title
from app.model import Event, Grouped

VERSION: Final = "g2"
FRAMES: Final = 40
"""Frames of a variant at most."""
DEFAULT: Final = frozenset(("{{ default }}", "{{default}}"))
_REMEMBERED: Final = 4096
"""Characters of a key whose id is remembered; deep stacks of long names are not."""
_TYPE: Final = 200
_FRAMES_SEEN: Final = 64
"""Different frames of an endless recursion at most."""


class Leaf(NamedTuple):
    """What one deciding stack gives: the parts of each level, and which frames counted."""

    rule: str
    """As ``Decision.rule`` names it."""
    stack: Stack
    type: str
    text: str
    template: str
    counted: tuple[int, ...]
    """Indices of the frames in the key, the innermost first."""
    coarse: tuple[str, ...]
    key: tuple[str, ...]
    raising: Raising = NOWHERE


class Judgement(NamedTuple):
    """How an event groups: ``rule`` names why, the rest is the material of its ids."""

    rule: str
    leaves: list[Leaf]
    coarse: tuple[str, ...]
    key: tuple[str, ...]


def group(event: Event) -> Grouped:
    """Return the group of an event."""
    return grouped(event, judge(event))


def grouped(event: Event, judgement: Judgement) -> Grouped:
    """Return the group of an event whose judgement is known."""
    leaf = judgement.leaves[0]
    several = len(judgement.leaves)
    return Grouped(
        group=id_of(event.project, "group", judgement.key),
        coarse=id_of(event.project, "coarse", judgement.coarse),
        variant=id_of(event.project, "variant", _variant(event, judgement)),
        title=title(event, leaf.stack, leaf.text, several),
        culprit=culprit(event, leaf.stack, leaf.counted),
        version=VERSION,
        cause=cause(event, leaf.stack, several),
    )


def judge(event: Event) -> Judgement:
    """Return what the ids of an event are made of."""
    found = [_leaf(event, stack) for stack in stacks(event)]
    rule, coarse, key = found[0].rule, found[0].coarse, found[0].key
    if len(found) > 1:
        coarse = tuple(sorted({"\1".join(leaf.coarse) for leaf in found}))
        key = tuple(sorted({"\1".join(leaf.key) for leaf in found}))
        if len(key) == 1:
            coarse, key = found[0].coarse, found[0].key
        else:
            rule, coarse, key = "exceptions of a group", ("\2tree", *coarse), ("\2tree", *key)
    if key == ("", "", ""):
        rule, coarse, key = "nothing", ("\2nothing", event.platform), ("\2nothing", event.platform, event.sdk_name)
    judgement = Judgement(rule, found, coarse, key)
    return _fingerprinted(event, judgement) if event.fingerprint else judgement


def _fingerprinted(event: Event, judgement: Judgement) -> Judgement:
    own = [value for value in event.fingerprint if value not in DEFAULT]
    if not own:
        return judgement
    if len(own) == len(event.fingerprint):
        return judgement._replace(rule="fingerprint", key=("\2fingerprint", *own), coarse=("\2fingerprint", *own))
    key = tuple("{{ default }}" if value in DEFAULT else value for value in event.fingerprint)
    return judgement._replace(rule="fingerprint with default", key=("\2salted", *key, *judgement.key))


def _leaf(event: Event, stack: Stack) -> Leaf:
    raised = stack.raised
    kind, mechanism = (type_of(raised.type), raised.mechanism.lower()) if raised else ("", "")
    text = raised.value if raised else event.message or event.template
    if raised and not kind and not text:
        text = event.message or event.template
    special = _special(event, stack, kind, mechanism, text)
    if special is not None:
        return special
    if raised and raised.synthetic and mechanism in SIGNALS:
        kind = ""
    return _by_statement(event, stack, kind, text)


def _special(event: Event, stack: Stack, kind: str, mechanism: str, text: str) -> Leaf | None:
    """Return the leaf of what does not go by type, place and message; None for all else."""
    lower = kind.lower()
    if lower in ANR or mechanism in HANG_MECHANISMS:
        counted = _outermost(stack)
        words = "" if counted else template_of(text, one_word=False)
        return _made("hang", stack, "\2hang", text, words, counted)
    if lower in OUT_OF_MEMORY:
        return _made("memory", stack, kind, text, "", _top(stack))
    if lower in OVERFLOW and (cycle := _cycle(stack)):
        where = tuple(sorted({stack.looks[at].where for at in cycle}))[:_FRAMES_SEEN]
        return Leaf("cycle", stack, kind, text, "", cycle, (kind, *where), (kind, *where, "cycle"))
    if text.startswith("Script error") and stack.tier < APP and first_line(text) in ("Script error.", "Script error"):
        key = ("\2script error", "Script error.", page(event.url))
        return Leaf("script error", stack, kind, text, "Script error.", (), ("\2script error",), key)
    if mechanism in SIGNALS and stack.tier > 0 and (counted := _top(stack)):
        return _made("signal", stack, "", text, "", counted)
    return None


def _by_statement(event: Event, stack: Stack, kind: str, text: str) -> Leaf:
    """Return the leaf by type, place and what the raising statement says, or the message's template."""
    log = not kind
    found = raising(stack, kind, text, event.platform)
    record = event.template if log and event.template and event.template != text else ""
    if found.said is None and record and (said := of_record(record, text, event.platform)):
        found = found._replace(said=said)
    counted = _top(stack)
    if found.said is not None:
        if found.said.rule != "library":
            counted = counted[:1]
        if found.said.caller >= 0:
            counted = (*counted, found.said.caller)
        rule = "helper" if found.said.rule == "helper" else "statement"
        return _made(rule, stack, kind, text, found.said.template, counted, found)
    if found.shown_helper >= 0 and counted and len(counted) == 1 and found.shown_helper != counted[0]:
        counted = (*counted, found.shown_helper)
    own = bool(counted) and not found.library and stack.tier == APP
    words = found.words or template_of(record or text, one_word=own)
    return _made("default", stack, kind, text, words, counted, found)


def _made(
    rule: str, stack: Stack, kind: str, text: str, words: str, counted: tuple[int, ...], found: Raising = NOWHERE
) -> Leaf:
    looks = stack.looks
    top = looks[counted[0]].where if counted else ""
    coarse = (kind, top) if top else (kind, "", words)
    key = (kind, "\1".join([looks[at].where for at in counted]), words) if len(counted) > 1 else (kind, top, words)
    return Leaf(rule, stack, kind, text, words, counted, coarse, key, found)


def _top(stack: Stack) -> tuple[int, ...]:
    """Return the innermost frame of the best tier; of a throw helper also the next.

    The machinery of raising decides only where no other frame of its tier does. An unnamed frame of native code stops
    the walk: what a named one further outwards called is not known, so the named frame inside of it decides.
    """
    looks, tier = stack.looks, stack.tier
    if tier < 0:
        return ()
    spare = carrier = -1
    for at in range(len(looks) - 1, -1, -1):
        one = looks[at]
        if one.tier != tier:
            continue
        if not one.where or not one.named:
            spare = at if spare < 0 and one.where else spare
            if one.family == "native" and tier == APP and (border := _border(looks, at)) >= 0:
                return (border,)
            continue
        if one.machinery:
            carrier = at if carrier < 0 else carrier
            continue
        top = _unfolded(looks, at)
        return (top, after) if tier and looks[top].helper and (after := _after(looks, top, tier)) >= 0 else (top,)
    return (spare,) if spare >= 0 else (carrier,) if carrier >= 0 else ()


def _border(looks: list[Look], at: int) -> int:
    """Return the nearest named frame inwards of an unnamed one, that is no machinery; -1 where there is none."""
    for inner in range(at + 1, len(looks)):
        one = looks[inner]
        if one.named and one.where and not one.machinery:
            return inner
    return -1


def _unfolded(looks: list[Look], at: int) -> int:
    while at and looks[at].folded and looks[at - 1].place == looks[at].place:
        at -= 1
    return at


def _after(looks: list[Look], at: int, tier: int) -> int:
    """Return the next frame outwards that throws for nobody, -1 where there is none."""
    for other in range(at - 1, -1, -1):
        one = looks[other]
        if one.tier == tier and one.named and one.where and not one.helper:
            return other
    return -1


def _outermost(stack: Stack) -> tuple[int, ...]:
    return next(((at,) for at, one in enumerate(stack.looks) if one.tier == APP and one.named), ()) or _top(stack)


def _cycle(stack: Stack) -> tuple[int, ...]:
    """Return the innermost occurrences of the frames that keep coming back."""
    counts: dict[str, int] = {}
    last: dict[str, int] = {}
    for at, one in enumerate(stack.looks):
        if one.where and one.tier == stack.tier:
            counts[one.where] = counts.get(one.where, 0) + 1
            last[one.where] = at
    most = max(counts.values(), default=0)
    return tuple(last[where] for where, count in counts.items() if count > 1 and count * 4 >= most)


def page(url: str) -> str:
    """Return the page of an address as it counts: its last two parts, without query, with a place holder for an id."""
    return place(url) if "://" in url else url.partition("?")[0].partition("#")[0]


@lru_cache(maxsize=2048)
def type_of(name: str) -> str:
    """Return an exception's type without its package, generic arguments and what dart2js made up."""
    text = minified(name[:_TYPE]).partition("`")[0].strip()
    if text.replace(".", "").replace("_", "").replace("$", "").isalnum() and not text[:1].isdigit():
        text = text.rpartition(".")[2]
    return text


def _variant(event: Event, judgement: Judgement) -> tuple[str, ...]:
    frames: list[str] = []
    for leaf in judgement.leaves:
        best = leaf.stack.tier
        frames += [one.where for one in leaf.stack.looks if one.tier == best and one.where]
    types = [minified(one.type) for one in event.exceptions]
    if len(set(frames)) < len(frames):
        frames = collapsed(frames)
    return (*judgement.key, "\1".join(types), *frames[-FRAMES:])


def id_of(project: int, level: str, parts: tuple[str, ...]) -> str:
    """Return the id of a key on one level: ``group``, ``coarse`` or ``variant``."""
    known = _remembered if sum(map(len, parts)) <= _REMEMBERED else _digest
    return known(project, level, parts)


def _digest(project: int, level: str, parts: tuple[str, ...]) -> str:
    text = dumps([project, VERSION, level, *parts])  # ASCII, and no two keys give one text
    return blake2b(text.encode(), digest_size=16).hexdigest()


_remembered: Final = lru_cache(2048)(_digest)

__all__ = ["ONE_WORD", "Judgement", "Leaf", "group", "grouped", "id_of", "judge", "page", "type_of"]
