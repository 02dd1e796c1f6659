"""Evidence by line: what one line of one build raises is one statement, whatever its words.

*Bucket*: the sights of one statement in one build, known by the lines of the raise and of its caller. Its keys are one.
*Signature*: what the texts of a bucket have in common; it links the buckets of one statement over builds, whose lines
differ. Texts without lines are linked by what many of them have in common (``template``).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from app.grouping.g2.decision import Spot
from app.grouping.kinship.features import Features
from app.grouping.kinship.runtimes import is_worded_by_run_time
from app.grouping.kinship.stages import CANDIDATES, RULES, Edge, Refused, Row, Stage, admits_none, node
from app.grouping.kinship.texts import Shape, has_shape, letters, shape_of, words_of

TEXTS: Final = 4
"""Different texts of a bucket that make its signature: those born first."""
KEYS: Final = 12
"""Keys without lines that must have a beginning or an end in common before it tells a statement."""
LETTERS: Final = 6
"""Letters of words that beginning and end of a signature hold: fewer fit texts of other statements."""
FEW_LETTERS, ALL_LETTERS = 4, 12
"""Or so many there, and with the words between them so many: ``clerk … is away until …``."""
TEMPLATE_LETTERS: Final = 8
"""The same of a template without lines: 6 lumped ``… for quince`` of two statements."""

_BEGINS, _ENDS = "begins", "ends"

Guard = Callable[[Features], bool]


def _another_rule(one: Features) -> bool:
    return one.rule not in RULES or one.cycle or bool(one.explosion)


def _foreign_type(one: Features) -> bool:
    """Tell a type of another package than the application's, raised at the application's line of Python."""
    if one.family != "python" or not one.module or one.module in ("builtins", "__main__"):
        return False
    return one.module.partition(".")[0] != one.raised.where.partition(" ")[0].partition(".")[0].partition("/")[0]


GUARDS: Final[tuple[tuple[Guard, Refused], ...]] = (
    (_another_rule, Refused("rule", "the key says for itself what belongs together: a fingerprint, a hang, a cycle")),
    (lambda one: one.read, Refused("read", "the statement was read: its literal tells more than its line")),
    (
        lambda one: one.library or (bool(one.top) and not one.in_app),
        Refused("library", "a library raised: one line of the application meets many of its errors"),
    ),
    (
        lambda one: one.silent,
        Refused("silent", "the line shows no raise: the interpreter raised there, and one line holds several errors"),
    ),
    (
        lambda one: is_worded_by_run_time(one.type, one.text),
        Refused("run time", "a run time words this error: two properties are read on one line"),
    ),
    (
        _foreign_type,
        Refused("foreign type", "an extension raised a type of another package at the application's line"),
    ),
)
"""What keeps a sight out of all evidence by line; the first that holds is told."""
NO_LINE: Final = Refused("no line", "the client sends no line of the raise")


class Bucket(NamedTuple):
    """One statement in one build, as far as lines tell."""

    grouping: str
    build: str
    type: str
    raised: Spot
    caller: Spot
    """Without it, all that a helper in one place throws for its callers would be one."""
    tokens: tuple[str, ...]
    """Identity in the text: another column or status at one line is another bug."""
    cause: str
    """Of Go the innermost wrapped error: one report in one place tells of many bugs."""

    @property
    def node(self) -> str:
        """Return the name under which keys are joined to this bucket."""
        facts = (self.grouping, self.build, self.type, *self.raised, *self.caller, self.cause, *self.tokens)
        return node("line", facts)


def refused(one: Features) -> Refused | None:
    """Return the guard that keeps a sight out of evidence by line, None where none does."""
    return next((guard for holds, guard in GUARDS if holds(one)), None)


def bucket_of(one: Features) -> Bucket | Refused:
    """Return the bucket of a sight, or the guard that keeps it out of all."""
    if guard := refused(one):
        return guard
    return _bucket(one) if one.raised.line else NO_LINE


def _bucket(one: Features) -> Bucket:
    cause = wrapped_cause(one.text) if one.family == "go" else ""
    return Bucket(one.grouping, one.build, one.type, one.raised, one.caller, one.tokens, cause)


def wrapped_cause(text: str) -> str:
    """Return what stands behind the last ``: `` outside of double quotes; '' where there is none."""
    pieces = text.split('"')
    for at in range(len(pieces) - 1, -1, -1):
        if at % 2 and at != len(pieces) - 1:
            continue  # inside of quotes
        if (found := pieces[at].rfind(": ")) >= 0:
            return '"'.join([pieces[at][found + 2 :], *pieces[at + 1 :]])
    return ""


def line_rows(one: Features) -> list[Row]:
    """Return the rows of a sight: bucket, signature and callers; or, without lines, those of its template."""
    bucket = bucket_of(one)
    if isinstance(bucket, Bucket):
        place = (one.type, bucket.raised.where)
        facts = (*bucket.tokens, "\2", bucket.cause)
        return [
            Row("line", (bucket.node,)),
            Row("signature", (*place, bucket.caller.where, *facts)),
            Row("callers", (bucket.build, *place, bucket.raised.line, *facts)),
        ]
    words = words_of(one.text)
    if bucket is not NO_LINE or len(words) < 2:  # noqa: PLR2004  what a beginning or an end is made of
        return []
    site = (one.type, one.top, *one.tokens, "\2")
    return [Row("template", (_BEGINS, *site, *words[:2])), Row("template", (_ENDS, *site, *words[-2:]))]


def line_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join a key to its bucket."""
    del before
    where = f"{one.raised.where}:{one.raised.line}"
    called = f", called at {one.caller.where}:{one.caller.line}" if one.caller.where else ""
    return [Edge(one.key, row.parts[0], "line", 1.0, (f"raised at {where}{called} in {one.build}",), one.born)]


