"""No explosion: a statement whose texts make key after key gets a rule, and later texts that fit go by the rule's key.

A rule carries what the texts have in common, not "the message does not count": a function may throw twice. Whether a
text fits a rule decides on keys: ``match``, and ``texts`` that it goes by, never change for a rule that was made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from json import dumps
from typing import Final

import msgspec

from app.grouping.kinship.features import NAME, TEXT, TOKENS, Features
from app.grouping.kinship.texts import Shape, has_shape, letters, shape_of, words_of

KEYS: Final = 20
"""Keys of one statement within HOUR that make a rule."""
HOUR: Final = 3_600_000
"""Milliseconds."""
WINDOW: Final = 64
"""Keys of one type and place that are looked at: the last ones."""
LETTERS: Final = 6
"""Letters of words that a rule's template holds."""
RULES: Final = 32
"""Rules of one type and place: each text is held against all of them."""

Statements = Mapping[tuple[str, str], Sequence["Rule"]]
"""Rules by type and top frame."""


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """The template of one statement without end of texts; immutable, numbered and stamped like any project rule."""

    type: str
    top: str
    tokens: tuple[str, ...]
    """Identity in the texts: texts of another column or status are another statement's."""
    start: tuple[str, ...]
    end: tuple[str, ...]
    words: tuple[str, ...]
    """Sorted. They stand anywhere in the text."""

    @property
    def shape(self) -> Shape:
        """Return the template."""
        return Shape(self.start, self.end, frozenset(self.words))

    @property
    def key(self) -> tuple[str, ...]:
        """Return the material of the id of the group that texts of this rule fall into."""
        place = ("\2explosion", self.type, self.top, *self.tokens)
        return (*place, "\2", *self.start, "\2", *self.end, "\2", *self.words)

    @property
    def signature(self) -> str:
        """Return what names this rule: of two equal ones the second is none."""
        return blake2b(dumps(self.key).encode(), digest_size=8).hexdigest()


def by_statement(rules: Iterable[Rule]) -> dict[tuple[str, str], list[Rule]]:
    """Return rules as ``match`` looks for them; of each statement in the order given."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        found.setdefault((rule.type, rule.top), []).append(rule)
    return found


def match(rules: Statements, kind: str, top: str, text: str, tokens: Sequence[str] = ()) -> Rule | None:
    """Return the first rule that a text fits, None for none; linear in the text and in the statement's rules.

    ``kind``, ``top``, ``text`` and ``tokens`` are those of g2's ``Decision``.
    """
    found = rules.get((kind[:NAME], top[:NAME]))
    if not found:
        return None
    text, known = text[:TEXT], tuple([token[:NAME] for token in tokens[:TOKENS]])
    return next((rule for rule in found if rule.tokens == known and has_shape(rule.shape, text)), None)


def detect(recent: Sequence[Features], root: Callable[[str], str]) -> list[Rule]:
    """Return the rules that the newest key makes necessary.

    ``recent`` are the last WINDOW keys of one type and top frame by birth, the newest last; ``root`` tells by which key
    the group of a key goes. Keys count that were born within HOUR before the newest, with its identity and without
    rule; of these KEYS that are one group, or, without lines, KEYS that begin or end with the same two words.
    """
    newest = recent[-1]
    hour = [
        one for one in recent
        if one.tokens == newest.tokens and not one.explosion and newest.born.received - one.born.received <= HOUR
    ]  # fmt: skip
    if len(hour) < KEYS:
        return []
    mine = root(newest.key)
    together = [one for one in hour if root(one.key) == mine]
    rule = _rule(together) or next((rule for part in _alike(together) if (rule := _rule(part))), None)
    if rule is None and not newest.raised.line:
        rule = next((rule for part in _alike(hour) if (rule := _rule(part))), None)
    return [rule] if rule else []


def _alike(keys: Sequence[Features]) -> list[list[Features]]:
    """Return the keys that begin with the newest one's two words, and those that end with them."""
    begin, end = words_of(keys[-1].text)[:2], words_of(keys[-1].text)[-2:]
    return [
        [one for one in keys if words_of(one.text)[:2] == begin],
        [one for one in keys if words_of(one.text)[-2:] == end],
    ]


def _rule(keys: Sequence[Features]) -> Rule | None:
    if len(keys) < KEYS:
        return None
    shape = shape_of(tuple([one.text for one in keys]))
    words = sorted(shape.words)
    if shape.letters < LETTERS and letters(words) < LETTERS:
        return None  # nothing in common: such a rule would take the function's other statements too
    return Rule(keys[0].type, keys[0].top, keys[0].tokens, shape.start, shape.end, tuple(words))
