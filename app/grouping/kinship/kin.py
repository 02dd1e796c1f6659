"""The comparison of keys of one project, step by step: sights in, decisions out; the state is plain and serialisable.

What is joined follows from the set of sights, the rules and the decisions of people, not from the order in which they
came: each sight brings edges to sights that were born before it (``stages``), and groups are the components over all
edges (``components``). A sight that was born after all others parts nothing. One that comes late (a slow partition)
takes its place in the order of birth; what then differs is decided anew, and told.

A service keeps the same state in a database, by project:

- *sights* (key, build): features, birth. One row is read and written for each sight.
- *rows* (row, birth, sight, admitted): one for each of the at most 10 rows of a sight. Read: those admitted, at most 64
  (of lines 64 buckets of 4 texts). Where a sight is admitted before others: those born after it, to decide them anew.
- *edges* (a, b, stage, born): written; read by node only where a decision of a person is near or edges go away.
- *keys* (key, birth, root): the roots of both ends of a new edge are read, and the keys of the younger root written.
- *rules*: read by type and top frame; *recent*: the last 64 keys of one type and top frame.

Once made, a rule is a fact like a decision of a person: later sights do not unmake it.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from app.grouping.kinship import lines, messages, places, similar
from app.grouping.kinship.components import Change, Forest, Manual
from app.grouping.kinship.explosion import RULES, WINDOW, Rule, by_statement, detect, match
from app.grouping.kinship.features import SCHEMA, Birth, Features
from app.grouping.kinship.stages import Edge, Row, Stage

SIGHTS: Final = 50_000
"""Sights of a project that are compared; of more the ones born last stay alone until older ones are forgotten."""

STAGES: Final[dict[str, Stage]] = {**lines.STAGES, **messages.STAGES, **similar.STAGES, **places.STAGES}


class Decision(NamedTuple):
    """What a sight, or a person, decided."""

    kind: Literal["join", "part", "suggest", "rule"]
    """``join``: all that went by ``key`` goes by ``root``. ``part``: ``key`` alone goes by ``root`` from now on, which
    may be itself. ``suggest``: ``key`` and ``root`` look alike, a person decides. ``rule``: ``rule`` was made."""
    key: str
    root: str
    edge: Edge | None = None
    """What brought it: stage, score and reasons, where one edge did."""
    rule: Rule | None = None


class State(msgspec.Struct, frozen=True, array_like=True):
    """All that cannot be computed anew."""

    schema: int
    sights: list[Features]
    born: list[tuple[str, Birth]]
    kept: list[Edge]
    """Edges of sights that were forgotten."""
    rules: list[Rule]
    decisions: list[Manual]
    taken_back: list[Rule] = []
    """Rules that a person took back: their statements get none again."""


class _Members:
    """One row: its sights by birth, and those that others are compared with."""

    __slots__ = ("admitted", "all")

    def __init__(self) -> None:
        self.all: list[tuple[Birth, str]] = []
        self.admitted: list[tuple[Birth, str]] = []


def rows_of(one: Features) -> list[Row]:
    """Return the rows that a sight is compared in, at most 10."""
    found = [*lines.line_rows(one), *messages.message_rows(one), *similar.similar_rows(one), *places.place_rows(one)]
    return [Row(stage, (one.grouping, *parts)) if stage != "line" else Row(stage, parts) for stage, parts in found]


class Kin:
    """The state of one project."""

    def __init__(self) -> None:
        """Begin without sights."""
        self._sights: dict[str, Features] = {}
        self._rows: dict[Row, _Members] = {}
        self._brought: dict[tuple[Row, str], list[Edge]] = {}
        self._kept: list[Edge] = []
        self._statements: dict[tuple[str, str], list[tuple[Birth, str]]] = {}
        self._rules: dict[tuple[str, str], list[Rule]] = {}
        self._taken_back: list[Rule] = []
        self._forest = Forest()
        self._suggested: dict[tuple[str, str], Edge] = {}

    def root(self, key: str) -> str:
        """Return the key by which the group of ``key`` goes: itself where it is not known."""
        return self._forest.root(key)

    def rules(self) -> list[Rule]:
        """Return the rules made so far, of one statement in the order they were made in."""
        return [rule for rules in self._rules.values() for rule in rules]

    def suggestions(self) -> list[Edge]:
        """Return what people are asked: alike, of two groups, and not decided."""
        return [edge for edge in self._suggested.values() if self._asks(edge)]

    def see(self, one: Features) -> list[Decision]:
        """Compare the first sight of a key in a release. Seen again, or later, it changes nothing."""
        if one.schema != SCHEMA:
            raise ValueError(f"features of schema {one.schema}; this version knows {SCHEMA}: upgrade the worker first")
        name = _name(one)
        known = self._sights.get(name)
        if known is not None and known.born <= one.born:
            return []
        if known is None and len(self._sights) >= SIGHTS:
            return []
        new = one.key not in self._forest.born
        changes = self._forest.bear(one.key, one.born)
        out = self._remove(name, known) if known is not None else ([], [])
        into = self._insert(name, one)
        added, removed = _net([*out[0], *into[0]], [*out[1], *into[1]])
        changes += self._forest.change(added, removed)
        self._note(added, removed)
        decisions = [*_told(changes), *self._ask(added)]
        return [*decisions, *self._explode(one)] if new and not one.explosion else decisions

    def decide(self, decision: Manual) -> list[Decision]:
        """Keep what a person decided of two keys: it wins over all evidence, for good."""
        return _told(self._forest.decide(decision))

    def forget(self, before: int) -> None:
        """Compare no more with sights that were born before ``before`` (ms); what they joined stays joined."""
        for name, one in list(self._sights.items()):
            if one.born.received < before:
                for row in (*rows_of(one), _rule_row(name)):
                    self._kept += self._brought.pop((row, name), [])
                    self._leave(row, (one.born, name))
                del self._sights[name]
        for statement, keys in list(self._statements.items()):
            kept = [entry for entry in keys if entry[1] in self._sights]
            if kept:
                self._statements[statement] = kept
            else:
                del self._statements[statement]

    def state(self) -> State:
        """Return all that ``restore`` needs."""
        return State(
            SCHEMA, sorted(self._sights.values(), key=lambda one: (one.born, one.key)),
            sorted(self._forest.born.items()), list(self._kept), self.rules(), list(self._forest.decisions.values()),
            list(self._taken_back),
        )  # fmt: skip

    @classmethod
    def restore(cls, state: State) -> "Kin":
        """Return what gave ``state``."""
        kin = cls()
        for key, born in state.born:
            kin._forest.bear(key, born)
        kin._rules = by_statement(state.rules)
        kin._taken_back = list(state.taken_back)
        kin._kept = list(state.kept)
        kin._forest.change(state.kept, [])
        kin._note(state.kept, [])
        for one in state.sights:
            added, removed = kin._insert(_name(one), one)
            kin._forest.change(added, removed)
            kin._note(added, removed)
        for decision in state.decisions:
            kin._forest.decide(decision)
        return kin

    def _insert(self, name: str, one: Features) -> tuple[list[Edge], list[Edge]]:
        """Put a sight into its rows; return the edges that this adds and takes away."""
        self._sights[name] = one
        insort(self._statements.setdefault((one.type, one.top), []), (one.born, name))
        added, removed = self._ruled(name, one), list[Edge]()
        for row in rows_of(one):
            members = self._rows.setdefault(row, _Members())
            entry = (one.born, name)
            insort(members.all, entry)
            more, less = self._settle(row, members, entry)
            added += more
            removed += less
        return added, removed

    def _remove(self, name: str, one: Features) -> tuple[list[Edge], list[Edge]]:
        """Take a sight out of its rows; return the edges that this adds (what it kept out) and takes away."""
        added, removed = list[Edge](), self._brought.pop((_rule_row(name), name), [])
        self._statements[one.type, one.top].remove((one.born, name))
        for row in rows_of(one):
            removed += self._brought.pop((row, name), [])
            members = self._rows[row]
            if self._leave(row, (one.born, name)):
                more, less = self._fold(row, members, (one.born, name))
                added += more
                removed += less
        del self._sights[name]
        return added, removed

    def _leave(self, row: Row, entry: tuple[Birth, str]) -> bool:
        """Take an entry out of a row; tell whether others were compared with it."""
        members = self._rows.get(row)
        if members is None:
            return False
        members.all.remove(entry)
        admitted = entry in members.admitted
        if admitted:
            members.admitted.remove(entry)
        if not members.all:
            del self._rows[row]
        return admitted

    def _settle(self, row: Row, members: _Members, entry: tuple[Birth, str]) -> tuple[list[Edge], list[Edge]]:
        """Decide a new entry, and, where others are compared with it, those born after it."""
        at = bisect_left(members.admitted, entry)
        before, one = self._sights_of(members.admitted[:at]), self._sights[entry[1]]
        stage = STAGES[row.stage]
        if stage.admits(before, one):
            return self._fold(row, members, entry)
        edges = stage.step(row, before, one) if stage.open else []
        self._brought[row, entry[1]] = edges
        return list(edges), []

    def _fold(self, row: Row, members: _Members, start: tuple[Birth, str]) -> tuple[list[Edge], list[Edge]]:
        """Decide all entries of a row from ``start`` on."""
        stage, added, removed = STAGES[row.stage], list[Edge](), list[Edge]()
        members.admitted = members.admitted[: bisect_left(members.admitted, start)]
        before = self._sights_of(members.admitted)
        for entry in members.all[bisect_left(members.all, start) :]:
            one = self._sights[entry[1]]
            admits = stage.admits(before, one)
            edges = stage.step(row, before, one) if admits or stage.open else []
            if admits:
                members.admitted.append(entry)
                before.append(one)
            known = self._brought.get((row, entry[1]), [])
            self._brought[row, entry[1]] = edges
            added += [edge for edge in edges if edge not in known]
            removed += [edge for edge in known if edge not in edges]
        return added, removed

    def _sights_of(self, entries: Sequence[tuple[Birth, str]]) -> list[Features]:
        return [self._sights[name] for _, name in entries]

    def _ruled(self, name: str, one: Features) -> list[Edge]:
        """Return the edge of a key to the rule that gave it, or whose template it fits."""
        signature, why = one.explosion, "the rule gave this key"
        if not signature:
            rule = match(self._rules, one.type, one.top, one.text, one.tokens)
            if rule is None or not _bears_rule(one):
                return []
            signature, why = rule.signature, "it fits a rule, and was counted before the rule was known"
        edge = Edge(one.key, f"rule:{signature}", "rule", 1.0, (why,), one.born)
        self._brought[_rule_row(name), name] = [edge]
        return [edge]

    def _explode(self, one: Features) -> list[Decision]:
        """Make a rule where this key is one too many of its statement, and join the keys that fit it."""
        if not _bears_rule(one) or (_rule_row(_name(one)), _name(one)) in self._brought:
            return []
        entries = self._statements[one.type, one.top]
        end = bisect_left(entries, (one.born, _name(one))) + 1
        recent = _one_a_key(self._sights_of(entries[max(0, end - 2 * WINDOW) : end]))[-WINDOW:]
        decisions: list[Decision] = []
        known = self._rules.setdefault((one.type, one.top), [])
        for rule in detect(recent, self.root)[: RULES - len(known)]:
            if any((rule.type, rule.top, rule.tokens) == (one.type, one.top, one.tokens) for one in self._taken_back):
                continue
            known.append(rule)
            decisions.append(Decision("rule", one.key, self.root(one.key), rule=rule))
            without = [name for _, name in entries if (_rule_row(name), name) not in self._brought]
            added = [edge for name in without for edge in self._ruled(name, self._sights[name])]
            decisions += _told(self._forest.change(added, []))
        return decisions

    def _note(self, added: Sequence[Edge], removed: Sequence[Edge]) -> None:
        """Keep what is suggested."""
        for edge in removed:
            if not edge.sure:
                self._suggested.pop((edge.a, edge.b), None)
        for edge in added:
            if not edge.sure:
                self._suggested[edge.a, edge.b] = edge

    def _ask(self, edges: Sequence[Edge]) -> list[Decision]:
        return [Decision("suggest", edge.a, edge.b, edge) for edge in edges if not edge.sure and self._asks(edge)]

    def _asks(self, edge: Edge) -> bool:
        pair = (edge.a, edge.b) if edge.a <= edge.b else (edge.b, edge.a)
        return self.root(edge.a) != self.root(edge.b) and pair not in self._forest.decisions


def _net(added: Sequence[Edge], removed: Sequence[Edge]) -> tuple[list[Edge], list[Edge]]:
    """Return the edges that are new, and those that are gone: an edge may go in one row and come back in another."""
    counts = Counter(added)
    counts.subtract(removed)
    return list(counts.elements()), list((-counts).elements())


def _name(one: Features) -> str:
    return f"{one.key}\1{one.build}"


def _rule_row(name: str) -> Row:
    return Row("rule", (name,))


def _bears_rule(one: Features) -> bool:
    """Tell whether texts of this kind may get a rule: words of the application, not read, by a default rule."""
    return lines.refused(one) is None


def _one_a_key(sights: Sequence[Features]) -> list[Features]:
    keys: dict[str, Features] = {}
    for one in sights:
        keys.setdefault(one.key, one)
    return list(keys.values())


def _told(changes: Sequence[Change]) -> list[Decision]:
    return [Decision("join" if one.whole else "part", one.key, one.root, one.edge) for one in changes]
