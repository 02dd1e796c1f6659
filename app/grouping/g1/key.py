"""The key of a group: type, the place that counts, the message's template; one pure pass over the event."""

from functools import lru_cache
from hashlib import blake2b
from json import dumps
from typing import Final, NamedTuple

from app.grouping.g1.chain import Stack, stacks
from app.grouping.g1.files import place
from app.grouping.g1.frames import APP, Look
from app.grouping.g1.lists import ANR, HANG_MECHANISMS, OUT_OF_MEMORY, OVERFLOW, SIGNALS
from app.grouping.g1.message import first_line, template
from app.model import Event, Grouped

VERSION: Final = "g1"
FRAMES: Final = 40
"""Frames of a variant at most."""
TITLE: Final = 200
DEFAULT: Final = frozenset(("{{ default }}", "{{default}}"))
_REMEMBERED: Final = 4096
"""Characters of a key whose id is remembered; deep stacks of long names are not."""
_PERIOD: Final = 8
_TYPE: Final = 200
_FRAMES_SEEN: Final = 64
"""Different frames of an endless recursion at most."""


class Leaf(NamedTuple):
    """What one deciding stack gives: the parts of each level, and which frames counted."""

    stack: Stack
    type: str
    text: str
    template: str
    counted: tuple[int, ...]
    """Indices of the frames in the key, the innermost first."""
    coarse: tuple[str, ...]
    key: tuple[str, ...]


class Decision(NamedTuple):
    """How an event groups: ``rule`` names why, the rest is the material of its ids."""

    rule: str
    leaves: list[Leaf]
    coarse: tuple[str, ...]
    key: tuple[str, ...]
    low: bool
    """Nothing tells this event from others of its platform and client."""


def group(event: Event) -> Grouped:
    """Give the group of an event."""
    decision = decide(event)
    leaf = decision.leaves[0]
    variant = _variant(event, decision)
    return Grouped(
        group=_id(event.project, "group", decision.key),
        coarse=_id(event.project, "coarse", decision.coarse),
        variant=_id(event.project, "variant", variant),
        title=title(event, leaf),
        culprit=culprit(event, leaf),
        version=VERSION,
    )


def decide(event: Event) -> Decision:
    """Give what the ids of an event are made of."""
    found = [_leaf(event, stack) for stack in stacks(event)]
    rule, coarse, key = "default", found[0].coarse, found[0].key
    if len(found) > 1:
        coarse = tuple(sorted({"\1".join(leaf.coarse) for leaf in found}))
        key = tuple(sorted({"\1".join(leaf.key) for leaf in found}))
        if len(key) == 1:
            coarse, key = found[0].coarse, found[0].key
        else:
            rule, coarse, key = "exceptions of a group", ("\2tree", *coarse), ("\2tree", *key)
    low = key == ("", "", "")
    if low:
        rule, coarse, key = "nothing", ("\2nothing", event.platform), ("\2nothing", event.platform, event.sdk_name)
    if event.fingerprint:
        return _fingerprinted(event, Decision(rule, found, coarse, key, low))
    return Decision(rule, found, coarse, key, low)


def _fingerprinted(event: Event, decision: Decision) -> Decision:
    own = [value for value in event.fingerprint if value not in DEFAULT]
    if not own:
        return decision
    if len(own) == len(event.fingerprint):
        return decision._replace(
            rule="fingerprint", key=("\2fingerprint", *own), coarse=("\2fingerprint", *own), low=False
        )
    key = tuple("{{ default }}" if value in DEFAULT else value for value in event.fingerprint)
    return decision._replace(rule="fingerprint with default", key=("\2salted", *key, *decision.key), low=False)


def _leaf(event: Event, stack: Stack) -> Leaf:
    raised = stack.raised
    kind, mechanism = (type_of(raised.type), raised.mechanism.lower()) if raised else ("", "")
    text = raised.value if raised else event.template or event.message
    if raised and not kind and not text:
        text = event.template or event.message
    line = first_line(text)
    words = template(line) if line else ""
    lower = kind.lower()
    if lower in ANR or mechanism in HANG_MECHANISMS:
        counted = _outermost(stack)
        return _made(stack, "\2hang", text, "", counted) if counted else _made(stack, "\2hang", text, words, ())
    if lower in OUT_OF_MEMORY:
        return _made(stack, kind, text, "", _top(stack))
    if lower in OVERFLOW and (cycle := _cycle(stack)):
        where = tuple(sorted({stack.looks[at].where for at in cycle}))[:_FRAMES_SEEN]
        return Leaf(stack, kind, text, "", cycle, (kind, *where), (kind, *where, "cycle"))
    if words == "Script error." and stack.tier < APP:
        return Leaf(stack, kind, text, words, (), ("\2script error",), ("\2script error", words, _page(event.url)))
    if mechanism in SIGNALS and stack.tier > 0 and (counted := _top(stack)):
        return _made(stack, "", text, "", counted)
    return _made(stack, "" if raised and raised.synthetic and mechanism in SIGNALS else kind, text, words, _top(stack))


