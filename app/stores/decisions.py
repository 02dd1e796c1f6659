"""What people decide about groups: status, merges. Counts are never touched, so that each decision can be undone.

A merge is an alias from the merged group to its root; a root is never itself an alias, so chains and cycles cannot be.
"""

from typing import Final

from app.stores.groups import root_of
from app.stores.rows import Connection

SETTABLE: Final = ("open", "resolved", "ignored")

_SET = """
insert into group_states (id, project, status, since)
select id, project, $2, $3 from groups where id = $1
on conflict (id) do update set status = excluded.status, since = excluded.since, version = group_states.version + 1
  where group_states.status <> excluded.status"""

_MERGE = """
insert into group_aliases (id, project, root)
select id, $2, $3 from (select $1::text as id union select id from group_aliases where root = $1) moved
on conflict (id) do update set root = excluded.root, since = now()"""


class UnknownGroup(LookupError):
    """No group has this id."""


async def set_status(connection: Connection, group: str, status: str, now: int) -> None:
    """Set the status of a group (of its root, where merged) at ``now`` (ms). Raises UnknownGroup, ValueError."""
    if status not in SETTABLE:
        raise ValueError(f"status {status!r}; one of {', '.join(SETTABLE)} can be set")
    root = await root_of(connection, group)
    await _project(connection, root)
    await connection.execute(_SET, root, status, now)


async def merge(connection: Connection, group: str, into: str) -> None:
    """Show a group, with all that was merged into it, as part of another of its project, now and in future.

    Merging what is one already changes nothing. Raises UnknownGroup, and ValueError across projects.
    """
    async with connection.transaction():
        await _alone(connection)
        root, target = await root_of(connection, group), await root_of(connection, into)
        project = await _project(connection, root)
        if project != await _project(connection, target):
            raise ValueError("groups of two projects are never one")
        if root != target:
            await connection.execute(_MERGE, root, project, target)


async def unmerge(connection: Connection, group: str) -> None:
    """Take a merged group out again; of a root, take out all that was merged into it."""
    async with connection.transaction():
        await _alone(connection)
        await connection.execute("delete from group_aliases where id = $1 or root = $1", group)


async def _alone(connection: Connection) -> None:
    """Let merges follow one another: two at once could each make the other's root an alias."""
    await connection.execute("lock table group_aliases in share row exclusive mode")


async def _project(connection: Connection, group: str) -> int:
    project = await connection.fetchval("select project from groups where id = $1", group)
    if project is None:
        raise UnknownGroup(group)
    return int(project)
