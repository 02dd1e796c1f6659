"""Small questions of the pages: series for many groups in one query, whether anything came at all."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.postgres import Pool


class Arrival(NamedTuple):
    """A group that was new in a release, or came back in it."""

    group: str
    title: str
    kind: str
    """new, or regressed."""
    at: int
    """Milliseconds since the epoch."""


class Arrivals(NamedTuple):
    """What a release brought: how many groups of each kind in all, and the latest of them."""

    counts: dict[str, int]
    latest: list[Arrival]


_ARRIVALS = """
select * from (
  select n.release, n.kind, n.grp, g.title, max(n.at) as at, count(*) over (partition by n.release, n.kind) as whole,
         row_number() over (partition by n.release, n.kind order by max(n.at) desc, n.grp) as place
  from notices n join groups g on g.id = n.grp
  where n.project = $1 and n.release = any($2::text[]) and n.kind in ('new', 'regressed')
  group by n.release, n.kind, n.grp, g.title) ranked
where place <= $3 order by kind, at desc, grp"""


async def arrivals(pool: "Pool", project: int, releases: Sequence[str], most: int) -> dict[str, Arrivals]:
    """Give, by release, the groups that were new in it or came back in it, at most ``most`` of each kind."""
    found: dict[str, Arrivals] = {name: Arrivals({}, []) for name in releases}
    for row in await pool.fetch(_ARRIVALS, project, list(releases), most):
        release = found[row["release"]]
        release.counts[row["kind"]] = row["whole"]
        release.latest.append(Arrival(row["grp"], row["title"], row["kind"], row["at"]))
    return found


async def sparks(
    pool: "Pool", project: int, members: Mapping[str, Sequence[str]], size: int, start: int, end: int
) -> dict[str, dict[int, int]]:
    """Give, by group, window start (s) -> events; ``members`` are the groups merged into each, itself included."""
    root = {member: name for name, merged in members.items() for member in merged}
    rows = await pool.fetch(
        "select grp, start, coalesce((counts->>'crashes')::bigint, 0) + coalesce((counts->>'messages')::bigint, 0) as n"
        " from windows where project = $1 and kind = 'c' and grp = any($2) and release = '' and size = $3"
        " and start >= $4 and start < $5",
        project, list(root), size, start, end,
    )  # fmt: skip
    found: dict[str, dict[int, int]] = {name: {} for name in members}
    for row in rows:
        series = found[root[row["grp"]]]
        series[row["start"]] = series.get(row["start"], 0) + row["n"]
    return found


async def first_hour(pool: "Pool", project: int) -> int | None:
    """Give the start (s) of the first hour in which a project has any number, None for none."""
    found = await pool.fetchval(
        "select min(start) from windows"
        " where project = $1 and kind = 'c' and grp = '' and release = '' and size = 3600",
        project,
    )
    return None if found is None else int(found)


async def heard(pool: "Pool", project: int) -> bool:
    """Tell whether anything ever came for a project: a crash, a message, a session or a timing."""
    return bool(
        await pool.fetchval(
            "select exists (select from groups where project = $1) or exists (select from windows where project = $1"
            " and kind in ('c', 't'))",
            project,
        )
    )
