"""Ranks the groups of a range: counts are summed in PostgreSQL, and no more comes over than a page shows.

A merged group is ranked by all its members. Ties are broken by id, so that pages follow one another whatever is written
between them.
"""

from typing import Final

from app.stores.aggregates.groups_sql import CHOSEN, COUNTS, TUNED, WINDOWS, Asked, Counted, first, sums
from app.stores.aggregates.groups_users import by_users
from app.stores.aggregates.ranges import columns
from app.stores.aggregates.rows import Connection

_PAGE: Final = f"""
select id, crashes, messages, rank from ranked left join group_states s using (id)
where {CHOSEN} and ($7::bigint is null or (rank, id) < ($7, $8::text))
order by rank desc, id desc limit $9"""  # noqa: S608  constants of this package

_OTHER: Final = """
  select coalesce(a.root, w.grp) as id,
         sum(coalesce((w.counts ->> 'crashes')::bigint, 0)
             + coalesce((w.counts ->> 'messages')::bigint, 0))::bigint as n
  from unnest($11::int[], $12::bigint[], $13::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.grp <> '' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high
  left join group_aliases a on a.id = w.grp
  group by 1"""

# `other` is what a sort looks at besides: the last minutes for the rate, the range before for growth, which is ranked
# by how sure it is: the difference in units of what chance does to such a sum.
_BY_COUNT: Final = f"""{sums()},
other as ({_OTHER}),
ranked as (
  select sums.*, case $10::text when 'rate' then coalesce(other.n, 0)
                                when 'growth' then (1000 * (crashes + messages - coalesce(other.n, 0))
                                                    / sqrt(crashes + messages + coalesce(other.n, 0) + 1))::bigint
                                else crashes end as rank
  from sums left join other using (id))
{_PAGE}"""  # noqa: S608  constants of this package

# greatest() and least() pass over the nulls of groups that none was merged into.
_BY_TIME: Final = f"""{sums()},
merged as (
  select a.root, min(g.first_seen) as first_seen, max(g.last_seen) as last_seen
  from group_aliases a join groups g on g.id = a.id where a.project = $1 group by 1),
ranked as (
  select sums.*, case $10::text when 'last_seen' then greatest(g.last_seen, m.last_seen)
                                else least(g.first_seen, m.first_seen) end as rank
  from sums join groups g using (id) left join merged m on m.root = sums.id)
{_PAGE}"""  # noqa: S608  constants of this package

# Groups that nothing was merged into, one after another from the greatest time on, until a page is full: what the usual
# list needs, and no sum of all.
_ALONE: Final = """
select id, array[id] as members, {seen} as rank from groups g
where project = $1 and ($7::bigint is null or ({seen} <= $7 and ({seen}, id) < ($7, $8::text)))
  and not exists (select from group_aliases a where a.id = g.id)
  and not exists (select from group_aliases a where a.root = g.id)
order by {seen} desc, id desc limit $10"""

_MERGED: Final = """
select * from (
  select a.root as id, array_agg(g.id) as members, {of}(g.{seen}) as rank
  from (select id, root from group_aliases where project = $1
        union select root, root from group_aliases where project = $1) a
  join groups g on g.id = a.id
  group by 1) m
where $7::bigint is null or (rank, id) < ($7, $8::text)
order by rank desc, id desc limit $10"""

_WALK: Final = f"""
select g.id, n.crashes, n.messages, g.rank
from ({{groups}}) g
cross join lateral (select {COUNTS}{WINDOWS} and w.grp = any(g.members) having count(*) > 0) n
left join group_states s on s.id = g.id
where {CHOSEN}
order by g.rank desc, g.id desc limit $9"""  # noqa: S608  constants of this package

_WALKS: Final = {
    seen: [_WALK.format(groups=groups.format(seen=seen, of=of)) for groups in (_ALONE, _MERGED)]
    for seen, of in (("last_seen", "max"), ("first_seen", "min"))
}

# The same for the rate: what happened in the last minutes is little beside the range.
_RECENT: Final = f"""
select id, array(select a.id from group_aliases a where a.root = o.id) || id as members, n as rank
from ({_OTHER}) o
where n > 0 and ($7::bigint is null or (n, id) < ($7, $8::text))
order by n desc, id desc limit $10"""  # noqa: S608  constants of this package
_BY_RATE: Final = _WALK.format(groups=_RECENT)

WALKED: Final = 1000
"""Groups that are looked at one by one, at most; a range or release that few of them are in is summed at once."""


async def ranked(connection: Connection, asked: Asked, rank: int | None, after: str) -> list[Counted]:
    """Give the groups that follow (``rank``, ``after``), greatest first, one more than a page shows if there are.

    Within a transaction: it sets what the planner may use in it.
    """
    await connection.execute(TUNED)
    if asked.sort == "users":
        return await by_users(connection, asked, rank, after)
    if asked.sort in _WALKS:
        return await _by_time(connection, asked, rank, after)
    if asked.sort == "rate":
        given = asked.given(rank, after, asked.limit + 1)
        recent = await connection.fetch(_BY_RATE, *given, WALKED, *columns(asked.recent))
        if len(recent) > asked.limit:
            return [Counted(*each) for each in recent]
    return await _by_count(connection, asked, rank, after)


async def _by_count(connection: Connection, asked: Asked, rank: int | None, after: str) -> list[Counted]:
    other = {"rate": asked.recent, "growth": asked.before}.get(asked.sort, [])
    given = asked.given(rank, after, asked.limit + 1)
    return [Counted(*each) for each in await connection.fetch(_BY_COUNT, *given, asked.sort, *columns(other))]


async def _by_time(connection: Connection, asked: Asked, rank: int | None, after: str) -> list[Counted]:
    given, (walk, walk_merged) = asked.given(rank, after, asked.limit + 1), _WALKS[asked.sort]
    alone = [Counted(*each) for each in await connection.fetch(walk, *given, WALKED)]
    if len(alone) > asked.limit:
        merged = await connection.fetch(walk_merged, *given, None)
        return first([*alone, *(Counted(*each) for each in merged)], asked.limit + 1)
    return [Counted(*each) for each in await connection.fetch(_BY_TIME, *given, asked.sort)]
