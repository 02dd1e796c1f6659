"""Reads the numbers of a project, a release or a group: points by window, totals of a range, releases of a range.

A group is given as the ids of its members, the project as ``[""]``: groups have no sessions.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.stores.aggregates.ranges import columns, cover, sizes_of
from app.stores.aggregates.release_order import age_key
from app.stores.aggregates.rows import Connection, row_of
from app.stores.aggregates.types import (
    Point,
    PointsQuery,
    ReleaseCounts,
    ReleaseRow,
    ReleasesQuery,
    Totals,
    TotalsQuery,
)
from tables.windows import Row, united

# Each member of a merged group has a row of its own; '' is no group and no release.
_POINTS = """
select start, generation, version, counts, sketches from windows
where project = $1 and kind = 'c' and grp = any($2::text[]) and release = $3
  and size = $4 and start >= $5 and start < $6
order by start"""

_TOTALS = """
select w.generation, w.version, w.counts, w.sketches
from unnest($4::int[], $5::bigint[], $6::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high"""

_RELEASES = """
select w.release, w.generation, w.version, w.counts, w.sketches
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = '' and w.release <> ''
  and w.size = r.size and w.start >= r.low and w.start < r.high
where $5::text[] is null or w.release = any($5)"""

_RELEASE_COUNTS = """
select w.release, coalesce(sum((w.counts ->> 'crashes')::bigint), 0)::bigint as crashes,
       coalesce(sum((w.counts ->> 'sessions')::bigint), 0)::bigint as sessions
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = '' and w.release <> ''
  and w.size = r.size and w.start >= r.low and w.start < r.high
where $5::text[] is null or w.release = any($5)
group by w.release"""

_FIRST_SEEN = "select release, first_seen from releases where project = $1 and release = any($2::text[])"


async def read_points(connection: Connection, query: PointsQuery, members: Sequence[str]) -> list[Point]:
    """Return the windows that have any number, in order."""
    records = await connection.fetch(
        _POINTS, query.project, list(members), query.release, query.size, query.start, query.end
    )
    rows: dict[int, list[Row]] = defaultdict(list)
    for record in records:
        rows[record["start"]].append(row_of(record))
    with_sessions = members == [""]
    return [_point(start, _united(parts), with_sessions=with_sessions) for start, parts in rows.items()]


async def read_totals(connection: Connection, query: TotalsQuery, members: Sequence[str]) -> Totals:
    """Sum a range: counts, distinct users, and what follows from sessions."""
    windows = cover(query.start, query.end)
    records = await connection.fetch(_TOTALS, query.project, list(members), query.release, *columns(windows))
    row, with_sessions = _united(map(row_of, records)), members == [""]
    count = row.counts.get
    return Totals(
        crashes=count("crashes", 0),
        unhandled=count("unhandled", 0),
        messages=count("messages", 0),
        users=row.unique("users"),
        sessions=count("sessions", 0) if with_sessions else None,
        crashed_sessions=count("crashed_sessions", 0) if with_sessions else None,
        errored_sessions=count("errored_sessions", 0) if with_sessions else None,
        crash_free_sessions=crash_free_sessions(row) if with_sessions else None,
        crash_free_users=crash_free_users(row) if with_sessions else None,
        sizes=sizes_of(windows),
    )


async def read_releases(connection: Connection, query: ReleasesQuery) -> list[ReleaseRow]:
    """Return the releases that have any number in a range, the newest first."""
    windows = columns(cover(query.start, query.end))
    parts: dict[str, list[Row]] = defaultdict(list)
    for record in await connection.fetch(_RELEASES, query.project, *windows, _names(query)):
        parts[record["release"]].append(row_of(record))
    project = _united(map(row_of, await connection.fetch(_TOTALS, query.project, [""], "", *windows)))
    first_seen = await _first_seen(connection, query.project, list(parts))
    sessions = project.counts.get("sessions", 0)
    rows = [_release(name, _united(rows), sessions, first_seen.get(name, 0)) for name, rows in parts.items()]
    return sorted(rows, key=lambda row: age_key(row.first_seen, row.release), reverse=True)


async def read_release_counts(connection: Connection, query: ReleasesQuery) -> list[ReleaseCounts]:
    """Return the releases that have any number in a range, the newest first, without reading any sketch."""
    windows = columns(cover(query.start, query.end))
    records = await connection.fetch(_RELEASE_COUNTS, query.project, *windows, _names(query))
    first_seen = await _first_seen(connection, query.project, [record["release"] for record in records])
    rows = [ReleaseCounts(name, crashes, sessions, first_seen.get(name, 0)) for name, crashes, sessions in records]
    return sorted(rows, key=lambda row: age_key(row.first_seen, row.release), reverse=True)


def _names(query: ReleasesQuery) -> list[str] | None:
    return None if query.only is None else list(query.only)


async def _first_seen(connection: Connection, project: int, releases: Sequence[str]) -> dict[str, int]:
    """Return when releases were first seen, ms."""
    records = await connection.fetch(_FIRST_SEEN, project, list(releases))
    return {record["release"]: record["first_seen"] for record in records}


def crash_free_sessions(row: Row) -> float | None:
    """Return 1 - crashed / all sessions, None without sessions."""
    sessions = row.counts.get("sessions", 0)
    return 1 - row.counts.get("crashed_sessions", 0) / sessions if sessions else None


def crash_free_users(row: Row) -> float | None:
    """Return 1 - distinct users of crashed sessions / distinct users of sessions, None where no session named a user.

    Both are estimates, so that the difference is kept from falling below 0.
    """
    users = row.unique("session_users")
    return max(0.0, 1 - row.unique("crashed_users") / users) if users else None


def _united(rows: Iterable[Row]) -> Row:
    return united((row.counts, row.sketches) for row in rows)


def _point(start: int, row: Row, *, with_sessions: bool) -> Point:
    count = row.counts.get
    return Point(
        start=start,
        crashes=count("crashes", 0),
        unhandled=count("unhandled", 0),
        messages=count("messages", 0),
        users=row.unique("users"),
        sessions=count("sessions", 0) if with_sessions else None,
        crashed_sessions=count("crashed_sessions", 0) if with_sessions else None,
    )


def _release(name: str, row: Row, project_sessions: int, first_seen: int) -> ReleaseRow:
    sessions = row.counts.get("sessions", 0)
    return ReleaseRow(
        release=name,
        crashes=row.counts.get("crashes", 0),
        users=row.unique("users"),
        sessions=sessions,
        crashed_sessions=row.counts.get("crashed_sessions", 0),
        crash_free_sessions=crash_free_sessions(row),
        crash_free_users=crash_free_users(row),
        adoption=sessions / project_sessions if project_sessions else None,
        first_seen=first_seen,
    )
