"""Reads groups: a page of a range, or one by id. Counts of merged members are summed, their users united."""

import base64
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Final

import asyncpg
import msgspec

from app.cells import DAY, MINUTE
from app.model import Address
from app.stores.aggregates.groups_rank import After, Ranges, RankedGroup, count_users, rank_groups
from app.stores.aggregates.ranges import WindowRange, columns, cover, sizes_of
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.states import read_together
from app.stores.aggregates.types import GROUP_SORTS, GroupPage, GroupRow, GroupsQuery

RECENT: Final = 5 * MINUTE
"""The end of a range, in seconds, that ``GroupRow.recent`` and the sort ``rate`` count."""

_GROUPS = """
select g.*, m.members, m.first, m.last, m.any_unhandled, m.first_in, coalesce(s.status, 'open') as status,
       s.spared is not null as next_release, s.events_left, s.until,
       exists (select from windows w where w.project = g.project and w.kind = 'c' and w.grp = any(m.members)
                 and w.release = '' and w.size = 86400 and w.counts ? 'handled') as any_handled
from groups g
left join group_states s on s.id = g.id
cross join lateral (
  select array_agg(x.id order by x.id <> g.id, x.id) as members, min(x.first_seen) as first, max(x.last_seen) as last,
         bool_or(x.unhandled) as any_unhandled, (array_agg(x.first_release order by x.first_seen, x.id))[1] as first_in
  from groups x where x.id = any(array(select id from group_aliases where root = g.id) || g.id)) m
where g.id = any($1::text[])"""

_TREND = """
select w.grp, r.what, sum(coalesce((w.counts ->> 'crashes')::bigint, 0)
                          + coalesce((w.counts ->> 'messages')::bigint, 0))::bigint as n
from unnest($4::int[], $5::bigint[], $6::bigint[], $7::text[]) r (size, low, high, what)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high
group by 1, 2"""

_LIFE = """
select sum(coalesce((counts ->> 'crashes')::bigint, 0))::bigint as crashes,
       sum(coalesce((counts ->> 'messages')::bigint, 0))::bigint as messages
from windows where project = $1 and kind = 'c' and grp = any($2::text[]) and release = '' and size = $3"""


_Rank = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_.:-]*$")]
_ALL_TIME: Final = [WindowRange(DAY, -(2**62), 2**62)]
"""Day windows are never deleted, and every event is in one."""


async def read_page(connection: Connection, query: GroupsQuery) -> GroupPage:
    """Return one page of groups. Raises ValueError for an unknown sort or a cursor that no page returned."""
    if query.sort not in GROUP_SORTS:
        raise ValueError(f"sort: expected one of {', '.join(GROUP_SORTS)}, received {query.sort!r}")
    if query.only is not None:
        query = msgspec.structs.replace(query, only=await read_together(connection, query.only))
    start, end = query.start, query.end
    ranges = Ranges(
        whole=cover(start, end), recent=cover(max(start, end - RECENT), end), before=cover(2 * start - end, start)
    )
    ranked = await rank_groups(connection, query, ranges, _decode_cursor(query.cursor))
    listed = ranked[: query.limit]
    rows = await _read_rows(connection, listed, query.release, ranges.whole)
    rows = await _add_trend(connection, rows, query, ranges)
    following = _encode_cursor(listed[-1]) if len(ranked) > query.limit else None
    return GroupPage(rows, following, sizes_of(ranges.whole))


async def _add_trend(
    connection: Connection, rows: list[GroupRow], query: GroupsQuery, ranges: Ranges
) -> list[GroupRow]:
    """Set how many events each group has in the last minutes, and in the range before."""
    root = {member: row.id for row in rows for member in row.members}
    what = ["recent"] * len(ranges.recent) + ["before"] * len(ranges.before)
    windows = columns([*ranges.recent, *ranges.before])
    events: dict[str, dict[str, int]] = defaultdict(lambda: {"recent": 0, "before": 0})
    for record in await connection.fetch(_TREND, query.project, list(root), query.release, *windows, what):
        events[root[record["grp"]]][record["what"]] += record["n"]
    return [msgspec.structs.replace(row, **events[row.id]) for row in rows]


async def read_group(connection: Connection, group: str) -> GroupRow | None:
    """Return a group, or the one that it was merged into, over all its life; None for an unknown id."""
    root = await root_of(connection, group)
    records = await connection.fetch(_GROUPS, [root])
    if not records:
        return None
    counts = await connection.fetchrow(_LIFE, records[0]["project"], records[0]["members"], DAY)
    crashes, messages = (counts["crashes"] or 0, counts["messages"] or 0) if counts else (0, 0)
    ranked = RankedGroup(root, crashes, messages, rank=0)
    return (await _read_rows(connection, [ranked], "", _ALL_TIME))[0]


async def root_of(connection: Connection, group: str) -> str:
    """Return the group that this one was merged into, or its own id."""
    root = await connection.fetchval("select root from group_aliases where id = $1", group)
    return str(root) if root else group


async def members_of(connection: Connection, group: str) -> list[str]:
    """Return the ids whose events belong to a group (or to the one that it was merged into), the root first."""
    root = await root_of(connection, group)
    records = await connection.fetch("select id from group_aliases where root = $1 order by id", root)
    return [root, *(record["id"] for record in records)]


async def _read_rows(
    connection: Connection, ranked: Sequence[RankedGroup], release: str, windows: Sequence[WindowRange]
) -> list[GroupRow]:
    if not ranked:
        return []
    records = {r["id"]: r for r in await connection.fetch(_GROUPS, [group.id for group in ranked])}
    members = {group: record["members"] for group, record in records.items()}
    project = next(iter(records.values()))["project"]
    users = await count_users(connection, project, members, release, windows)
    return [_row(records[group.id], group, users[group.id]) for group in ranked]


def _row(record: asyncpg.Record, ranked: RankedGroup, users: int) -> GroupRow:
    return GroupRow(
        id=record["id"],
        project=record["project"],
        title=record["title"],
        culprit=record["culprit"],
        platform=record["platform"],
        level=record["level"],
        type=record["type"],
        unhandled=record["any_unhandled"],
        count=ranked.crashes,
        messages=ranked.messages,
        users=users,
        first_seen=record["first"],
        last_seen=record["last"],
        first_release=record["first_in"],
        status=record["status"],
        grouping=record["grouping"],
        members=list(record["members"]),
        sample=Address(record["sample_topic"], record["sample_partition"], record["sample_offset"]),
        sample_event=record["sample_event"],
        next_release=record["next_release"],
        events_left=record["events_left"],
        until=record["until"],
        cause=record["cause"],
        handled=False if record["any_unhandled"] else True if record["any_handled"] else None,
    )


def _encode_cursor(last: RankedGroup) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.rank, last.id))).decode().rstrip("=")


def _decode_cursor(cursor: str) -> After:
    if not cursor:
        return After()
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        rank, group = msgspec.json.decode(data, type=tuple[_Rank, _Id])
    except ValueError as error:
        raise ValueError("cursor: expected the next of an earlier page") from error
    return After(rank, group)
