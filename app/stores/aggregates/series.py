"""Reads the numbers of a project, a release, a group or an environment: by window, of a range, by release.

Groups have no sessions.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import asyncpg

from app.cells import CellKind, environment_group, environment_of
from app.stores.aggregates.hashes import Gained, Pending
from app.stores.aggregates.ranges import WindowRange, columns, cover, sizes_of
from app.stores.aggregates.release_order import age_key
from app.stores.aggregates.rows import Connection, row_of
from app.stores.aggregates.types import (
    EnvironmentCounts,
    Point,
    PointsQuery,
    RangeQuery,
    ReleaseCounts,
    ReleaseRow,
    ReleasesQuery,
    Totals,
    TotalsQuery,
)
from tables.windows import Row, united


class Counted(NamedTuple):
    """The rows that hold the numbers of something: those of a kind of cell and of these groups.

    Each member of a merged group has a row of its own; ``""`` is no group, the project itself.
    """

    kind: CellKind
    groups: list[str]


PROJECT: Final = Counted("c", [""])


def of_environment(name: str) -> Counted:
    """Return the rows of an environment, of the project for ``""``."""
    return Counted("e", [environment_group(name)]) if name else PROJECT


_POINTS = """
select start, generation, version, counts, sketches from windows
where project = $1 and kind = $7::"char" and grp = any($2::text[]) and release = $3
  and size = $4 and start >= $5 and start < $6
