"""Groups as deltas tell of them: made once, kept up to date, and a notice for each new or regressed one.

All of it is written in the transaction that counts the events, so that a redelivery, which counts none, tells nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from app.cells import Cell
from app.stores.rows import Connection
from tables.fold import GroupChange

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

# A merged group's status is its root's; one that was resolved after the event happened does not regress by it.
_REGRESSED = """
select n.id, s.id as root
from unnest($1::text[], $2::bigint[]) n (id, last_seen)
left join group_aliases a on a.id = n.id
join group_states s on s.id = coalesce(a.root, n.id)
where s.status = 'resolved' and n.last_seen > s.since
order by s.id, n.id
for update of s"""

_REGRESS = """
update group_states s set status = 'regressed', since = n.at, version = version + 1
from unnest($1::text[], $2::bigint[]) n (id, at) where s.id = n.id"""

_NOTICE = """
insert into notices (id, project, grp, kind, at)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])
on conflict do nothing"""


class _Notice(NamedTuple):
    id: str
    project: int
    group: str
    kind: Literal["new", "regressed"]
    at: int


async def write_groups(connection: Connection, changes: Mapping[str, GroupChange]) -> None:
    """Make or update the groups of these cells (by key), and note which are new and which have regressed."""
    if not changes:
        return
    cells = {cell.group: cell for cell in map(Cell.parse, changes)}
    groups = {Cell.parse(key).group: change for key, change in changes.items()}
    order = sorted(groups)
    records = await connection.fetch(_UPSERT, *_columns(order, cells, groups))
    made = sorted(record["id"] for record in records if record["made"])
    notices = [_notice("new", group, group, cells[group].project, groups[group]) for group in made]
    notices += await _regress(connection, [group for group in order if group not in set(made)], cells, groups)
    if notices:
        await connection.execute(_NOTICE, *(list(column) for column in zip(*notices, strict=True)))


async def _regress(
    connection: Connection, order: Sequence[str], cells: Mapping[str, Cell], groups: Mapping[str, GroupChange]
) -> list[_Notice]:
    records = await connection.fetch(_REGRESSED, list(order), [groups[group].last_seen for group in order])
    first = {record["root"]: record["id"] for record in reversed(records)}
    if first:
        await connection.execute(_REGRESS, list(first), [groups[group].last_seen for group in first.values()])
    return [
        _notice("regressed", root, group, cells[group].project, groups[group]) for root, group in sorted(first.items())
    ]


def _notice(kind: Literal["new", "regressed"], shown: str, group: str, project: int, change: GroupChange) -> _Notice:
    """Name a notice by the group and the address of its first counted event: the same however often it is written."""
    source = change.source
    name = f"{kind}:{group}:{source.topic}/{source.partition}/{change.facts.sample_offset}"
    return _Notice(name, project, shown, kind, change.last_seen if kind == "regressed" else change.first_seen)


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
