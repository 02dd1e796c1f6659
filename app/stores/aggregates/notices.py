"""Writes a fold's groups, ends decisions about them, and writes notices of new, regressed and reopened groups.

All of it is written in the transaction that counts the events: a redelivery, which counts none, writes no notice
(EXACTNESS.md, "Notices").
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal, NamedTuple

import asyncpg

from app.cells import DAY, Cell
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.standing import NOTICE_KINDS, Decision, GroupActivity, combine, status_after
from tables.fold import Fold, GroupChange

# What a row says of one event is of the group's first, the least (time, address), in whatever order events are counted
# (EXACTNESS.md, "Rates"). Topics are compared by code points, as tables/fold.py does.
_UPSERT = """
insert into groups (id, project, title, culprit, platform, level, type, unhandled, grouping, first_release,
                    first_seen, last_seen, sample_event, sample_topic, sample_partition, sample_offset, cause)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::boolean[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[], $14::text[],
                     $15::int[], $16::bigint[], $17::text[])
on conflict (id) do update
  set (title, culprit, platform, level, type, grouping, first_release, first_seen, sample_event, sample_topic,
       sample_partition, sample_offset, cause)
      = (select title, culprit, platform, level, type, grouping, first_release, first_seen, sample_event, sample_topic,
                sample_partition, sample_offset, cause
         from (select groups.* union all select excluded.*) f
         order by first_seen, sample_topic collate "C", sample_partition, sample_offset limit 1),
      last_seen = greatest(groups.last_seen, excluded.last_seen),
      unhandled = groups.unhandled or excluded.unhandled
  where (excluded.first_seen, excluded.sample_topic collate "C", excluded.sample_partition, excluded.sample_offset)
      < (groups.first_seen, groups.sample_topic, groups.sample_partition, groups.sample_offset)
     or excluded.last_seen > groups.last_seen or (excluded.unhandled and not groups.unhandled)
returning id, xmax = 0 as made"""

# A merged group's status is its root's. Rows are locked in the order of ids, so that partitions of `deltas` that change
# the same groups do not deadlock.
_DECISIONS = """
select s.id as root, s.project, s.status, s.since, s.spared, s.events_left, s.until,
       array(select n.id from unnest($1::text[]) n (id) left join group_aliases a on a.id = n.id
             where coalesce(a.root, n.id) = s.id order by n.id) as members
from group_states s
where s.id = any(array(select coalesce(a.root, n.id) from unnest($1::text[]) n (id)
                       left join group_aliases a on a.id = n.id))
  and (s.status = 'resolved' or s.events_left is not null or s.until is not null)
order by s.id
for update of s"""

_END_DECISIONS = """
update group_states s
set status = n.status, since = n.at, version = version + 1, spared = null, events_left = null, until = null
from unnest($1::text[], $2::text[], $3::bigint[]) n (id, status, at) where s.id = n.id"""

_COUNT_DOWN = """
update group_states s set events_left = s.events_left - n.events
from unnest($1::text[], $2::bigint[]) n (id, events) where s.id = n.id"""

_NOTICE = """
insert into notices (id, project, grp, kind, at, release, pending)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::boolean[])
on conflict do nothing"""


class _NewNotice(NamedTuple):
    """A row of ``notices``, in the order of _NOTICE's parameters."""

    id: str
    project: int
    group: str
    kind: Literal["new", "regressed", "reopened"]
    at: int
    release: str
    pending: bool = False
    """Whether it waits for the comparison of keys: a near duplicate of another group is nothing new."""


class _FirstEvent(NamedTuple):
    """The first event that a fold counts of a group: a stable name; about when the last happened (ms); a release."""

    name: str
    last_seen: int
    release: str


async def write_groups(connection: Connection, fold: Fold) -> None:
    """Create or update the groups of a fold, end decisions, and write notices of new, regressed and reopened groups."""
    notices = await _write(connection, fold.groups) if fold.groups else []
    activity = _activity(fold)
    notices += await _apply_decisions(connection, fold, activity) if activity else []
    if notices:
        await connection.execute(_NOTICE, *(list(column) for column in zip(*notices, strict=True)))


async def _write(connection: Connection, changes: Mapping[str, GroupChange]) -> list[_NewNotice]:
    cells = {cell.group: cell for cell in map(Cell.parse, changes)}
    groups = {Cell.parse(key).group: change for key, change in changes.items()}
    records = await connection.fetch(_UPSERT, *_columns(sorted(groups), cells, groups))
    return [_new(group, cells[group], groups[group]) for group in sorted(r["id"] for r in records if r["made"])]


