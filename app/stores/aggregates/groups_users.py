"""Distinct users of groups: a union of sketches for each that is shown, and for as few others as a ranking needs.

To rank, PostgreSQL bounds each group's users by the lengths of its sketches alone. The greatest bounds are looked at
first, until no bound that is left reaches what a page shows: the ranking is that of the unions, exactly.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from app.stores.aggregates.groups_sql import CHOSEN, Asked, Counted, first, sums
from app.stores.aggregates.ranges import Piece, columns
from app.stores.aggregates.rows import Connection
from tables import sketch
from tables.windows import decode_sketches

STEP: Final = 200
"""Groups whose sketches are united at once: bounds the memory of a list sorted by users."""
FIRST: Final = 1000
"""Groups that are bounded at first; eight times as many whenever they do not do."""

# The row of a group in a window has one sketch: 7 bytes around its name, 2 or 3 of length, 8 a hash. From 12288 bytes
# on it is registers: at least 1025 users, no more than crashes. What registers estimate is taken to be within 1/16 of
# the truth, which is eight standard deviations.
_BOUNDS: Final = """,
         coalesce(max(least((octet_length(w.sketches) - 9) / 8, 960)), 0) as fewest,
         coalesce(sum(case when octet_length(w.sketches) >= 12288 then (w.counts ->> 'crashes')::bigint
                           else (octet_length(w.sketches) - 9) / 8 end), 0)::bigint as most"""

_BY_USERS: Final = f"""{sums(_BOUNDS)},
ranked as (select *, most + case when most > 1024 then most / 16 else 0 end as rank from sums)
select id, crashes, messages, rank, fewest from ranked left join group_states s using (id)
where {CHOSEN} and ($7::bigint is null or (fewest, id) < ($7, $8::text))
order by rank desc, id desc limit $9"""  # noqa: S608  constants of this package

_MEMBERS: Final = "select root, id from group_aliases where root = any($1::text[])"

_SKETCHES: Final = """
select w.grp, w.sketches
from unnest($4::int[], $5::bigint[], $6::bigint[]) r (size, low, high)
join windows w on w.project = $1 and w.kind = 'c' and w.grp = any($2::text[]) and w.release = $3
  and w.size = r.size and w.start >= r.low and w.start < r.high
where w.sketches is not null"""


class _Bounded(NamedTuple):
    """A group whose users lie between ``fewest`` and ``rank``, inclusive."""

    id: str
    crashes: int
    messages: int
    rank: int
    fewest: int


async def users_of(
    connection: Connection, project: int, members: Mapping[str, Sequence[str]], release: str, pieces: Sequence[Piece]
) -> dict[str, int]:
    """Give the distinct users with a crash of each group, its members united."""
    root = {member: group for group, ids in members.items() for member in ids}
    found: dict[str, list[bytes]] = defaultdict(list)
    for record in await connection.fetch(_SKETCHES, project, list(root), release, *columns(pieces)):
        found[root[record["grp"]]].append(decode_sketches(record["sketches"]).get("users", sketch.EMPTY))
    return {group: sketch.estimate(sketch.union(found[group])) for group in members}


async def by_users(connection: Connection, asked: Asked, rank: int | None, after: str) -> list[Counted]:
    """Give the groups that follow (``rank``, ``after``) by users, one more than a page shows if there are."""
    most, known = max(FIRST, 4 * asked.limit), 0
    found: list[Counted] = []
    while True:
        bounded = [_Bounded(*each) for each in await connection.fetch(_BY_USERS, *asked.given(rank, after, most))]
        for at in range(known, len(bounded), STEP):
            if _enough(found, asked.limit + 1, bounded[at]):
                return found
            counted = await _counted(connection, asked, bounded[at : at + STEP])
            found = first([*found, *_following(counted, rank, after)], asked.limit + 1)
        if len(bounded) < most:
            return found
        known, most = most, 8 * most


def _enough(found: Sequence[Counted], most: int, following: _Bounded) -> bool:
    """Tell whether nothing that follows can be among the first ``most``."""
    return len(found) == most and (found[-1].rank, found[-1].id) > (following.rank, following.id)


def _following(counted: Sequence[Counted], rank: int | None, after: str) -> list[Counted]:
    return [each for each in counted if rank is None or (each.rank, each.id) < (rank, after)]


async def _counted(connection: Connection, asked: Asked, some: Sequence[_Bounded]) -> list[Counted]:
    """Count the users of groups whose bounds differ."""
    members = {each.id: [each.id] for each in some if each.fewest < each.rank}
    for record in await connection.fetch(_MEMBERS, list(members)):
        members[record["root"]].append(record["id"])
    users = await users_of(connection, asked.project, members, asked.release, asked.pieces)
    return [Counted(each.id, each.crashes, each.messages, users.get(each.id, each.rank)) for each in some]
