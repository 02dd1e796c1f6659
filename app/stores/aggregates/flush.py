"""Writes the changes of a fold of deltas: progress, rows, groups, releases and notices, in one transaction.

The rules are in EXACTNESS.md, "Rates". Progress is written first: its row locks block any other owner of this partition
of ``deltas`` until the transaction ends.
"""

from collections.abc import Mapping, Sequence
from math import inf
from time import monotonic
from typing import Final, NamedTuple

from app.stores.aggregates import hashes
from app.stores.aggregates.notices import write_groups
from app.stores.aggregates.rows import Connection, read_rows, write_rows
from app.stores.aggregates.sights import write_sights
from app.topics import Source
from tables.fold import Fold, Progress
from tables.windows import Row, RowChange, WindowKey, apply


class Fenced(Exception):
    """The stored progress is not what this owner wrote: another worker owns the partition of ``deltas`` now."""

    code: Final = "fenced"


class Pace:
    """When the hashes of each partition of ``deltas`` are folded into their rows.

    By default always; else after ``seconds``, or once ``nbytes`` are waiting. What an earlier process left is folded
    with the first flush.
    """

    def __init__(self, seconds: float = 0.0, nbytes: int = 0) -> None:
        self._seconds = seconds
        self._nbytes = nbytes
        self._waiting: dict[int, tuple[float, int]] = {}

    def appended(self, partition: int, nbytes: int) -> None:
        """Note what a flush appended."""
        since, before = self._waiting.get(partition, (-inf, 0))
        self._waiting[partition] = (since, before + nbytes)

    def is_due(self, partition: int) -> bool:
        """Return whether the hashes are to be folded now."""
        since, nbytes = self._waiting.get(partition, (-inf, 0))
        return monotonic() - since >= self._seconds or nbytes > self._nbytes

    def folded(self, partition: int) -> None:
        """Note that nothing waits any more, once the transaction is committed; before that at worst it waits longer."""
        self._waiting[partition] = (monotonic(), 0)


class _Written(NamedTuple):
    """The rows that were written, and the keys of the others: another version is stored, or the base counts all."""

    rows: dict[WindowKey, Row]
    gained: dict[WindowKey, dict[str, set[int]]]
    """The hashes of those whose sketches gained any and were not written."""
    missed: list[WindowKey]


_READ_PROGRESS = """
select source_topic, source_partition, last, received from progress
where deltas_topic = $1 and deltas_partition = $2"""

_MOVE_PROGRESS = """
update progress p set last = n.last, received = n.received
from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  n (source_topic, source_partition, last, received, old_last, old_received)
where p.deltas_topic = $1 and p.deltas_partition = $2
  and p.source_topic = n.source_topic and p.source_partition = n.source_partition
  and p.last = n.old_last and p.received = n.old_received
returning 1"""

_BEGIN_PROGRESS = """
insert into progress (deltas_topic, deltas_partition, source_topic, source_partition, last, received)
select $1, $2, * from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[])
on conflict do nothing
returning 1"""

_RELEASES = """
insert into releases (project, release, first_seen, last_seen)
select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
on conflict (project, release) do update
  set first_seen = least(releases.first_seen, excluded.first_seen),
      last_seen = greatest(releases.last_seen, excluded.last_seen)
  where excluded.first_seen < releases.first_seen or excluded.last_seen > releases.last_seen"""


async def read_progress(connection: Connection, topic: str, partition: int) -> dict[Source, Progress]:
    """Return how far each source is counted on one partition of ``deltas`` (topic with generation)."""
    records = await connection.fetch(_READ_PROGRESS, topic, partition)
    return {
        Source(record["source_topic"], record["source_partition"]): Progress(record["last"], record["received"])
        for record in records
    }


