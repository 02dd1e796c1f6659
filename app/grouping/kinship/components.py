"""Groups: connected components of keys, over edges that evidence brought and decisions that people made.

A person's decision wins: the latest of a pair counts, later decisions before earlier ones, all of them before any
evidence. Evidence goes in the order of birth; an edge that would bring a pair together that a person keeps apart is
passed over. So the components follow from the sets of keys, edges and decisions alone, and an edge that is born after
all others parts nothing. A group goes by its member that was born first.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from app.grouping.kinship.features import Birth
from app.grouping.kinship.stages import Edge

_NEVER: Final = Birth(1 << 62, "", 0, 0)


class Manual(NamedTuple):
    """What a person decided of two keys."""

    a: str
    b: str
    joined: bool
    """False: never together."""
    at: int
    """Milliseconds since the epoch, UTC."""

    @property
    def pair(self) -> tuple[str, str]:
        """Return the keys, the lesser first."""
        return (self.a, self.b) if self.a <= self.b else (self.b, self.a)


class _Sets:
    """Disjoint sets of nodes, some of which never become one."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}
        self.barred: dict[str, set[str]] = {}

    def find(self, node: str) -> str:
        parent = self.parent.setdefault(node, node)
        while parent != node:
            self.parent[node] = above = self.parent[parent]
            node, parent = above, self.parent[above]
        return node

    def bar(self, a: str, b: str) -> None:
        a, b = self.find(a), self.find(b)
        if a != b:
            self.barred.setdefault(a, set()).add(b)
            self.barred.setdefault(b, set()).add(a)

    def join(self, a: str, b: str) -> None:
        a, b = self.find(a), self.find(b)
        if a == b or b in self.barred.get(a, ()):
            return
        self.parent[b] = a
        for other in self.barred.pop(b, ()):
            self.barred[other].discard(b)
            self.barred[other].add(a)
            self.barred.setdefault(a, set()).add(other)


def components(born: Mapping[str, Birth], edges: Iterable[Edge], decisions: Iterable[Manual] = ()) -> dict[str, str]:
    """Return of each key that was born the key by which its group goes: this is the definition of a group."""
    sets = _Sets()
    latest: dict[tuple[str, str], Manual] = {}
    for one in sorted(decisions, key=lambda one: (one.at, one.joined)):
        latest[one.pair] = one
    for one in sorted(latest.values(), key=lambda one: (-one.at, one.pair)):
        (sets.join if one.joined else sets.bar)(*one.pair)
    for edge in sorted((edge for edge in edges if edge.sure), key=order):
        sets.join(edge.a, edge.b)
    first: dict[str, str] = {}
    for key in sorted(born, key=lambda key: (born[key], key)):
        first.setdefault(sets.find(key), key)
    return {key: first[sets.find(key)] for key in born}


def order(edge: Edge) -> tuple[Birth, str, str, str]:
    """Return what edges are sorted by."""
    return edge.born, edge.stage, edge.a, edge.b


class Change(NamedTuple):
    """Keys that go by another key from now on."""

    key: str
    root: str
    whole: bool
    """Whether all keys that went by ``key`` do so, or ``key`` alone."""
    edge: Edge | None
    """What brought it, where one edge did."""


