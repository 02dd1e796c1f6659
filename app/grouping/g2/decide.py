"""The judgement of one event as the plain values that keys are compared by."""

from typing import Final

from app.grouping.g1.key import collapsed
from app.grouping.g1.message import first_line
from app.grouping.g2.chain import Stack
from app.grouping.g2.decision import NOWHERE, Decision, Spot
from app.grouping.g2.frames import APP, Look
from app.grouping.g2.identity import tokens
from app.grouping.g2.key import FRAMES, Judgement, Leaf, judge
from app.grouping.g2.lists import FAMILIES
from app.model import Event, Frame

_MINIFIED: Final = 200
"""Columns from which on a line is taken for minified: its column is part of the place."""
_NAMES: Final = 8
"""Characters of a hexadecimal address at most, twice."""


def decide(event: Event) -> Decision:
    """Return what one event says of its own grouping: a pure function of the event, as the key is."""
    return decision_of(event, judge(event))


def decision_of(event: Event, judgement: Judgement) -> Decision:
    """Return the decision of an event whose judgement is known."""
    leaf = judgement.leaves[0]
    stack, raising = leaf.stack, leaf.raising
    counted = leaf.counted[0] if leaf.counted else -1
    return Decision(
        rule=judgement.rule,
        family=_family(event, stack),
        type=leaf.type,
        module=_module(leaf),
        text=first_line(leaf.text),
        template=leaf.template,
        raised=_spot(stack, raising.at),
        caller=_spot(stack, _caller(stack, raising.at)),
        read=raising.said is not None,
        library=raising.library,
        silent=raising.silent,
        helper=len(leaf.counted) > 1 and leaf.rule != "cycle",
        cycle=leaf.rule == "cycle",
        tokens=tokens(first_line(leaf.text)),
        frames=_classes(stack),
        top=stack.looks[counted].where if counted >= 0 else "",
        in_app=counted >= 0 and stack.looks[counted].tier == APP,
        key=judgement.key,
    )


def _family(event: Event, stack: Stack) -> str:
    if own := FAMILIES.get(event.platform):
        return own
    return next((one.family for one in reversed(stack.looks) if one.family), "")


def _module(leaf: Leaf) -> str:
    """Return the package of the type: its own path first, then what the client says beside it."""
    raised = leaf.stack.raised
    if raised is None:
        return ""
    head = raised.type.rpartition(".")[0]
    return head if head and head.replace(".", "").replace("_", "").isalnum() else raised.module


def _spot(stack: Stack, at: int) -> Spot:
    return Spot(stack.looks[at].where, _line(stack.frames[at])) if at >= 0 else NOWHERE


def _line(frame: Frame) -> str:
    if frame.line:
        minified = frame.column is not None and (frame.line == 1 or frame.column > _MINIFIED)
        return f"{frame.line}:{frame.column}" if minified else str(frame.line)
    address, image = _number(frame.address), _number(frame.image)
    return f"+{address - image:#x}" if address is not None and image is not None and address >= image else ""


def _number(text: str) -> int | None:
    try:
        return int(text, 0) if 0 < len(text) <= 2 * _NAMES + 4 else None
    except ValueError:
        return None


def _caller(stack: Stack, at: int) -> int:
    return next((outer for outer in range(at - 1, -1, -1) if stack.looks[outer].tier == APP), -1)


def _classes(stack: Stack) -> tuple[str, ...]:
    """Return the places of the frames that count, the innermost first, without functions."""
    best = [_class(one) for one in stack.looks if one.tier == stack.tier and one.where]
    if len(set(best)) < len(best):
        best = collapsed(best)
    return tuple(best[::-1][:FRAMES])


def _class(one: Look) -> str:
    if one.place:
        return one.place
    return one.where.rpartition("::")[0] or one.where
