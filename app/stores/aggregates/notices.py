"""Groups as deltas tell of them: made once, kept up to date, and a notice for each that is new or needs another look.

All of it is written in the transaction that counts the events, so that a redelivery, which counts none, tells nothing.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal, NamedTuple

import asyncpg

from app.cells import DAY, Cell
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.standing import NOTICES, Seen, Standing, ending, together
from tables.fold import Fold, GroupChange

_UPSERT = """
insert into groups (id, project, title, culprit, platform, level, type, unhandled, grouping, first_release,
                    first_seen, last_seen, sample_event, sample_topic, sample_partition, sample_offset)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::boolean[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[], $14::text[],
                     $15::int[], $16::bigint[])
on conflict (id) do update
  set first_seen = least(groups.first_seen, excluded.first_seen),
      last_seen = greatest(groups.last_seen, excluded.last_seen),
      unhandled = groups.unhandled or excluded.unhandled
  where excluded.first_seen < groups.first_seen or excluded.last_seen > groups.last_seen
     or (excluded.unhandled and not groups.unhandled)
returning id, xmax = 0 as made"""

# A merged group's status is its root's. Rows are locked in one order, whichever partition of `deltas` tells of them.
_STANDING = """
select s.id as root, s.project, s.status, s.since, s.spared, s.events_left, s.until,
       array(select n.id from unnest($1::text[]) n (id) left join group_aliases a on a.id = n.id
             where coalesce(a.root, n.id) = s.id order by n.id) as members
from group_states s
where s.id = any(array(select coalesce(a.root, n.id) from unnest($1::text[]) n (id)
                       left join group_aliases a on a.id = n.id))
  and (s.status = 'resolved' or s.events_left is not null or s.until is not null)
order by s.id
for update of s"""

_END = """
update group_states s
set status = n.status, since = n.at, version = version + 1, spared = null, events_left = null, until = null
from unnest($1::text[], $2::text[], $3::bigint[]) n (id, status, at) where s.id = n.id"""

_COUNT = """
update group_states s set events_left = s.events_left - n.events
from unnest($1::text[], $2::bigint[]) n (id, events) where s.id = n.id"""

_NOTICE = """
insert into notices (id, project, grp, kind, at, release)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[])
on conflict do nothing"""


class _Notice(NamedTuple):
    id: str
    project: int
    group: str
    kind: Literal["new", "regressed", "reopened"]
    at: int
    release: str


async def write_groups(connection: Connection, fold: Fold) -> None:
    """Make or update the groups that a fold tells of, end decisions, and note what is new, regressed or open again."""
    notices = await _write(connection, fold.groups) if fold.groups else []
    seen = _seen(fold)
    notices += await _decide(connection, fold, seen) if seen else []
    if notices:
        await connection.execute(_NOTICE, *(list(column) for column in zip(*notices, strict=True)))


async def _write(connection: Connection, changes: Mapping[str, GroupChange]) -> list[_Notice]:
    cells = {cell.group: cell for cell in map(Cell.parse, changes)}
    groups = {Cell.parse(key).group: change for key, change in changes.items()}
    records = await connection.fetch(_UPSERT, *_columns(sorted(groups), cells, groups))
    made = sorted(record["id"] for record in records if record["made"])
    return [
        _Notice(f"new:{_address(group, told)}", cells[group].project, group, "new", told.first_seen, told.facts.release)
        for group in made
        for told in [groups[group]]
    ]


def _seen(fold: Fold) -> dict[str, Seen]:
    """Give what is counted of each group: every event is in one day of (project, group), and of its release if any."""
    found: dict[str, Seen] = {}
    for key, changes in fold.rows.items():
        cell = Cell.parse(key.cell) if key.size == DAY else None
        if cell is None or cell.kind != "c" or not cell.group:
            continue
        counted = sum(change.counts.get(name, 0) for change in changes for name in ("crashes", "messages"))
        part = Seen(releases=frozenset([cell.release])) if cell.release else Seen(events=counted)
        found[cell.group] = together(found.get(cell.group, Seen()), part)
    for name, group in fold.groups.items():
        cell = Cell.parse(name)
        found[cell.group] = together(found.get(cell.group, Seen()), Seen(last=group.last_seen))
    return found


async def _decide(connection: Connection, fold: Fold, seen: Mapping[str, Seen]) -> list[_Notice]:
    """End the decisions that these events end, and count down those that wait for more."""
    counted: dict[str, int] = {}
    ended: dict[str, tuple[str, int]] = {}
    notices: list[_Notice] = []
    for record in await connection.fetch(_STANDING, list(seen)):
        root, members, standing = record["root"], record["members"], _standing(record)
        whole = reduce(together, (seen[member] for member in members))
        status = ending(standing, whole)
        if status is not None:
            name, at, release = _first(fold, members[0])
            at, kind = whole.last if whole.last is not None else at, NOTICES[status]
            release = min(whole.releases - (standing.spared or frozenset()), default=release)
            ended[root] = (status, at)
            notices.append(_Notice(f"{kind}:{name}", record["project"], root, kind, at, release))
        elif standing.events_left is not None and whole.events:
            counted[root] = whole.events
    if ended:
        await connection.execute(_END, list(ended), *(list(column) for column in zip(*ended.values(), strict=True)))
    if counted:
        await connection.execute(_COUNT, list(counted), list(counted.values()))
    return notices


def _first(fold: Fold, group: str) -> tuple[str, int, str]:
    """Name the first event that a fold counts of a group; give about when (ms) the last happened, and the release.

    Where only windows of its releases are known, the delta that brought the first stands for the event.
    """
    told = next((change for name, change in fold.groups.items() if Cell.parse(name).group == group), None)
    if told is not None:
        return _address(group, told), told.last_seen, told.facts.release
    rows = [(key.start, changes[0].at) for key, changes in fold.rows.items() if Cell.parse(key.cell).group == group]
    generation, offset = min(at for _, at in rows)
    return f"{group}:deltas/{generation}/{offset}", max(start for start, _ in rows) * 1000, ""


def _standing(record: asyncpg.Record) -> Standing:
    spared = record["spared"]
    return Standing(
        record["status"], record["since"], None if spared is None else frozenset(spared),
        record["events_left"], record["until"],
    )  # fmt: skip


def _address(group: str, change: GroupChange) -> str:
    """Name a group's first counted event by its address: the same however often it is written."""
    return f"{group}:{change.source.topic}/{change.source.partition}/{change.facts.sample_offset}"


def _columns(
    order: Sequence[str], cells: Mapping[str, Cell], groups: Mapping[str, GroupChange]
) -> list[list[str] | list[int] | list[bool]]:
    changes = [groups[group] for group in order]
    facts = [change.facts for change in changes]
    return [
        list(order),
        [cells[group].project for group in order],
        [fact.title for fact in facts],
        [fact.culprit for fact in facts],
        [fact.platform for fact in facts],
        [fact.level for fact in facts],
        [fact.type for fact in facts],
        [change.unhandled for change in changes],
        [fact.grouping for fact in facts],
        [fact.release for fact in facts],
        [change.first_seen for change in changes],
        [change.last_seen for change in changes],
        [fact.sample_event for fact in facts],
        [change.source.topic for change in changes],
        [change.source.partition for change in changes],
        [fact.sample_offset for fact in facts],
    ]
