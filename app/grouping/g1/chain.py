"""Which exception of a chain or tree decides, and with which stack."""

from typing import Final, NamedTuple

from app.grouping.g1.frames import APP, LIBRARY, SYSTEM, Look, family_of, look
from app.model import Event, Frame, Raised, Thread

_LARGEST_TREE: Final = 100
"""Exceptions; more are read as a plain chain."""


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
    """Give the deciding stacks: one, or one for each leaf of a group of exceptions that hold different ones."""
    family = family_of(event.platform)
    raised = event.exceptions
    if not raised:
        return [stack_of(family, None, thread_frames(event.threads, ""))]
    chains = tree(raised) if len(raised) > 1 and any(one.is_group for one in raised) else [raised]
    return [_deciding(event, family, chain) for chain in chains]


def _deciding(event: Event, family: str, chain: list[Raised]) -> Stack:
    """Give the innermost exception that owns a frame of the application, else a library's, else the innermost."""
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


def thread_frames(threads: list[Thread], named: str) -> list[Frame]:
    """Give the frames of the one thread that is named, crashed, current or main, or that is alone."""
    for chosen in (
        [one for one in threads if named and one.id == named],
        [one for one in threads if one.crashed],
        [one for one in threads if one.current],
        [one for one in threads if one.main],
        threads,
    ):
        if len(chosen) == 1:
            return chosen[0].frames
    return []


def tree(raised: list[Raised]) -> list[list[Raised]]:
    """Give the chain (causes first) of each leaf; a broken tree is one plain chain.

    Source: Sentry's RFC 79: ``exception_id`` and ``parent_id`` of mechanisms; a group itself never counts.
    """
    ids = [one.exception_id for one in raised]
    known = set(ids)
    roots = [one for one in raised if one.parent_id is None]
    if None in known or len(known) < len(ids) or len(roots) != 1 or len(raised) > _LARGEST_TREE:
        return [_ungrouped(raised)]
    children: dict[int | None, list[Raised]] = {}
    for one in raised:
        children.setdefault(one.parent_id, []).append(one)
    reached: list[Raised] = []
    chains = _branches(roots[0], children, reached)
    return chains if len(reached) == len(raised) else [_ungrouped(raised)]


def _ungrouped(raised: list[Raised]) -> list[Raised]:
    return [one for one in raised if not one.is_group] or raised


def _branches(node: Raised, children: dict[int | None, list[Raised]], reached: list[Raised]) -> list[list[Raised]]:
    reached.append(node)
    below = [chain for child in children.get(node.exception_id, []) for chain in _branches(child, children, reached)]
    if not below:
        return [[node]]
    return below if node.is_group else [[*chain, node] for chain in below]