class Forest:
    """The components, kept up to date edge by edge: at any time what ``components`` says of all that was added."""

    def __init__(self) -> None:
        """Begin without keys."""
        self.born: dict[str, Birth] = {}
        self.decisions: dict[tuple[str, str], Manual] = {}
        self._links: dict[str, dict[Edge, int]] = {}
        self._near: dict[str, set[str]] = {}
        self._component: dict[str, int] = {}
        self._members: dict[int, list[str]] = {}
        self._roots: dict[int, str] = {}
        self._bound: set[int] = set()
        self._next = 0

    def root(self, key: str) -> str:
        """Return the key by which the group of ``key`` goes: itself where it is not known."""
        component = self._component.get(key)
        return key if component is None else self._roots.get(component, key)

    def edges(self) -> list[Edge]:
        """Return all edges, sorted."""
        return sorted({edge for links in self._links.values() for edge in links}, key=order)

    def bear(self, key: str, born: Birth) -> list[Change]:
        """Add a key, or an earlier birth of it; later ones change nothing."""
        known = self.born.get(key)
        if known is not None and known <= born:
            return []
        before = self.root(key) if known is not None else ""
        self.born[key] = born
        component = self._own(key)
        leader = self._roots.get(component)
        if leader is None or (born, key) < (self.born[leader], leader):
            self._roots[component] = key
        after = self.root(key)
        return [Change(before, after, whole=True, edge=None)] if before and before != after else []

    def change(self, added: Iterable[Edge], removed: Iterable[Edge]) -> list[Change]:
        """Add edges, and take others away."""
        gone = [edge for edge in removed if edge.sure and self._unlink(edge)]
        new = [edge for edge in added if edge.sure and self._link(edge)]
        touched = [node for edge in (*gone, *new) for node in (edge.a, edge.b)]
        if gone or (self._bound and any(self._own(node) in self._bound for node in touched)):
            return self._again(touched)
        return [change for edge in new for change in self._join(edge)]

    def decide(self, decision: Manual) -> list[Change]:
        """Add a person's decision; of two on one pair the later one counts."""
        known = self.decisions.get(decision.pair)
        if known is not None and (known.at, known.joined) >= (decision.at, decision.joined):
            return []
        self.decisions[decision.pair] = decision
        self._near.setdefault(decision.a, set()).add(decision.b)
        self._near.setdefault(decision.b, set()).add(decision.a)
        return self._again([decision.a, decision.b])

    def _own(self, node: str) -> int:
        component = self._component.get(node)
        if component is None:
            component = self._component[node] = self._next
            self._members[component] = [node]
            self._next += 1
        return component

    def _link(self, edge: Edge) -> bool:
        for node in (edge.a, edge.b):
            links = self._links.setdefault(node, {})
            links[edge] = links.get(edge, 0) + 1
        return self._links[edge.a][edge] == (1 if edge.a != edge.b else 2)

    def _unlink(self, edge: Edge) -> bool:
        for node in (edge.a, edge.b):
            links = self._links[node]
            links[edge] -= 1
            if not links[edge]:
                del links[edge]
        return edge not in self._links[edge.a]

    def _join(self, edge: Edge) -> list[Change]:
        one, other = self._own(edge.a), self._own(edge.b)
        if one == other:
            return []
        if len(self._members[one]) < len(self._members[other]):
            one, other = other, one
        for node in self._members[other]:
            self._component[node] = one
        self._members[one] += self._members.pop(other)
        roots = [root for root in (self._roots.get(one), self._roots.pop(other, None)) if root is not None]
        if not roots:
            return []
        root = self._roots[one] = min(roots, key=lambda key: (self.born[key], key))
        return [Change(key, root, whole=True, edge=edge) for key in roots if key != root]

    def _again(self, touched: Iterable[str]) -> list[Change]:
        """Compute anew what hangs together with these nodes by any edge or decision, also by those passed over."""
        nodes, edges, decisions = self._reach(touched)
        before = {key: self.root(key) for key in nodes if key in self.born}
        for component in {self._own(node) for node in nodes}:
            del self._members[component]
            self._roots.pop(component, None)
            self._bound.discard(component)
        # nodes that are no keys stand in a component too: they count as born after all others
        after = components({node: self.born.get(node, _NEVER) for node in nodes}, edges, decisions)
        numbers: dict[str, int] = {}
        for node, root in after.items():
            number = numbers.setdefault(root, self._next + len(numbers))
            self._component[node] = number
            self._members.setdefault(number, []).append(node)
            if root in self.born:
                self._roots[number] = root
            if node in self._near:
                self._bound.add(number)
        self._next += len(numbers)
        return [Change(key, after[key], whole=False, edge=None) for key in before if before[key] != after[key]]

    def _reach(self, touched: Iterable[str]) -> tuple[set[str], set[Edge], list[Manual]]:
        nodes: set[str] = set()
        edges: set[Edge] = set()
        waiting = list(touched)
        while waiting:
            node = waiting.pop()
            if node in nodes:
                continue
            nodes.add(node)
            links = self._links.get(node, {})
            edges.update(links)
            waiting += [end for edge in links for end in (edge.a, edge.b)]
            waiting += self._near.get(node, ())
        decisions = [one for one in self.decisions.values() if one.a in nodes] if self._near else []
        return nodes, edges, decisions
