"""The SQL of the groups list: ranks the groups of a range by each sort, and reads no more of them than a page shows.

Counts are summed in PostgreSQL. A merged group is ranked by all its members. Ties are broken by id: pages neither
overlap nor skip a group whose rank stays.

Distinct users need the union of sketches, which PostgreSQL cannot compute: it bounds each group's users by the lengths
of its sketches, and the sketches of the groups with the greatest bounds are united first, until no remaining bound
reaches the page. The ranking is that of the unions, exactly.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from app.stores.aggregates.ranges import WindowRange, columns
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.types import GroupsQuery
from tables import sketch
from tables.windows import decode_sketches

PLANNER: Final = "set local work_mem = '64MB'; set local jit = off"
"""200,000 groups are summed within 64 MB, so without temporary files; compiling a query takes longer than it runs."""

SUMMED_ONE_BY_ONE: Final = 1000
"""Groups that are summed one by one at most. Where these do not fill a page, few groups are in the range or release,
and all are summed by one query."""

UNITED_AT_ONCE: Final = 200
"""Groups whose sketches are read and united together: bounds the memory of a list sorted by users. A group has one
sketch a window, of at most 12 KiB."""

FIRST_BOUNDS: Final = 1000
"""Groups whose bounds are read first; eight times as many each time that these were too few."""

# A sum of floats is exact below 2^53, and a quarter faster than one of bigints, which PostgreSQL computes in numeric.
_COUNTS: Final = """coalesce(sum((w.counts ->> 'crashes')::float8), 0)::bigint as crashes,
         coalesce(sum((w.counts ->> 'messages')::float8), 0)::bigint as messages"""

_WINDOWS: Final = """
  from unnest($3::int[], $4::bigint[], $5::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high and ($10::text[] is null or w.grp = any($10))"""

# A list of open groups includes regressed ones: they are open again.
_HAS_STATUS: Final = """(($6::text[])[1] = '' or coalesce(s.status, 'open') = ($6::text[])[1]
         or (($6::text[])[1] = 'open' and s.status = 'regressed'))"""

# Handled is what a group's day windows, which are never deleted, say of all its events.
_SAID: Final = """case when f.unhandled then 'false'
  when exists (select from windows h where h.project = $1 and h.kind = 'c' and h.grp = f.id and h.release = ''
                 and h.size = 86400 and h.counts ? 'handled') then 'true' else 'unknown' end"""


def _matches(group: str) -> str:
    """Return the condition that a group passes the filters, $6: status, level, handled."""
    return f"""({_HAS_STATUS} and (($6::text[])[2:3] = array['', ''] or exists (
  select from groups f where f.id = {group}
    and (($6::text[])[2] = '' or f.level = ($6::text[])[2])
    and (($6::text[])[3] = '' or ($6::text[])[3] = {_SAID}))))"""


# The row of a group in a window has one sketch: 7 bytes around its name, 2 or 3 of length, 8 a hash. From 12288 bytes
# on it is registers: at least 1025 users, no more than crashes. The estimate from registers is taken to be within 1/16
# of the truth, which is eight standard deviations.
_USER_BOUNDS: Final = """,
         coalesce(max(least((octet_length(w.sketches) - 9) / 8, 960)), 0) as fewest,
         coalesce(sum(case when octet_length(w.sketches) >= 12288 then (w.counts ->> 'crashes')::bigint
                           else (octet_length(w.sketches) - 9) / 8 end), 0)::bigint as most"""


def _sums(more: str = "") -> str:
    """Return the common table ``sums``: the groups that have windows in the range, merged ones by their root's id."""
    return f"""
with sums as (
  select coalesce(a.root, w.grp) as id, {_COUNTS}{more}{_WINDOWS} and w.grp <> ''
  left join group_aliases a on a.id = w.grp
  group by 1)"""


_PAGE: Final = f"""
select id, crashes, messages, rank from ranked left join group_states s using (id)
where {_matches("ranked.id")} and ($7::bigint is null or (rank, id) < ($7, $8::text))
order by rank desc, id desc limit $9"""  # noqa: S608  constants of this module

_OTHER: Final = """
  select coalesce(a.root, w.grp) as id,
         sum(coalesce((w.counts ->> 'crashes')::bigint, 0)
             + coalesce((w.counts ->> 'messages')::bigint, 0))::bigint as n
  from unnest($12::int[], $13::bigint[], $14::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.grp <> '' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high
  left join group_aliases a on a.id = w.grp
  group by 1"""

# `other` is a second range: the last minutes for the rate, the range before for growth. Growth is ranked by its
# significance: the difference in units of the standard deviation of such a sum.
_BY_COUNT: Final = f"""{_sums()},
other as ({_OTHER}),
ranked as (
  select sums.*, case $11::text when 'rate' then coalesce(other.n, 0)
                                when 'growth' then (1000 * (crashes + messages - coalesce(other.n, 0))
                                                    / sqrt(crashes + messages + coalesce(other.n, 0) + 1))::bigint
                                else crashes end as rank
  from sums left join other using (id))
{_PAGE}"""  # noqa: S608  constants of this module

# greatest() and least() ignore the nulls of groups that none was merged into.
_BY_TIME: Final = f"""{_sums()},
merged as (
  select a.root, min(g.first_seen) as first_seen, max(g.last_seen) as last_seen
  from group_aliases a join groups g on g.id = a.id where a.project = $1 group by 1),
ranked as (
  select sums.*, case $11::text when 'last_seen' then greatest(g.last_seen, m.last_seen)
                                else least(g.first_seen, m.first_seen) end as rank
  from sums join groups g using (id) left join merged m on m.root = sums.id)
{_PAGE}"""  # noqa: S608  constants of this module

_BY_USERS: Final = f"""{_sums(_USER_BOUNDS)},
ranked as (select *, most + case when most > 1024 then most / 16 else 0 end as rank from sums)
select id, crashes, messages, rank, fewest from ranked left join group_states s using (id)
where {_matches("ranked.id")} and ($7::bigint is null or (fewest, id) < ($7, $8::text))
order by rank desc, id desc limit $9"""  # noqa: S608  constants of this module

# Groups that nothing was merged into, read in index order from the greatest time on, until a page is full: the usual
# list needs no sum over all groups.
_UNMERGED: Final = """
select id, array[id] as members, {seen} as rank from groups g
where project = $1 and ($7::bigint is null or ({seen} <= $7 and ({seen}, id) < ($7, $8::text)))
  and not exists (select from group_aliases a where a.id = g.id)
  and not exists (select from group_aliases a where a.root = g.id)
order by {seen} desc, id desc limit $11"""

_MERGED: Final = """
select * from (
  select a.root as id, array_agg(g.id) as members, {of}(g.{seen}) as rank
  from (select id, root from group_aliases where project = $1
        union select root, root from group_aliases where project = $1) a
  join groups g on g.id = a.id
  group by 1) m
where $7::bigint is null or (rank, id) < ($7, $8::text)
order by rank desc, id desc limit $11"""

_ONE_BY_ONE: Final = f"""
select g.id, n.crashes, n.messages, g.rank
from ({{groups}}) g
cross join lateral (select {_COUNTS}{_WINDOWS} and w.grp = any(g.members) having count(*) > 0) n
left join group_states s on s.id = g.id
where {_matches("g.id")}
order by g.rank desc, g.id desc limit $9"""  # noqa: S608  constants of this module

_ONE_BY_ONE_BY_TIME: Final = {
    seen: [_ONE_BY_ONE.format(groups=groups.format(seen=seen, of=of)) for groups in (_UNMERGED, _MERGED)]
    for seen, of in (("last_seen", "max"), ("first_seen", "min"))
}

# The same for the rate: the last minutes hold few groups, compared with the range.
_RECENT: Final = f"""
select id, array(select a.id from group_aliases a where a.root = o.id) || id as members, n as rank
from ({_OTHER}) o
where n > 0 and ($7::bigint is null or (n, id) < ($7, $8::text))
order by n desc, id desc limit $11"""  # noqa: S608  constants of this module
_ONE_BY_ONE_BY_RATE: Final = _ONE_BY_ONE.format(groups=_RECENT)

_MEMBERS: Final = "select root, id from group_aliases where root = any($1::text[])"

_SKETCHES: Final = """
select w.grp, w.sketches
from unnest($4::int[], $5::bigint[], $6::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high
where w.sketches is not null"""


class Ranges(NamedTuple):
    """The windows that a page of groups is computed from."""

    whole: list[WindowRange]
    recent: list[WindowRange]
    """The last minutes of the range."""
    before: list[WindowRange]
    """The equally long range before."""


class After(NamedTuple):
    """Where a page begins: behind the group of this rank and id; None for the first page."""

    rank: int | None = None
    id: str = ""


class RankedGroup(NamedTuple):
    """A group with its sums over the range and the number that it is ranked by."""

    id: str
    crashes: int
    messages: int
    rank: int


class _BoundedGroup(NamedTuple):
    """A group whose users lie between ``fewest`` and ``rank``, inclusive."""

    id: str
    crashes: int
    messages: int
    rank: int
    fewest: int


async def rank_groups(connection: Connection, query: GroupsQuery, ranges: Ranges, after: After) -> list[RankedGroup]:
    """Return the groups that follow ``after``, greatest first, one more than the page's limit where there are.

    Call within a transaction: the planner's settings are local to it.
    """
    await connection.execute(PLANNER)
    if query.sort == "users":
        return await _by_users(connection, query, ranges, after)
    if query.sort in _ONE_BY_ONE_BY_TIME:
        return await _by_time(connection, query, ranges, after)
    if query.sort == "rate":
        parameters = _parameters(query, ranges, after, query.limit + 1)
        recent = await connection.fetch(_ONE_BY_ONE_BY_RATE, *parameters, SUMMED_ONE_BY_ONE, *columns(ranges.recent))
        if len(recent) > query.limit:
            return [RankedGroup(*record) for record in recent]
    return await _by_count(connection, query, ranges, after)


async def count_users(
    connection: Connection,
    project: int,
    members: Mapping[str, Sequence[str]],
    release: str,
    windows: Sequence[WindowRange],
) -> dict[str, int]:
    """Return the distinct users with a crash of each group, its members united."""
    root = {member: group for group, ids in members.items() for member in ids}
    sketches: dict[str, list[bytes]] = defaultdict(list)
    for record in await connection.fetch(_SKETCHES, project, list(root), release, *columns(windows)):
        sketches[root[record["grp"]]].append(decode_sketches(record["sketches"]).get("users", sketch.EMPTY))
    return {group: sketch.estimate(sketch.union(sketches[group])) for group in members}


def _parameters(query: GroupsQuery, ranges: Ranges, after: After, limit: int) -> list[Any]:
    """Return the parameters $1 to $10 of the SQL above: at most ``limit`` groups that follow ``after``."""
    filters = [query.status, query.level, query.handled]
    return [query.project, query.release, *columns(ranges.whole), filters, *after, limit, query.only]


def _greatest(groups: Sequence[RankedGroup], limit: int) -> list[RankedGroup]:
    return sorted(groups, key=lambda group: (group.rank, group.id), reverse=True)[:limit]


async def _by_count(connection: Connection, query: GroupsQuery, ranges: Ranges, after: After) -> list[RankedGroup]:
    other = {"rate": ranges.recent, "growth": ranges.before}.get(query.sort, [])
    parameters = _parameters(query, ranges, after, query.limit + 1)
    return [RankedGroup(*row) for row in await connection.fetch(_BY_COUNT, *parameters, query.sort, *columns(other))]


async def _by_time(connection: Connection, query: GroupsQuery, ranges: Ranges, after: After) -> list[RankedGroup]:
    parameters = _parameters(query, ranges, after, query.limit + 1)
    of_unmerged, of_merged = _ONE_BY_ONE_BY_TIME[query.sort]
    unmerged = await connection.fetch(of_unmerged, *parameters, SUMMED_ONE_BY_ONE)
    if len(unmerged) > query.limit:
        # Merged groups are few and have no index of their own: all of them compete with the unmerged.
        merged = await connection.fetch(of_merged, *parameters, None)
        return _greatest([RankedGroup(*record) for record in (*unmerged, *merged)], query.limit + 1)
    return [RankedGroup(*record) for record in await connection.fetch(_BY_TIME, *parameters, query.sort)]


async def _by_users(connection: Connection, query: GroupsQuery, ranges: Ranges, after: After) -> list[RankedGroup]:
    limit, known = max(FIRST_BOUNDS, 4 * query.limit), 0
    page: list[RankedGroup] = []
    while True:
        records = await connection.fetch(_BY_USERS, *_parameters(query, ranges, after, limit))
        bounded = [_BoundedGroup(*record) for record in records]
        for at in range(known, len(bounded), UNITED_AT_ONCE):
            if _complete(page, query.limit + 1, bounded[at]):
                return page
            counted = await _count_bounded(connection, query, ranges, bounded[at : at + UNITED_AT_ONCE])
            following = [
                group for group in counted if after.rank is None or (group.rank, group.id) < (after.rank, after.id)
            ]
            page = _greatest([*page, *following], query.limit + 1)
        if len(bounded) < limit:
            return page
        known, limit = limit, 8 * limit


def _complete(page: Sequence[RankedGroup], limit: int, following: _BoundedGroup) -> bool:
    """Return whether no group from ``following`` on can be among the first ``limit``."""
    return len(page) == limit and (page[-1].rank, page[-1].id) > (following.rank, following.id)


async def _count_bounded(
    connection: Connection, query: GroupsQuery, ranges: Ranges, groups: Sequence[_BoundedGroup]
) -> list[RankedGroup]:
    """Count the users of the groups whose bounds differ; equal bounds are the count."""
    members = {group.id: [group.id] for group in groups if group.fewest < group.rank}
    for record in await connection.fetch(_MEMBERS, list(members)):
        members[record["root"]].append(record["id"])
    users = await count_users(connection, query.project, members, query.release, ranges.whole)
    return [RankedGroup(group.id, group.crashes, group.messages, users.get(group.id, group.rank)) for group in groups]
