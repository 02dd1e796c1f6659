"""Which events of a batch are the first sights of their group in a build of the application.

The first sight of a group in each build on each source partition must reach ``deltas``, whoever appends it. A worker
leaves out what it knows to be there: it had appended an earlier event of that group, build and partition before. That
is bounded memory; forgetting costs bytes, never a sight.
"""

from typing import Final

from cachetools import LRUCache

from app.grouping.kinship.features import DAY
from app.model import Event
from app.topics import Source

REMEMBERED: Final = 16_384
"""Sights that a worker knows to be in ``deltas``: some 5 MB."""

Name = tuple[Source, str, str | int]
"""Source partition, group, and release (day of receipt where there is none)."""


class SentSights:
    """The sights whose append was acknowledged; of one process."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._names: LRUCache[Name, None] = LRUCache(most)

    def __len__(self) -> int:
        """Return the number of sights."""
        return len(self._names)

    def knows(self, name: Name) -> bool:
        """Return whether an event of this name is in ``deltas``; marks it as used."""
        return self._names.get(name, False) is None

    def sent(self, batch: "BatchSights") -> None:
        """Note all sights of a batch, after its append was acknowledged."""
        for name in batch.names:
            self._names[name] = None


class BatchSights:
    """The sights of one batch of one source partition."""

    def __init__(self, source: Source, known: SentSights) -> None:
        self.names: set[Name] = set()
        self._source = source
        self._known = known
        self._seen: set[tuple[str, str | int]] = set()

    def misses(self, group: str, event: Event) -> bool:
        """Return whether this event must be appended as a sight of its group; then call ``add`` once it counts."""
        if (group, event.release or event.received // DAY) in self._seen:
            return False
        if not self._known.knows(self._name(group, event)):
            return True
        self.add(group, event)
        return False

    def add(self, group: str, event: Event) -> None:
        """Note the sight of an event that counts."""
        name = self._name(group, event)
        self._seen.add(name[1:])
        self.names.add(name)

    def _name(self, group: str, event: Event) -> Name:
        return self._source, group, event.release or event.received // DAY