class _Known:
    """One bucket in a row: a sight of it, and its texts by birth."""

    def __init__(self, one: Features) -> None:
        self.one = one
        self.texts: list[str] = []

    @property
    def node(self) -> str:
        return _bucket(self.one).node

    @cached_property
    def shape(self) -> Shape:
        return shape_of(tuple(self.texts))

    @cached_property
    def tells(self) -> bool:
        if len(self.texts) < 2:  # noqa: PLR2004  one text has all its data in common with itself
            return False
        ends = self.shape.letters
        return ends >= LETTERS or (ends >= FEW_LETTERS and ends + letters(list(self.shape.between)) >= ALL_LETTERS)


def _lines(one: Features) -> tuple[str, Spot, Spot]:
    """Return what tells the buckets of one row apart."""
    return one.build, one.raised, one.caller


def _buckets(sights: Sequence[Features]) -> dict[tuple[str, Spot, Spot], _Known]:
    known: dict[tuple[str, Spot, Spot], _Known] = {}
    for sight in sights:
        lines = _lines(sight)
        if lines not in known:
            known[lines] = _Known(sight)
        known[lines].texts.append(sight.text)
    return known


def admits_bucket(before: Sequence[Features], one: Features) -> bool:
    """Admit the first TEXTS different texts of the first CANDIDATES buckets of a row."""
    mine = _lines(one)
    texts = [other.text for other in before if _lines(other) == mine]
    if texts:
        return len(texts) < TEXTS and one.text not in texts
    return len(before) < CANDIDATES or len({_lines(other) for other in before}) < CANDIDATES


def signature_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Link the bucket of a sight to those of other builds that it fits, and those that fit it.

    Only where no other line of either build fits as well: else a text seen at both would join two statements.
    """
    del row
    known = _buckets([*before, one])
    mine = known.pop(_lines(one))
    builds: dict[str, list[_Known]] = {}
    for other in known.values():
        builds.setdefault(other.one.build, []).append(other)
    builds.setdefault(one.build, []).append(mine)
    others = [other for other in known.values() if other.one.build != one.build]
    pairs = [(mine, other) for other in others] + [(other, mine) for other in others]
    return [
        Edge(
            part.node, whole.node, "signature", 1.0,
            (f"in {part.one.build} as in {whole.one.build}: “{readable(whole.shape)}”",), one.born,
        )
        for part, whole in pairs
        if _fits(part, whole) and not _contested(part, whole, builds)
    ]  # fmt: skip


def _fits(part: _Known, whole: _Known) -> bool:
    return whole.tells and all(has_shape(whole.shape, text) for text in part.texts)


def _contested(part: _Known, whole: _Known, builds: Mapping[str, Sequence[_Known]]) -> bool:
    """Tell whether another line of either build leaves it open which statement ``part`` is."""
    for other in builds[whole.one.build]:
        # a day may hold two builds, and so one statement at two lines
        if other.one.raised != whole.one.raised and (_fits(part, other) or (other.one.release and _fits(other, whole))):
            return True
    return any(
        other.one.release and other.one.raised != part.one.raised and _fits(other, whole)
        for other in builds[part.one.build]
    )


def callers_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join two callers of one line whose texts have the same in common."""
    del row
    known = _buckets([*before, one])
    mine = known.pop(_lines(one))
    if not mine.tells:
        return []
    why = (f"one line called from two places: “{readable(mine.shape)}”",)
    return [
        Edge(mine.node, other.node, "callers", 1.0, why, one.born)
        for other in known.values()
        if other.tells and _same(other.shape, mine.shape)
    ]


def _same(one: Shape, other: Shape) -> bool:
    return one.start == other.start and one.end == other.end


def admits_key(before: Sequence[Features], one: Features) -> bool:
    """Admit the first KEYS keys of different texts."""
    return len(before) < KEYS and all(one.key != other.key and one.text != other.text for other in before)


def template_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join keys without lines to the template that the first KEYS of the row have in common."""
    first = [*before, one] if admits_key(before, one) else before
    if len(first) < KEYS:
        return []
    shape = shape_of(tuple([sight.text for sight in first]))
    if not _tells_statement(row, shape, first):
        return []
    joined = first if first is not before else [one] if has_shape(shape, one.text) else []
    name = node("template", row.parts)
    why = (f"{KEYS} texts of one function: “{readable(shape)}”",)
    return [Edge(sight.key, name, "template", 1.0, why, one.born) for sight in joined]


def _tells_statement(row: Row, shape: Shape, first: Sequence[Features]) -> bool:
    if shape.letters < TEMPLATE_LETTERS:
        return False
    # where only the end is common, two statements that end alike would be one: many different first words say no
    return row.parts[0] == _BEGINS or bool(shape.start) or len({words_of(one.text)[0] for one in first}) * 2 >= KEYS


def readable(shape: Shape) -> str:
    """Return a shape for people."""
    return " ".join([*shape.start, "…", *shape.end])


STAGES: Final = {
    "line": Stage(admits_none, line_step, open=True),
    "signature": Stage(admits_bucket, signature_step),
    "callers": Stage(admits_bucket, callers_step),
    "template": Stage(admits_key, template_step, open=True),
}
"""By the name of a row's stage."""
