"""The first sights of keys in PostgreSQL: rates writes them with the groups, the comparison of keys judges them.

One row is kept for each key in a build. Of the first events of each source partition it holds the one that was born
first: that follows from the log alone, however batches are cut and delivered. Within a partition the first event is the
one of the least offset; a worker may append later ones too, after it forgot or died, and they are passed over.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from app.cells import Cell
from app.grouping.kinship.features import Birth, Features
from app.grouping.sights import decode_features
from app.stores.aggregates.kinship import notify
from app.stores.aggregates.rows import Connection
from tables.fold import Fold


class SightKey(NamedTuple):
    """A key in a build of the application (``Features.build``)."""

    project: int
    group: str
    build: str


class Sight(NamedTuple):
    """One row."""

    born: Birth
    firsts: Mapping[str, int]
    """``topic/partition`` -> offset of the first event on it."""
    features: bytes | None
    """None: as stored before."""


_KNOWN: Final = """
select s.project, s.grp, s.build, s.received, s.topic, s.partition, s."offset", s.firsts
from unnest($1::bigint[], $2::text[], $3::text[]) n (project, grp, build)
join group_sights s on s.project = n.project and s.grp = n.grp and s.build = n.build"""

_INSERT: Final = """
insert into group_sights (project, grp, build, received, topic, partition, "offset", firsts, features)
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::int[], $7::bigint[],
                     $8::jsonb[], $9::bytea[])
on conflict (project, grp, build) do update
  set received = excluded.received, topic = excluded.topic, partition = excluded.partition,
      "offset" = excluded."offset", firsts = excluded.firsts, features = excluded.features, judged = null"""

_WIDEN: Final = """
update group_sights s set firsts = n.firsts
from unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[]) n (project, grp, build, firsts)
where s.project = n.project and s.grp = n.grp and s.build = n.build"""

_JUDGED: Final = """
select features from group_sights where project = $1 and judged is not null
order by received, topic, partition, "offset", grp limit $2"""

_UNJUDGED: Final = """
select features from group_sights where project = $1 and judged is null
order by received, topic, partition, "offset", grp limit $2"""

# Not where rates has put an earlier sight there in between.
_STAMP: Final = """
update group_sights s set judged = now()
from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::int[], $7::bigint[])
  n (grp, build, received, topic, partition, "offset")
where s.project = $1 and s.grp = n.grp and s.build = n.build and s.received = n.received and s.topic = n.topic
  and s.partition = n.partition and s."offset" = n."offset" """


async def write_sights(connection: Connection, fold: Fold) -> bool:
    """Write the sights of a fold, within the transaction that counts it; return whether any is to be compared.

    Only one owner at a time writes those of a group: its progress is locked. Raises UnknownSchema.
    """
    arrived = _arrived(fold)
    if not arrived:
        return False
    stored = await _stored(connection, list(arrived))
    new = {key: merged(stored.get(key), sights) for key, sights in arrived.items()}
    earlier = {key: sight for key, sight in new.items() if sight.features is not None}
    wider = {key: s for key, s in new.items() if s.features is None and s.firsts != stored[key].firsts}
    if earlier:
        births = zip(*(sight.born for sight in earlier.values()), strict=True)
        features = [sight.features for sight in earlier.values()]
        await connection.execute(_INSERT, *zip(*earlier, strict=True), *births, _firsts(earlier), features)
    if wider:
        await connection.execute(_WIDEN, *zip(*wider, strict=True), _firsts(wider))
    if earlier:
        await notify(connection)
    return bool(earlier)


def merged(stored: Sight | None, arrived: Iterable[tuple[Birth, bytes]]) -> Sight:
    """Return a row after sights arrived, in the order of ``deltas``."""
    born = stored.born if stored else None
    firsts = dict(stored.firsts) if stored else {}
    features: bytes | None = None
    for birth, data in arrived:
        place = f"{birth.topic}/{birth.partition}"
        if place in firsts:
            continue  # deltas come in the order of a partition's offsets: this event is not its first
        firsts[place] = birth.offset
        if born is None or birth < born:
            born, features = birth, data
    if born is None:
        raise ValueError("a sight without any event")
    return Sight(born, firsts, features)


def _arrived(fold: Fold) -> dict[SightKey, list[tuple[Birth, bytes]]]:
    arrived: dict[SightKey, list[tuple[Birth, bytes]]] = {}
    for name, group in fold.groups.items():
        cell = Cell.parse(name)
        for data in group.sights:
            features = decode_features(data)
            key = SightKey(cell.project, cell.group, features.build)
            arrived.setdefault(key, []).append((features.born, data))
    return arrived


async def _stored(connection: Connection, keys: Sequence[SightKey]) -> dict[SightKey, Sight]:
    return {
        SightKey(*row[:3]): Sight(Birth(*row[3:7]), msgspec.json.decode(row[7], type=dict[str, int]), None)
        for row in await connection.fetch(_KNOWN, *zip(*keys, strict=True))
    }


def _firsts(sights: Mapping[SightKey, Sight]) -> list[str]:
    return [msgspec.json.encode(sight.firsts).decode() for sight in sights.values()]


# Read and judged by the comparison of keys.


async def judged_sights(connection: Connection, project: int, most: int) -> list[Features]:
    """Return the sights that were compared, those born first, at most ``most``. Raises UnknownSchema."""
    return _decoded(await connection.fetch(_JUDGED, project, most))


async def unjudged_sights(connection: Connection, project: int, most: int) -> list[Features]:
    """Return the sights that wait for comparison, those born first, at most ``most``. Raises UnknownSchema."""
    return _decoded(await connection.fetch(_UNJUDGED, project, most))


async def stamp_judged(connection: Connection, project: int, sights: Sequence[Features]) -> None:
    """Note that these sights were compared."""
    if sights:
        names = [[sight.key for sight in sights], [sight.build for sight in sights]]
        await connection.execute(_STAMP, project, *names, *zip(*(sight.born for sight in sights), strict=True))


def _decoded(records: Iterable[Any]) -> list[Features]:
    return [decode_features(record["features"]) for record in records]