order by start"""

_TOTALS = """
select w.generation, w.version, w.counts, w.sketches
from unnest($4::int[], $5::bigint[], $6::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = $7::"char" and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high"""

# The conditions of the partial indexes of releases.
_OF_PROJECT: Final = "w.kind = 'c' and w.grp = '' and $6::text = ''"
_OF_ENVIRONMENT: Final = "w.kind = 'e' and w.grp = $6"

_RELEASES: Final = """
select w.release, w.generation, w.version, w.counts, w.sketches
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and {rows} and w.release <> ''
  and w.size = r.size and w.start >= r.low and w.start < r.high
where $5::text[] is null or w.release = any($5)"""

_RELEASE_COUNTS: Final = """
select w.release, coalesce(sum((w.counts ->> 'crashes')::bigint), 0)::bigint as crashes,
       coalesce(sum((w.counts ->> 'sessions')::bigint), 0)::bigint as sessions
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and {rows} and w.release <> ''
  and w.size = r.size and w.start >= r.low and w.start < r.high
where $5::text[] is null or w.release = any($5)
group by w.release"""

_ENVIRONMENTS = """
select w.grp, coalesce(sum((w.counts ->> 'crashes')::bigint), 0)::bigint as crashes,
       coalesce(sum((w.counts ->> 'sessions')::bigint), 0)::bigint as sessions,
       coalesce(sum((w.counts ->> 'crashed_sessions')::bigint), 0)::bigint as crashed
from unnest($2::int[], $3::bigint[], $4::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'e' and w.release = ''
  and w.size = r.size and w.start >= r.low and w.start < r.high
group by w.grp"""

_FIRST_SEEN = "select release, first_seen from releases where project = $1 and release = any($2::text[])"


async def read_points(connection: Connection, query: PointsQuery, counted: Counted) -> list[Point]:
    """Return the windows that have any number, in order."""
    records = await connection.fetch(
        _POINTS, query.project, counted.groups, query.release, query.size, query.start, query.end, counted.kind.encode()
    )
    rows: dict[int, list[Row]] = defaultdict(list)
    for record in records:
        rows[record["start"]].append(row_of(record))
    windows = [WindowRange(query.size, query.start, query.end)]
    for start, row in (await _pending(connection, query.project, counted, windows)).get(query.release, ()):
        if start in rows:
            rows[start].append(row)
    with_sessions = not query.group
    return [_point(start, _united(parts), with_sessions=with_sessions) for start, parts in rows.items()]


async def read_totals(connection: Connection, query: TotalsQuery, counted: Counted) -> Totals:
    """Sum a range: counts, distinct users, and what follows from sessions."""
    windows = cover(query.start, query.end)
    pending = await _pending(connection, query.project, counted, windows)
    row = await _sum(connection, query.project, counted, query.release, windows, pending)
    with_sessions = not query.group
    count = row.counts.get
    return Totals(
        crashes=count("crashes", 0),
        unhandled=count("unhandled", 0),
        not_said=not_said(row),
        messages=count("messages", 0),
        users=row.unique("users"),
        sessions=count("sessions", 0) if with_sessions else None,
        crashed_sessions=count("crashed_sessions", 0) if with_sessions else None,
        unhandled_sessions=count("unhandled_sessions", 0) if with_sessions else None,
        errored_sessions=count("errored_sessions", 0) if with_sessions else None,
        crash_free_sessions=crash_free_sessions(row) if with_sessions else None,
        crash_free_users=crash_free_users(row) if with_sessions else None,
        sizes=sizes_of(windows),
    )


async def read_releases(connection: Connection, query: ReleasesQuery) -> list[ReleaseRow]:
    """Return the releases that have any number in a range, the newest first."""
    windows, counted = cover(query.start, query.end), of_environment(query.environment)
    pending = await _pending(connection, query.project, counted, windows)
    parts: dict[str, list[Row]] = defaultdict(list)
    for record in await _of_releases(connection, _RELEASES, query):
        parts[record["release"]].append(row_of(record))
    for name, gained in pending.items():
        if name in parts:
            parts[name] += [row for _, row in gained]
    project = await _sum(connection, query.project, counted, "", windows, pending)
    first_seen = await _first_seen(connection, query.project, list(parts))
    sessions = project.counts.get("sessions", 0)
    rows = [_release(name, _united(rows), sessions, first_seen.get(name, 0)) for name, rows in parts.items()]
    return sorted(rows, key=lambda row: age_key(row.first_seen, row.release), reverse=True)


async def read_release_counts(connection: Connection, query: ReleasesQuery) -> list[ReleaseCounts]:
    """Return the releases that have any number in a range, the newest first, without reading any sketch."""
    records = await _of_releases(connection, _RELEASE_COUNTS, query)
    first_seen = await _first_seen(connection, query.project, [record["release"] for record in records])
    rows = [ReleaseCounts(name, crashes, sessions, first_seen.get(name, 0)) for name, crashes, sessions in records]
    return sorted(rows, key=lambda row: age_key(row.first_seen, row.release), reverse=True)


async def read_environments(connection: Connection, query: RangeQuery) -> list[EnvironmentCounts]:
    """Return the environments that have any number in a range, those with the most sessions and crashes first."""
    records = await connection.fetch(_ENVIRONMENTS, query.project, *columns(cover(query.start, query.end)))
    rows = [EnvironmentCounts(environment_of(name), *counts) for name, *counts in records]
    return sorted(rows, key=lambda row: (-row.sessions - row.crashes, row.environment))


async def _of_releases(connection: Connection, statement: str, query: ReleasesQuery) -> list[asyncpg.Record]:
    names, environment = None if query.only is None else list(query.only), environment_group(query.environment)
    rows = statement.format(rows=_OF_ENVIRONMENT if environment else _OF_PROJECT)
    return await connection.fetch(rows, query.project, *columns(cover(query.start, query.end)), names, environment)


async def _sum(
    connection: Connection, project: int, counted: Counted, release: str, windows: Sequence[WindowRange],
    pending: Gained,
) -> Row:  # fmt: skip
    records = await connection.fetch(
        _TOTALS, project, counted.groups, release, *columns(windows), counted.kind.encode()
    )
    return _united([*map(row_of, records), *(row for _, row in pending.get(release, ()))])


async def _pending(connection: Connection, project: int, counted: Counted, windows: Sequence[WindowRange]) -> Gained:
    """Return what windows gained and is in none of their sketches yet, by release; nothing is kept so of groups."""
    if counted.kind == "c" and counted.groups != [""]:
        return {}
    return (await Pending.of(connection, project)).within(counted.kind, counted.groups[0], windows)


async def _first_seen(connection: Connection, project: int, releases: Sequence[str]) -> dict[str, int]:
    """Return when releases were first seen, ms."""
    records = await connection.fetch(_FIRST_SEEN, project, list(releases))
    return {record["release"]: record["first_seen"] for record in records}


def not_said(row: Row) -> int:
    """Return the crashes of which the SDK does not say whether they were handled.

    Windows from before ``handled`` was counted hold none that is known to be handled.
    """
    count = row.counts.get
    return count("crashes", 0) - count("unhandled", 0) - count("handled", 0)


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
        not_said=not_said(row),
        messages=count("messages", 0),
        users=row.unique("users"),
        sessions=count("sessions", 0) if with_sessions else None,
        crashed_sessions=count("crashed_sessions", 0) if with_sessions else None,
        unhandled_sessions=count("unhandled_sessions", 0) if with_sessions else None,
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
        unhandled_sessions=row.counts.get("unhandled_sessions", 0),
    )