def _new(group: str, cell: Cell, change: GroupChange) -> _NewNotice:
    return _NewNotice(
        id=f"new:{_event_name(group, change)}",
        project=cell.project,
        group=group,
        kind="new",
        at=change.facts.first_seen,
        release=change.begun_by[0].release,
        pending=bool(change.sights),
    )


def _activity(fold: Fold) -> dict[str, GroupActivity]:
    """Return what the fold counts of each group, from day windows: every event is in one of (project, group).

    An event with a release is also in one of (project, group, release), from which the releases are read.
    """
    activity: dict[str, GroupActivity] = {}
    for key, changes in fold.rows.items():
        cell = Cell.parse(key.cell) if key.size == DAY else None
        if cell is None or cell.kind != "c" or not cell.group:
            continue
        events = sum(change.counts.get(name, 0) for change in changes for name in ("crashes", "messages"))
        part = GroupActivity(releases=frozenset([cell.release])) if cell.release else GroupActivity(events=events)
        activity[cell.group] = combine(activity.get(cell.group, GroupActivity()), part)
    for name, group in fold.groups.items():
        cell = Cell.parse(name)
        activity[cell.group] = combine(
            activity.get(cell.group, GroupActivity()), GroupActivity(last_seen=group.last_seen)
        )
    return activity


async def _apply_decisions(
    connection: Connection, fold: Fold, activity: Mapping[str, GroupActivity]
) -> list[_NewNotice]:
    """End the decisions that these events end, and count down those that wait for further events."""
    counted: dict[str, int] = {}
    ended: dict[str, tuple[str, int]] = {}
    notices: list[_NewNotice] = []
    for record in await connection.fetch(_DECISIONS, list(activity)):
        root, members, decision = record["root"], record["members"], _decision(record)
        whole = reduce(combine, (activity[member] for member in members))
        status = status_after(decision, whole)
        if status is not None:
            first = _first_event(fold, members[0])
            at = first.last_seen if whole.last_seen is None else whole.last_seen
            ended[root] = (status, at)
            kind = NOTICE_KINDS[status]
            notices.append(
                _NewNotice(
                    id=f"{kind}:{first.name}",
                    project=record["project"],
                    group=root,
                    kind=kind,
                    at=at,
                    release=min(whole.releases - (decision.known_releases or frozenset()), default=first.release),
                )
            )
        elif decision.events_left is not None and whole.events:
            counted[root] = whole.events
    if ended:
        columns = (list(column) for column in zip(*ended.values(), strict=True))
        await connection.execute(_END_DECISIONS, list(ended), *columns)
    if counted:
        await connection.execute(_COUNT_DOWN, list(counted), list(counted.values()))
    return notices


def _first_event(fold: Fold, group: str) -> _FirstEvent:
    """Return the first event that a fold counts of a group.

    Where the fold has only windows of the group's releases (the group's own cell lives on another partition), the delta
    that brought the first of them stands for the event, and the start of the last window for its time.
    """
    change = next((change for name, change in fold.groups.items() if Cell.parse(name).group == group), None)
    if change is not None:
        return _FirstEvent(_event_name(group, change), change.last_seen, change.begun_by[0].release)
    windows = [(key.start, changes[0].at) for key, changes in fold.rows.items() if Cell.parse(key.cell).group == group]
    generation, offset = min(version for _, version in windows)
    last_start = max(start for start, _ in windows)
    return _FirstEvent(f"{group}:deltas/{generation}/{offset}", last_start * 1000, "")


def _decision(record: asyncpg.Record) -> Decision:
    spared = record["spared"]
    return Decision(
        status=record["status"],
        since=record["since"],
        known_releases=None if spared is None else frozenset(spared),
        events_left=record["events_left"],
        until=record["until"],
    )


def _event_name(group: str, change: GroupChange) -> str:
    """Return the address of the event that a group's first delta names: the same however often it is written."""
    facts, source = change.begun_by
    return f"{group}:{source.topic}/{source.partition}/{facts.sample_offset}"


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
        [fact.first_seen for fact in facts],
        [change.last_seen for change in changes],
        [fact.sample_event for fact in facts],
        [change.source.topic for change in changes],
        [change.source.partition for change in changes],
        [fact.sample_offset for fact in facts],
        [fact.cause for fact in facts],
    ]