async def flush(
    connection: Connection,
    topic: str,
    partition: int,
    fold: Fold,
    bases: Mapping[WindowKey, Row],
    pace: Pace,
) -> dict[WindowKey, Row]:
    """Write a fold and return its rows as they are now stored, with whole sketches.

    ``bases`` are the rows of the fast copy. Where PostgreSQL holds another version, its row is read and the changes are
    computed again. ``pace`` says when appended hashes are folded into their rows. Raises Fenced. After any error
    nothing is written.
    """
    async with connection.transaction():
        await _move_progress(connection, topic, partition, fold)
        rows = await _write_windows(connection, fold, bases, partition, pace)
        if fold.after and pace.is_due(partition):  # the lock on progress fences other owners off
            await hashes.fold(connection, partition)
            pace.folded(partition)
        await write_groups(connection, fold)
        await write_sights(connection, fold)
        await _write_releases(connection, fold)
    return rows


async def _move_progress(connection: Connection, topic: str, partition: int, fold: Fold) -> None:
    moved = sorted(source for source in fold.after if source in fold.before)
    begun = sorted(source for source in fold.after if source not in fold.before)
    written = 0
    if moved:
        columns = _progress_columns(moved, fold.after)
        old = _progress_columns(moved, fold.before)[2:]
        written += len(await connection.fetch(_MOVE_PROGRESS, topic, partition, *columns, *old))
    if begun:
        written += len(await connection.fetch(_BEGIN_PROGRESS, topic, partition, *_progress_columns(begun, fold.after)))
    if written < len(fold.after):
        raise Fenced(
            f"{topic}/{partition}: expected to move the progress of {len(fold.after)} sources, moved {written}; "
            "another owner has moved the others"
        )


def _progress_columns(
    sources: Sequence[Source], progress: Mapping[Source, Progress]
) -> tuple[list[str], list[int], list[int], list[int]]:
    return (
        [source.topic for source in sources],
        [source.partition for source in sources],
        [progress[source].last for source in sources],
        [progress[source].received for source in sources],
    )


async def _write_windows(
    connection: Connection, fold: Fold, bases: Mapping[WindowKey, Row], partition: int, pace: Pace
) -> dict[WindowKey, Row]:
    rows, gained, missed = await _compare_and_set(connection, fold, list(fold.rows), bases)
    if missed:
        stored = await read_rows(connection, missed)
        again, more, missed = await _compare_and_set(connection, fold, missed, stored)
        gained |= more
        # A stored version at or beyond the last change counts it already: nothing is left to write.
        counted = {key: row for key, row in stored.items() if row.at >= fold.rows[key][-1].at}
        if not counted.keys() >= set(missed):
            raise Fenced(
                f"{len(set(missed) - counted.keys())} of {len(fold.rows)} rows changed while their progress was locked"
            )
        rows |= again | counted
    pace.appended(partition, await hashes.append(connection, partition, gained))
    return rows


async def _compare_and_set(
    connection: Connection, fold: Fold, keys: Sequence[WindowKey], bases: Mapping[WindowKey, Row]
) -> _Written:
    """Compute rows from ``bases`` and write them where the stored version is the base's."""
    old = {key: bases.get(key, Row()) for key in keys}
    new = {key: apply(old[key], fold.rows[key]) for key in keys}
    changed = {key: row for key, row in new.items() if row is not old[key]}
    gained = {key: _gained(fold.rows[key], old[key]) for key in changed if hashes.is_appended(key, old[key])}
    missed = set(await write_rows(connection, changed, old, gained))
    written = {key: row for key, row in changed.items() if key not in missed}
    grown = {key: of for key, of in gained.items() if key in written and new[key].sketches != old[key].sketches}
    return _Written(written, grown, [key for key in keys if key not in written])


def _gained(changes: Sequence[RowChange], base: Row) -> dict[str, set[int]]:
    """Return the hashes of the changes after a row's version, by sketch."""
    gained: dict[str, set[int]] = {}
    for change in changes:
        if change.at > base.at:
            for name, values in change.hashes.items():
                gained.setdefault(name, set()).update(values)
    return gained


async def _write_releases(connection: Connection, fold: Fold) -> None:
    if not fold.releases:
        return
    order = sorted(fold.releases)
    spans = [fold.releases[key] for key in order]
    await connection.execute(
        _RELEASES,
        [project for project, _ in order],
        [release for _, release in order],
        [span.first for span in spans],
        [span.last for span in spans],
    )
