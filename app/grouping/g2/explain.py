"""Why an event grouped as it did: every part that was looked at, from the same judgement that the ids come from."""

from app.grouping.g2.frames import LIBRARY, Look
from app.grouping.g2.key import ONE_WORD, Judgement, Leaf, judge
from app.model import Event, Frame, Part, Raised

_READ = {
    "statement": "the statement that raised it: its constant text decides, what fills its holes is data",
    "helper": "the text that a caller passed to a function that throws for it",
    "library": "the text that the application's line passed to the library that raised",
    "record": "the record's own template, as the SDK sent it",
}


def explain(event: Event) -> list[Part]:
    """Return every part of the event, what it was normalised to, whether it counted and why."""
    judgement = judge(event)
    own = judgement.rule == "fingerprint"
    parts = [_fingerprint(event, judgement)] if event.fingerprint else []
    deciding = [id(leaf.stack.raised) for leaf in judgement.leaves]
    if not own:
        parts += [_outer(raised) for raised in event.exceptions if id(raised) not in deciding]
    for leaf in judgement.leaves:
        parts += _leaf(leaf, own=own)
    if any(leaf.rule == "script error" for leaf in judgement.leaves):
        page = judgement.leaves[0].key[-1]
        parts.append(Part("page", event.url, page, counted=not own, why="nothing but the page is known"))
    if judgement.rule == "nothing":
        why = "no frame, no type, no message: all such events of one client are one group"
        parts.append(Part("client", event.sdk_name, " ".join(judgement.key[1:]), counted=True, why=why))
    return parts


def _fingerprint(event: Event, judgement: Judgement) -> Part:
    whys = {
        "fingerprint": "the client's own fingerprint decides alone",
        "fingerprint with default": "the client's fingerprint counts beside the default grouping",
    }
    raw = ", ".join(event.fingerprint)
    why = whys.get(judgement.rule, "it asks for the default grouping")
    return Part("fingerprint", raw, raw, counted=judgement.rule in whys, why=why)


def _outer(raised: Raised) -> Part:
    if raised.is_group:
        why = "a group of exceptions never counts itself: those within do"
    else:
        why = "another exception of the chain decides: the innermost one with a frame of the application"
    return Part("exception", f"{raised.type}: {raised.value}"[:400], raised.type, counted=False, why=why)


def _leaf(leaf: Leaf, *, own: bool) -> list[Part]:
    raised, parts = leaf.stack.raised, list[Part]()
    if raised and raised.type:
        kept = bool(leaf.type)
        why = "the deciding exception's type" if kept else "the type names a signal only: the stack decides"
        parts.append(Part("type", raised.type, leaf.type, counted=kept and not own, why=_unless(own, why)))
    if leaf.text:
        why = _unless(own, _why_message(leaf))
        parts.append(Part("message", leaf.text[:1000], leaf.template, counted=bool(leaf.template) and not own, why=why))
    parts += _statement(leaf, own=own)
    looked = zip(leaf.stack.frames, leaf.stack.looks, strict=True)
    return parts + [_frame(leaf, at, frame, one, own=own) for at, (frame, one) in enumerate(looked)]


def _statement(leaf: Leaf, *, own: bool) -> list[Part]:
    """Return the statement that was read, and each of its holes: identity or data."""
    said = leaf.raising.said
    if said is None:
        return []
    parts = [Part("statement", said.statement, said.template, counted=not own, why=_unless(own, _READ[said.rule]))]
    for hole in said.holes:
        why = (
            "a code, or a name in code beside a noun of code: identity" if hole.identity else "data: it does not count"
        )
        value = hole.value[:200] if hole.identity else "<>"
        raw = f"{hole.expression} = {hole.value[:200]}" if hole.expression else hole.value[:200]
        parts.append(Part("hole", raw, value, counted=hole.identity and not own, why=_unless(own, why)))
    return parts


def _why_message(leaf: Leaf) -> str:
    raising = leaf.raising
    if raising.said is not None and leaf.template:
        return _READ[raising.said.rule]
    reasons = (
        (not leaf.template, "sizes, addresses or moments only: the stack decides"),
        (bool(raising.words), "the line that raised shows an expression in the key's place: the key is data"),
        (leaf.template == ONE_WORD, "one word without prose is data: the place decides"),
        (raising.library, "a library raised: its message tells bugs apart; data became placeholders"),
        (raising.silent, "the line shows no raise, the run time raised there: its message tells bugs apart"),
    )
    return next((why for holds, why in reasons if holds), "no statement was read; data became placeholders")


def _frame(leaf: Leaf, at: int, frame: Frame, one: Look, *, own: bool) -> Part:
    raw = " ".join(text for text in (frame.function or frame.symbol, frame.module, frame.file or frame.package) if text)
    counted = at in leaf.counted and not own
    return Part("frame", raw, one.where, counted=counted, why=_unless(own, _why(leaf, at, one)))


def _why(leaf: Leaf, at: int, one: Look) -> str:
    if at in leaf.counted:
        return _why_counted(leaf, at, one)
    reasons = (
        (not one.where, "neither name nor place"),
        (one.machinery, "it only carries the error"),
        (one.tier < leaf.stack.tier, one.why),
        (one.folded, "a comprehension is part of its function"),
        (not one.named, "no name, or one that a build made up"),
    )
    return next((why for holds, why in reasons if holds), f"{one.why}, but another frame decides")


def _why_counted(leaf: Leaf, at: int, one: Look) -> str:
    if leaf.rule == "cycle":
        return "it keeps coming back: part of the endless recursion"
    if leaf.rule == "hang":
        return "the outermost frame of the application on the thread that hangs"
    if at != leaf.counted[0]:
        return _why_caller(leaf, at)
    if one.tier < leaf.stack.tier:
        return "the application's frame next to it has no name: the named frame that it called decides"
    if one.tier < LIBRARY:
        return "no frame of the application or a library: the innermost one decides"
    return f"the innermost frame that counts: {one.why}"


def _why_caller(leaf: Leaf, at: int) -> str:
    if leaf.raising.said is not None and leaf.raising.said.caller == at:
        return "it passed the text to the function that throws for it"
    if leaf.raising.shown_helper == at:
        return "what is raised is visibly a parameter of the frame below: its caller counts too"
    return "the frame below only throws or checks: its caller counts too"


def _unless(own: bool, why: str) -> str:
    return "the client's own fingerprint decides" if own else why
