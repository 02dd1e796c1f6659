"""Reads how long pages and requests took: the buckets of a range, united by name, and the percentiles in them."""

from collections import defaultdict

from app.cells import timing_of
from app.stores.aggregates.ranges import columns, cover, sizes_of
from app.stores.aggregates.release_order import natural
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.types import TimingRow, TimingRows
from tables import latency
from tables.windows import LATENCY, decode_sketches

PERCENTILES = (50, 75, 95, 99)

# Read row by row: what is held is one sketch a name, however long the range.
_ROWS = """
select w.grp, w.sketches
from unnest($3::int[], $4::bigint[], $5::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 't' and w.release = $2
  and w.size = r.size and w.start >= r.low and w.start < r.high
where $6 = '' or starts_with(w.grp, $6 || ' ')"""

_RELEASES = """
select distinct w.release
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 't' and w.release <> ''
  and w.size = r.size and w.start >= r.low and w.start < r.high"""


async def rows(
    connection: Connection, project: int, release: str, span: tuple[int, int], kind: str, limit: int
) -> TimingRows:
    """Give the timings of a span (s); to be called within a transaction."""
    pieces = cover(*span)
    sums: dict[str, dict[int, int]] = defaultdict(dict)
    async for record in connection.cursor(_ROWS, project, release, *columns(pieces), kind, prefetch=500):
        counts = sums[record["grp"]]
        for bucket, count in latency.counts_of(decode_sketches(record["sketches"])[LATENCY]).items():
            counts[bucket] = counts.get(bucket, 0) + count
    names = [_row(*timing_of(group), counts) for group, counts in sums.items()]
    names.sort(key=lambda row: (-row.count, row.kind, row.name))
    known = [record["release"] for record in await connection.fetch(_RELEASES, project, *columns(pieces))]
    known.sort(key=natural, reverse=True)
    return TimingRows(names[:limit], _by_kind(sums), len(names), sizes_of(pieces), known)


def _by_kind(sums: dict[str, dict[int, int]]) -> list[TimingRow]:
    kinds: dict[str, dict[int, int]] = defaultdict(dict)
    for group, counts in sums.items():
        whole = kinds[timing_of(group)[0]]
        for bucket, count in counts.items():
            whole[bucket] = whole.get(bucket, 0) + count
    found = [_row(kind, "", counts) for kind, counts in kinds.items()]
    return sorted(found, key=lambda row: (-row.count, row.kind))


def _row(kind: str, name: str, counts: dict[int, int]) -> TimingRow:
    found = (round(ms, 3) for ms in latency.percentiles(counts, PERCENTILES))
    return TimingRow(name, kind, sum(counts.values()), *found)
