"""Which exception of a chain or tree decides, and with which stack: as the first grouping, over this one's frames."""

from typing import NamedTuple

from app.grouping.g1.chain import thread_frames, tree
from app.grouping.g2.frames import APP, LIBRARY, SYSTEM, Look, family_of, look
from app.model import Event, Frame, Raised


class Stack(NamedTuple):
    """One exception (None: a message) with its frames, innermost last, as they count."""

    raised: Raised | None
    frames: list[Frame]
    looks: list[Look]
    tier: int
    """The highest tier that a frame with a place has; -1 where there is none."""


def stack_of(family: str, raised: Raised | None, frames: list[Frame]) -> Stack:
    """Judge all frames of one stack."""
    looks = [look(family, f.function, f.module, f.file, f.abs_path, f.package, f.symbol, f.in_app) for f in frames]
    return Stack(raised, frames, looks, max([one.tier for one in looks if one.where], default=-1))


def stacks(event: Event) -> list[Stack]:
    """Return the deciding stacks: one, or one for each leaf of a group of exceptions that hold different ones."""
    family = family_of(event.platform)
    raised = event.exceptions
    if not raised:
        return [stack_of(family, None, thread_frames(event.threads, ""))]
    chains = tree(raised) if len(raised) > 1 and any(one.is_group for one in raised) else [raised]
    return [_deciding(event, family, chain) for chain in chains]


def _deciding(event: Event, family: str, chain: list[Raised]) -> Stack:
    """Return the innermost exception that owns a frame of the application, else a library's, else the innermost."""
    if len(chain) == 1:
        return _with_thread(event, family, chain[0])
    found = []
    for raised in chain:
        stack = stack_of(family, raised, raised.frames)
        if stack.tier == APP:
            return stack
        found.append(stack)
    for stack in found:
        if stack.tier in (LIBRARY, SYSTEM):
            return stack
    return _with_thread(event, family, chain[0])


def _with_thread(event: Event, family: str, raised: Raised) -> Stack:
    frames = raised.frames or (thread_frames(event.threads, raised.thread_id) if event.threads else [])
    if not frames and raised is not event.exceptions[-1]:
        frames = event.exceptions[-1].frames  # leaves of a group may come without a stack of their own
    return stack_of(family, raised, frames)
