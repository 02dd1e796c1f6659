"""Reads groups: pages of them over a range, one by id; members of a merged group are summed and united."""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import asyncpg
import msgspec

from app.cells import DAY
from app.model import Address
from app.stores.contract import GroupRow
from app.stores.ranges import Piece, columns
from app.stores.rows import Connection
from tables import sketch
from tables.windows import decode_sketches

Sort = Literal["last_seen", "first_seen", "count", "users", "rate", "growth"]
SORTS: Final = ("last_seen", "first_seen", "count", "users", "rate", "growth")
_SOME: Final = 200
"""Groups whose sketches are united at once: bounds the memory of a list sorted by users."""

# A list of open groups shows the regressed ones too: they are open again. `other` is what a sort looks at besides: the
# last minutes for the rate, the range before for growth, which is ranked by how sure it is: the difference in units of
# what chance does to such a sum.
_LIST = """
with sums as (
  select coalesce(a.root, w.grp) as id,
         sum(coalesce((w.counts ->> 'crashes')::bigint, 0))::bigint as crashes,
         sum(coalesce((w.counts ->> 'messages')::bigint, 0))::bigint as messages
  from unnest($3::int[], $4::bigint[], $5::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.grp <> '' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high
  left join group_aliases a on a.id = w.grp
  group by 1),
other as (
  select coalesce(a.root, w.grp) as id,
         sum(coalesce((w.counts ->> 'crashes')::bigint, 0)
             + coalesce((w.counts ->> 'messages')::bigint, 0))::bigint as n
  from unnest($11::int[], $12::bigint[], $13::bigint[]) r (size, low, high)
  join windows w on w.project = $1 and w.kind = 'c' and w.grp <> '' and w.release = $2
    and w.size = r.size and w.start >= r.low and w.start < r.high
  left join group_aliases a on a.id = w.grp
  group by 1),
seen as (
  select coalesce(a.root, g.id) as id, min(g.first_seen) as first_seen, max(g.last_seen) as last_seen
  from groups g left join group_aliases a on a.id = g.id
  where g.project = $1
  group by 1),
ranked as (
  select sums.*, case $6::text when 'last_seen' then seen.last_seen when 'first_seen' then seen.first_seen
                               when 'rate' then coalesce(other.n, 0)
                               when 'growth' then (1000 * (crashes + messages - coalesce(other.n, 0))
                                                   / sqrt(crashes + messages + coalesce(other.n, 0) + 1))::bigint
                               else crashes end as rank
  from sums join seen on seen.id = sums.id left join other on other.id = sums.id
       left join group_states s on s.id = sums.id
  where $7::text = '' or coalesce(s.status, 'open') = $7 or ($7 = 'open' and s.status = 'regressed'))
select id, crashes, messages, rank from ranked
where $8::bigint is null or (rank, id) < ($8, $9::text)
order by rank desc, id desc limit $10"""

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

_SKETCHES = """
select w.grp, w.sketches
from unnest($4::int[], $5::bigint[], $6::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high
where w.sketches is not null"""

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


class Asked(NamedTuple):
    """What a page of groups is asked for."""

    project: int
    pieces: list[Piece]
    release: str
    status: str
    sort: Sort
    limit: int
    cursor: str
    recent: list[Piece]
    """The last minutes of the range."""
    before: list[Piece]
    """The equally long range before."""


class _Counted(NamedTuple):
    id: str
    crashes: int
    messages: int
    rank: int


async def page(connection: Connection, asked: Asked) -> tuple[list[GroupRow], str | None]:
    """Give one page of groups, greatest first, and the cursor of the next. Raises ValueError for a bad cursor."""
    rank, after = _decode_cursor(asked.cursor)
    by_users = asked.sort == "users"
    start = (None, "") if by_users else (rank, after)
    most = None if by_users else asked.limit + 1
    other = {"rate": asked.recent, "growth": asked.before}.get(asked.sort, [])
    given = (asked.project, asked.release, *columns(asked.pieces), asked.sort, asked.status, *start, most,
             *columns(other))  # fmt: skip
    counted = [_Counted(*record) for record in await connection.fetch(_LIST, *given)]
    if by_users:
        counted = await _by_users(connection, asked, counted)
        counted = [each for each in counted if rank is None or (each.rank, each.id) < (rank, after)]
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
    return (await _rows(connection, [_Counted(root, crashes, messages, 0)], "", always))[0]


async def root_of(connection: Connection, group: str) -> str:
    """Give the group that this one was merged into, itself where it was not."""
    root = await connection.fetchval("select root from group_aliases where id = $1", group)
    return str(root) if root else group


async def members_of(connection: Connection, group: str) -> list[str]:
    """Give the ids whose events belong to a group (or to the one that it was merged into), the root first."""
    root = await root_of(connection, group)
    records = await connection.fetch("select id from group_aliases where root = $1 order by id", root)
    return [root, *(record["id"] for record in records)]


async def _by_users(connection: Connection, asked: Asked, counted: Sequence[_Counted]) -> list[_Counted]:
    ranked: list[_Counted] = []
    for at in range(0, len(counted), _SOME):
        some = counted[at : at + _SOME]
        records = await connection.fetch(_GROUPS, [each.id for each in some])
        members = {record["id"]: record["members"] for record in records}
        users = await _users(connection, asked.project, members, asked.release, asked.pieces)
        ranked += [each._replace(rank=users[each.id]) for each in some]
    return sorted(ranked, key=lambda each: (each.rank, each.id), reverse=True)


async def _rows(
    connection: Connection, counted: Sequence[_Counted], release: str, pieces: Sequence[Piece]
) -> list[GroupRow]:
    if not counted:
        return []
    records = {r["id"]: r for r in await connection.fetch(_GROUPS, [each.id for each in counted])}
    members = {group: record["members"] for group, record in records.items()}
    project = next(iter(records.values()))["project"]
    users = await _users(connection, project, members, release, pieces)
    return [_row(records[each.id], each, users[each.id]) for each in counted]


async def _users(
    connection: Connection,
    project: int,
    members: Mapping[str, Sequence[str]],
    release: str,
    pieces: Sequence[Piece],
) -> dict[str, int]:
    """Give the distinct users with a crash of each group, its members united."""
    root = {member: group for group, ids in members.items() for member in ids}
    found: dict[str, list[bytes]] = defaultdict(list)
    for record in await connection.fetch(_SKETCHES, project, list(root), release, *columns(pieces)):
        found[root[record["grp"]]].append(decode_sketches(record["sketches"]).get("users", sketch.EMPTY))
    return {group: sketch.estimate(sketch.union(found[group])) for group in members}


def _row(record: asyncpg.Record, counted: _Counted, users: int) -> GroupRow:
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


def _encode_cursor(last: _Counted) -> str:
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
