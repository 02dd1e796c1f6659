"""Writes what people decide about groups: status and merges. Counts never change, so every decision can be undone.

A merge is an alias from the merged group to its root. A root is never itself an alias: there are no chains or cycles.
"""

from app.stores.aggregates.groups import root_of
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.standing import PERMANENT, EndCondition, check_decision

# A decision equal to the stored one changes nothing: the time of the first stays.
_SET_STATUS = """
insert into group_states (id, project, status, since, spared, events_left, until)
select id, project, $2, $3,
       case when $4 then array(select release from releases r where r.project = groups.project order by release) end,
       $5, $6
from groups where id = $1
on conflict (id) do update
  set status = excluded.status, since = excluded.since, version = group_states.version + 1,
      spared = excluded.spared, events_left = excluded.events_left, until = excluded.until
  where (group_states.status, group_states.spared, group_states.events_left, group_states.until)
     is distinct from (excluded.status, excluded.spared, excluded.events_left, excluded.until)"""

_MERGE = """
insert into group_aliases (id, project, root)
select id, $2, $3 from (select $1::text as id union select id from group_aliases where root = $1) moved
on conflict (id) do update set root = excluded.root, since = now()"""


class UnknownGroup(LookupError):
    """No group has this id."""


async def set_status(
    connection: Connection, group: str, status: str, now: int, until: EndCondition = PERMANENT
) -> None:
    """Set the status of a group (of its root, where merged) at ``now`` (ms). Raises UnknownGroup, ValueError."""
    check_decision(status, until)
    root = await root_of(connection, group)
    await _project_of(connection, root)
    await connection.execute(_SET_STATUS, root, status, now, until.next_release, until.events, until.time)


async def merge(connection: Connection, group: str, into: str) -> None:
    """Make a group, with all members merged into it, part of another group of its project, now and in future.

    Merging groups that are one already changes nothing. Raises UnknownGroup, and ValueError across projects.
    """
    async with connection.transaction():
        await _lock_merges(connection)
        root, target = await root_of(connection, group), await root_of(connection, into)
        project = await _project_of(connection, root)
        if project != await _project_of(connection, target):
            raise ValueError("two projects: groups of different projects cannot be merged")
        if root != target:
            await connection.execute(_MERGE, root, project, target)


async def unmerge(connection: Connection, group: str) -> None:
    """Detach a merged group; of a root, detach all of its members."""
    async with connection.transaction():
        await _lock_merges(connection)
        await connection.execute("delete from group_aliases where id = $1 or root = $1", group)


async def _lock_merges(connection: Connection) -> None:
    """Serialise merges until the transaction ends: two at once could each make the other's root an alias."""
    await connection.execute("lock table group_aliases in share row exclusive mode")


async def _project_of(connection: Connection, group: str) -> int:
    project = await connection.fetchval("select project from groups where id = $1", group)
    if project is None:
        raise UnknownGroup(group)
    return int(project)
