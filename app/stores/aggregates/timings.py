"""Reads the timings of a range: the buckets of durations united by name, and their percentiles."""

from collections import defaultdict
from collections.abc import Mapping

from app.cells import timing_of
from app.stores.aggregates.ranges import columns, cover, sizes_of
from app.stores.aggregates.release_order import name_key
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.types import TimingRow, TimingRows, TimingsQuery
from tables import latency
from tables.windows import LATENCY, decode_sketches

PERCENTILES = (50, 75, 95, 99)

# Read through a cursor: memory holds one sketch a name, however long the range.
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


async def read_timings(connection: Connection, query: TimingsQuery) -> TimingRows:
    """Return the timings of a range. Call within a transaction: it reads through a cursor."""
    windows = cover(query.start, query.end)
    parameters = (query.project, query.release, *columns(windows), query.kind)
    by_group: dict[str, dict[int, int]] = defaultdict(dict)
    async for record in connection.cursor(_ROWS, *parameters, prefetch=500):
        _add(by_group[record["grp"]], latency.counts_of(decode_sketches(record["sketches"])[LATENCY]))
    names = [_row(*timing_of(group), buckets) for group, buckets in by_group.items()]
    names.sort(key=lambda row: (-row.count, row.kind, row.name))
    records = await connection.fetch(_RELEASES, query.project, *columns(windows))
    return TimingRows(
        names=names[: query.limit],
        kinds=_by_kind(by_group),
        total=len(names),
        sizes=sizes_of(windows),
        releases=sorted((record["release"] for record in records), key=name_key, reverse=True),
    )


def _add(buckets: dict[int, int], more: Mapping[int, int]) -> None:
    for bucket, count in more.items():
        buckets[bucket] = buckets.get(bucket, 0) + count


def _by_kind(by_group: Mapping[str, Mapping[int, int]]) -> list[TimingRow]:
    by_kind: dict[str, dict[int, int]] = defaultdict(dict)
    for group, buckets in by_group.items():
        _add(by_kind[timing_of(group)[0]], buckets)
    rows = [_row(kind, "", buckets) for kind, buckets in by_kind.items()]
    return sorted(rows, key=lambda row: (-row.count, row.kind))


def _row(kind: str, name: str, buckets: dict[int, int]) -> TimingRow:
    p50, p75, p95, p99 = (round(ms, 3) for ms in latency.percentiles(buckets, PERCENTILES))
    return TimingRow(name=name, kind=kind, count=sum(buckets.values()), p50=p50, p75=p75, p95=p95, p99=p99)