def _made(stack: Stack, kind: str, text: str, words: str, counted: tuple[int, ...]) -> Leaf:
    looks = stack.looks
    top = looks[counted[0]].where if counted else ""
    coarse = (kind, top) if top else (kind, "", words)
    key = (kind, "\1".join([looks[at].where for at in counted]), words) if len(counted) > 1 else (kind, top, words)
    return Leaf(stack, kind, text, words, counted, coarse, key)


def _top(stack: Stack) -> tuple[int, ...]:
    """Give the innermost frame of the best tier; of a throw helper also the next."""
    looks, tier = stack.looks, stack.tier
    if tier < 0:
        return ()
    spare = -1
    for at in range(len(looks) - 1, -1, -1):
        one = looks[at]
        if one.tier != tier or not one.where:
            continue
        if one.named:
            top = _unfolded(looks, at)
            return (top, after) if tier and looks[top].helper and (after := _after(looks, top, tier)) >= 0 else (top,)
        spare = at if spare < 0 else spare
    return (spare,)


def _unfolded(looks: list[Look], at: int) -> int:
    while at and looks[at].folded and looks[at - 1].place == looks[at].place:
        at -= 1
    return at


def _after(looks: list[Look], at: int, tier: int) -> int:
    """Give the next frame outwards that throws for nobody, -1 where there is none."""
    for other in range(at - 1, -1, -1):
        one = looks[other]
        if one.tier == tier and one.named and one.where and not one.helper:
            return other
    return -1


def _outermost(stack: Stack) -> tuple[int, ...]:
    return next(((at,) for at, one in enumerate(stack.looks) if one.tier == APP and one.named), ()) or _top(stack)


def _cycle(stack: Stack) -> tuple[int, ...]:
    """Give the innermost occurrences of the frames that keep coming back."""
    counts: dict[str, int] = {}
    last: dict[str, int] = {}
    for at, one in enumerate(stack.looks):
        if one.where and one.tier == stack.tier:
            counts[one.where] = counts.get(one.where, 0) + 1
            last[one.where] = at
    most = max(counts.values(), default=0)
    return tuple(last[where] for where, count in counts.items() if count > 1 and count * 4 >= most)


def _page(url: str) -> str:
    return place(url) if "://" in url else url.partition("?")[0].partition("#")[0]


@lru_cache(maxsize=2048)
def type_of(name: str) -> str:
    """Give an exception's type without its package and generic arguments."""
    text = name[:_TYPE].partition("`")[0].strip()
    if text.replace(".", "").replace("_", "").replace("$", "").isalnum() and not text[:1].isdigit():
        text = text.rpartition(".")[2]
    return text


def _variant(event: Event, decision: Decision) -> tuple[str, ...]:
    frames: list[str] = []
    for leaf in decision.leaves:
        best = leaf.stack.tier
        frames += [where for tier, where, *_ in leaf.stack.looks if tier == best and where]
    types = [one.type for one in event.exceptions]
    if len(set(frames)) < len(frames):
        frames = collapsed(frames)
    return (*decision.key, "\1".join(types), *frames[-FRAMES:])


def collapsed(frames: list[str]) -> list[str]:
    """Drop repetitions of 1 to 8 frames: recursion counts once, however deep."""
    kept: list[str] = []
    for frame in frames:
        kept.append(frame)
        for period in range(1, min(_PERIOD, len(kept) // 2) + 1):
            if kept[-1 - period] == frame and kept[-period:] == kept[-2 * period : -period]:
                del kept[-period:]
                break
    return kept


def _id(project: int, level: str, parts: tuple[str, ...]) -> str:
    known = _remembered if sum(map(len, parts)) <= _REMEMBERED else _digest
    return known(project, level, parts)


def _digest(project: int, level: str, parts: tuple[str, ...]) -> str:
    text = dumps([project, VERSION, level, *parts])  # ASCII, and no two keys give one text
    return blake2b(text.encode(), digest_size=16).hexdigest()


_remembered: Final = lru_cache(2048)(_digest)


def title(event: Event, leaf: Leaf) -> str:
    """Give ``Type: message`` for people."""
    kind = leaf.stack.raised.type if leaf.stack.raised else ""
    line = first_line(event.message or leaf.text if not leaf.stack.raised else leaf.text)
    return (f"{kind}: {line}" if kind and line else kind or line or "unknown")[:TITLE]


def culprit(event: Event, leaf: Leaf) -> str:
    """Give where: function and module or file of the frame that counted, else the transaction."""
    if not leaf.counted:
        return event.transaction
    frame = leaf.stack.frames[leaf.counted[0]]
    name, where = frame.function or frame.symbol, frame.module or frame.file or frame.abs_path or frame.package
    return f"{name} in {where}" if name and where else name or where
