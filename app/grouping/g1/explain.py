"""Why an event grouped as it did: every part that was looked at, from the same decision that the ids come from."""

from app.grouping.g1.frames import LIBRARY, Look
from app.grouping.g1.key import Decision, Leaf, decide
from app.model import Event, Frame, Part, Raised


def explain(event: Event) -> list[Part]:
    """Give every part of the event, what it was normalised to, whether it counted and why."""
    decision = decide(event)
    own = decision.rule == "fingerprint"
    parts = [_fingerprint(event, decision)] if event.fingerprint else []
    deciding = [id(leaf.stack.raised) for leaf in decision.leaves]
    if not own:
        parts += [_outer(raised) for raised in event.exceptions if id(raised) not in deciding]
    for leaf in decision.leaves:
        parts += _leaf(leaf, own=own)
    if "\2script error" in decision.key:
        parts.append(Part("page", event.url, decision.key[-1], counted=not own, why="nothing but the page is known"))
    if decision.rule == "nothing":
        why = "no frame, no type, no message: all such events of one client are one group"
        parts.append(Part("client", event.sdk_name, " ".join(decision.key[1:]), counted=True, why=why))
    return parts


def _fingerprint(event: Event, decision: Decision) -> Part:
    whys = {
        "fingerprint": "the client's own fingerprint decides alone",
        "fingerprint with default": "the client's fingerprint counts beside the default grouping",
    }
    raw = ", ".join(event.fingerprint)
    why = whys.get(decision.rule, "it asks for the default grouping")
    return Part("fingerprint", raw, raw, counted=decision.rule in whys, why=why)


def _outer(raised: Raised) -> Part:
    if raised.is_group:
        why = "a group of exceptions never counts itself: those within do"
    else:
        why = "another exception of the chain decides: the innermost one with a frame of the application"
    return Part("exception", f"{raised.type}: {raised.value}"[:400], raised.type, counted=False, why=why)


def _leaf(leaf: Leaf, *, own: bool) -> list[Part]:
    raised, parts = leaf.stack.raised, []
    if raised and raised.type:
        kept = bool(leaf.type)
        why = "the deciding exception's type" if kept else "the type names a signal only: the stack decides"
        parts.append(Part("type", raised.type, leaf.type, counted=kept and not own, why=_unless(own, why)))
    if leaf.text:
        kept = bool(leaf.template)
        why = "data became placeholders" if kept else "sizes, addresses or moments only: the stack decides"
        parts.append(Part("message", leaf.text[:1000], leaf.template, counted=kept and not own, why=_unless(own, why)))
    looked = zip(leaf.stack.frames, leaf.stack.looks, strict=True)
    return parts + [_frame(leaf, at, frame, one, own=own) for at, (frame, one) in enumerate(looked)]


def _frame(leaf: Leaf, at: int, frame: Frame, one: Look, *, own: bool) -> Part:
    raw = " ".join(text for text in (frame.function or frame.symbol, frame.module, frame.file or frame.package) if text)
    counted = at in leaf.counted and not own
    return Part("frame", raw, one.where, counted=counted, why=_unless(own, _why(leaf, at, one)))


def _why(leaf: Leaf, at: int, one: Look) -> str:
    if at in leaf.counted:
        return _why_counted(leaf, at, one)
    if not one.where:
        return "neither name nor place"
    if one.tier < leaf.stack.tier:
        return one.why
    if one.folded:
        return "a comprehension is part of its function"
    if not one.named:
        return "no name, or one that a build made up"
    return f"{one.why}, but another frame decides"


def _why_counted(leaf: Leaf, at: int, one: Look) -> str:
    if leaf.key[-1] == "cycle":
        return "it keeps coming back: part of the endless recursion"
    if leaf.type == "\2hang":
        return "the outermost frame of the application on the thread that hangs"
    if at != leaf.counted[0]:
        return "the frame below only throws: its caller counts too"
    if one.tier < LIBRARY:
        return "no frame of the application or a library: the innermost one decides"
    return f"the innermost frame that counts: {one.why}"


def _unless(own: bool, why: str) -> str:
    return "the client's own fingerprint decides" if own else why
