"""Reads the numbers of a project, a release or a group: points of one window size, totals of a range, releases."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.stores.aggregates.ranges import columns, cover, sizes_of
from app.stores.aggregates.release_order import newest_first
from app.stores.aggregates.rows import Connection, row_of
from app.stores.aggregates.types import Point, ReleaseCounts, ReleaseRow, Totals
from tables.windows import Row, united

# Members of a merged group are each a row; '' stands for no group and no release.
_POINTS = """
select release, start, generation, version, counts, sketches from windows
where project = $1 and kind = 'c' and grp = any($2::text[]) and release = any($3::text[])
  and size = $4 and start >= $5 and start < $6
order by release, start"""

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
group by w.release"""

_FIRST_SEEN = "select release, first_seen from releases where project = $1 and release = any($2::text[])"


async def series(
    connection: Connection, project: int, groups: Sequence[str], releases: Sequence[str], window: tuple[int, int, int]
) -> dict[str, list[Point]]:
    """Give by release the stored windows of (size, start, end), in seconds, that have any number, in order."""
    records = await connection.fetch(_POINTS, project, list(groups), list(releases), *window)
    found: dict[str, dict[int, list[Row]]] = {release: defaultdict(list) for release in releases}
    for record in records:
        found[record["release"]][record["start"]].append(row_of(record))
    known = groups == [""]
    return {
        release: [_point(start, _united(rows), sessions=known) for start, rows in starts.items()]
        for release, starts in found.items()
    }


async def totals(
    connection: Connection, project: int, groups: Sequence[str], release: str, start: int, end: int
) -> Totals:
    """Sum a range (s): counts, distinct users, and what follows from sessions (None where a group is asked for)."""
    pieces = cover(start, end)
    records = await connection.fetch(_TOTALS, project, list(groups), release, *columns(pieces))
    row, known = _united(map(row_of, records)), groups == [""]
    count = row.counts.get
    return {
        "crashes": count("crashes", 0),
        "unhandled": count("unhandled", 0),
        "messages": count("messages", 0),
        "users": row.unique("users"),
        "sessions": count("sessions", 0) if known else None,
        "crashed_sessions": count("crashed_sessions", 0) if known else None,
        "errored_sessions": count("errored_sessions", 0) if known else None,
        "crash_free_sessions": crash_free_sessions(row) if known else None,
        "crash_free_users": crash_free_users(row) if known else None,
        "sizes": sizes_of(pieces),
    }


async def releases(
    connection: Connection, project: int, start: int, end: int, only: Sequence[str] | None = None
) -> list[ReleaseRow]:
    """Give the releases that have any number in a range (s), or some of them, the newest first."""
    pieces = columns(cover(start, end))
    rows: dict[str, list[Row]] = defaultdict(list)
    for record in await connection.fetch(_RELEASES, project, *pieces, None if only is None else list(only)):
        rows[record["release"]].append(row_of(record))
    whole = _united(map(row_of, await connection.fetch(_TOTALS, project, [""], "", *pieces)))
    firsts = await _first_seen(connection, project, list(rows))
    sessions = whole.counts.get("sessions", 0)
    found = [_release(name, _united(parts), sessions, firsts.get(name, 0)) for name, parts in rows.items()]
    return sorted(found, key=lambda row: newest_first(row.first_seen, row.release), reverse=True)


async def release_counts(connection: Connection, project: int, start: int, end: int) -> list[ReleaseCounts]:
    """Give the releases that have any number in a range (s), the newest first, without what takes a look at users."""
    records = await connection.fetch(_RELEASE_COUNTS, project, *columns(cover(start, end)))
    firsts = await _first_seen(connection, project, [record["release"] for record in records])
    found = [ReleaseCounts(name, crashes, sessions, firsts.get(name, 0)) for name, crashes, sessions in records]
    return sorted(found, key=lambda row: newest_first(row.first_seen, row.release), reverse=True)


async def _first_seen(connection: Connection, project: int, releases: Sequence[str]) -> dict[str, int]:
    """Give when releases were first seen, ms."""
    records = await connection.fetch(_FIRST_SEEN, project, list(releases))
    return {record["release"]: record["first_seen"] for record in records}


def crash_free_sessions(row: Row) -> float | None:
    """Give 1 - crashed / all sessions, None without sessions."""
    sessions = row.counts.get("sessions", 0)
    return 1 - row.counts.get("crashed_sessions", 0) / sessions if sessions else None


def crash_free_users(row: Row) -> float | None:
    """Give 1 - distinct users of crashed sessions / distinct users of sessions, None where no session named a user."""
    users = row.unique("session_users")
    return max(0.0, 1 - row.unique("crashed_users") / users) if users else None


def _united(rows: Iterable[Row]) -> Row:
    return united((row.counts, row.sketches) for row in rows)


def _point(start: int, row: Row, *, sessions: bool) -> Point:
    count = row.counts.get
    return Point(
        start,
        count("crashes", 0),
        count("unhandled", 0),
        count("messages", 0),
        row.unique("users"),
        count("sessions", 0) if sessions else None,
        count("crashed_sessions", 0) if sessions else None,
    )


def _release(name: str, row: Row, sessions: int, first_seen: int) -> ReleaseRow:
    count = row.counts.get
    return ReleaseRow(
        name,
        count("crashes", 0),
        row.unique("users"),
        count("sessions", 0),
        count("crashed_sessions", 0),
        crash_free_sessions(row),
        crash_free_users(row),
        count("sessions", 0) / sessions if sessions else None,
        first_seen,
    )
