"""Reads groups: pages of them over a range, one by id; members of a merged group are summed and united."""

import base64
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import asyncpg
import msgspec

from app.cells import DAY
from app.model import Address
from app.stores.aggregates.groups_rank import ranked
from app.stores.aggregates.groups_sql import Asked, Counted
from app.stores.aggregates.groups_users import users_of
from app.stores.aggregates.ranges import Piece, columns
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.types import GroupRow

_GROUPS = """
select g.*, m.members, m.first, m.last, m.any_unhandled, m.first_in, coalesce(s.status, 'open') as status,
       s.spared is not null as next_release, s.events_left, s.until
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


async def page(connection: Connection, asked: Asked) -> tuple[list[GroupRow], str | None]:
    """Give one page of groups, greatest first, and the cursor of the next. Raises ValueError for a bad cursor."""
    rank, after = _decode_cursor(asked.cursor)
    counted = await ranked(connection, asked, rank, after)
    shown = counted[: asked.limit]
    following = _encode_cursor(shown[-1]) if len(counted) > asked.limit else None
    rows = await _rows(connection, shown, asked.release, asked.pieces)
    return await _with_trend(connection, asked, rows), following


async def _with_trend(connection: Connection, asked: Asked, rows: list[GroupRow]) -> list[GroupRow]:
    """Add how many events the last minutes and the range before had."""
    root = {member: row.id for row in rows for member in row.members}
    what = ["recent"] * len(asked.recent) + ["before"] * len(asked.before)
    given = (asked.project, list(root), asked.release, *columns([*asked.recent, *asked.before]), what)
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"recent": 0, "before": 0})
    for record in await connection.fetch(_TREND, *given):
        found[root[record["grp"]]][record["what"]] += record["n"]
    return [msgspec.structs.replace(row, **found[row.id]) for row in rows]


async def one(connection: Connection, group: str) -> GroupRow | None:
    """Give a group, or the one that it was merged into, over all its life; None where there is none."""
    root = await root_of(connection, group)
    records = await connection.fetch(_GROUPS, [root])
    if not records:
        return None
    project, members = records[0]["project"], records[0]["members"]
    counts = await connection.fetchrow(_LIFE, project, members, DAY)
    crashes, messages = (counts["crashes"] or 0, counts["messages"] or 0) if counts else (0, 0)
    always = [Piece(DAY, -(2**62), 2**62)]
    return (await _rows(connection, [Counted(root, crashes, messages, 0)], "", always))[0]


async def root_of(connection: Connection, group: str) -> str:
    """Give the group that this one was merged into, itself where it was not."""
    root = await connection.fetchval("select root from group_aliases where id = $1", group)
    return str(root) if root else group


async def members_of(connection: Connection, group: str) -> list[str]:
    """Give the ids whose events belong to a group (or to the one that it was merged into), the root first."""
    root = await root_of(connection, group)
    records = await connection.fetch("select id from group_aliases where root = $1 order by id", root)
    return [root, *(record["id"] for record in records)]


async def _rows(
    connection: Connection, counted: Sequence[Counted], release: str, pieces: Sequence[Piece]
) -> list[GroupRow]:
    if not counted:
        return []
    records = {r["id"]: r for r in await connection.fetch(_GROUPS, [each.id for each in counted])}
    members = {group: record["members"] for group, record in records.items()}
    project = next(iter(records.values()))["project"]
    users = await users_of(connection, project, members, release, pieces)
    return [_row(records[each.id], each, users[each.id]) for each in counted]


def _row(record: asyncpg.Record, counted: Counted, users: int) -> GroupRow:
    return GroupRow(
        id=record["id"],
        project=record["project"],
        title=record["title"],
        culprit=record["culprit"],
        platform=record["platform"],
        level=record["level"],
        type=record["type"],
        unhandled=record["any_unhandled"],
        count=counted.crashes,
        messages=counted.messages,
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
    )


def _encode_cursor(last: Counted) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((last.rank, last.id))).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[int | None, str]:
    if not cursor:
        return None, ""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        rank, group = msgspec.json.decode(data, type=tuple[_Rank, _Id])
    except ValueError as error:
        raise ValueError("a cursor that no page gave") from error
    return rank, group
