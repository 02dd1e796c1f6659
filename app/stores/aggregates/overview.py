"""Small reads of the pages: event counts of many groups in one query, a project's first data, groups by release.

All raise what asyncpg raises while PostgreSQL does not answer (``app.postgres.AWAY``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.postgres import storable
from app.stores.aggregates.series import of_environment
from app.stores.aggregates.types import EventCountsQuery, NoticedGroup, ReleaseGroups

if TYPE_CHECKING:
    from app.postgres import Pool


_NEW_AND_REGRESSED = """
select * from (
  select n.release, n.kind, n.grp, g.title, max(n.at) as at, count(*) over (partition by n.release, n.kind) as whole,
         row_number() over (partition by n.release, n.kind order by max(n.at) desc, n.grp) as place
  from notices n join groups g on g.id = n.grp and (not n.pending or n.created < now() - interval '5 seconds')
  where n.project = $1 and n.release = any($2::text[]) and n.kind in ('new', 'regressed')
  group by n.release, n.kind, n.grp, g.title) ranked
where place <= $3 order by kind, at desc, grp"""


async def new_and_regressed(
    pool: "Pool", project: int, releases: Sequence[str], limit: int
) -> dict[str, ReleaseGroups]:
    """Return by release the latest groups that appeared or regressed in it, at most ``limit`` of each kind."""
    by_release: dict[str, ReleaseGroups] = {name: ReleaseGroups({}, []) for name in releases}
    for row in await pool.fetch(_NEW_AND_REGRESSED, project, list(releases), limit):
        groups = by_release[row["release"]]
        groups.counts[row["kind"]] = row["whole"]
        groups.latest.append(NoticedGroup(row["grp"], row["title"], row["kind"], row["at"]))
    return by_release


async def event_counts(pool: "Pool", query: EventCountsQuery) -> dict[str, dict[int, int]]:
    """Return by group: start of the window (s) -> events, where there are any."""
    root = {member: group for group, members in query.members.items() for member in members}
    rows = await pool.fetch(
        "select grp, start, coalesce((counts->>'crashes')::bigint, 0) + coalesce((counts->>'messages')::bigint, 0) as n"
        " from windows where project = $1 and kind = 'c' and grp = any($2) and release = '' and size = $3"
        " and start >= $4 and start < $5",
        query.project, list(root), query.size, query.start, query.end,
    )  # fmt: skip
    counts: dict[str, dict[int, int]] = {group: {} for group in query.members}
    for row in rows:
        series = counts[root[row["grp"]]]
        series[row["start"]] = series.get(row["start"], 0) + row["n"]
    return counts


async def first_hour(pool: "Pool", project: int, environment: str = "") -> int | None:
    """Return the start (s) of the first hour window of a project, or its environment; None where there is none."""
    counted = of_environment(storable(environment))
    start = await pool.fetchval(
        "select min(start) from windows"
        " where project = $1 and kind = $2::\"char\" and grp = any($3::text[]) and release = '' and size = 3600",
        project, counted.kind.encode(), counted.groups,
    )  # fmt: skip
    return None if start is None else int(start)


async def release_first_seen(pool: "Pool", project: int, release: str) -> int | None:
    """Return when a release was first seen, ms; None for an unknown one."""
    asked = "select first_seen from releases where project = $1 and release = $2"
    seen = await pool.fetchval(asked, project, storable(release))
    return None if seen is None else int(seen)


async def has_data(pool: "Pool", project: int) -> bool:
    """Return whether a crash, a message, a session or a timing was ever counted for a project."""
    return bool(
        await pool.fetchval(
            "select exists (select from groups where project = $1) or exists (select from windows where project = $1"
            " and kind in ('c', 't'))",
            project,
        )
    )
