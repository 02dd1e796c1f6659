"""Key and kinship together, as scores see it: events in, the groups that they are shown under at the end."""

from collections.abc import Sequence

from app.grouping import g2
from app.grouping.kinship import Kin, features_of
from app.model import Address, Event


class ByKinship:
    """The keys of g2, and the comparison of the first sight of each key in each release; one state a project."""

    def __init__(self) -> None:
        """Begin without projects."""
        self._kin: dict[int, Kin] = {}
        self._seen: list[tuple[int, str]] = []
        self._sights: set[tuple[int, str, str]] = set()

    def see(self, event: Event) -> None:
        """Make the key of one event; compare it where this is its first sight in the release (in the day)."""
        key = g2.group(event).group
        at = Address("crashes", 0, len(self._seen))
        self._seen.append((event.project, key))
        features = features_of(event, g2.decide(event), key, at)
        if (sight := (event.project, key, features.build)) not in self._sights:
            self._sights.add(sight)
            self._kin.setdefault(event.project, Kin()).see(features)

    def groups(self) -> Sequence[str]:
        """Return by which key each event's group goes."""
        return [self._kin[project].root(key) for project, key in self._seen]
