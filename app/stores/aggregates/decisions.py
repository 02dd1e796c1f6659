"""Writes what people decide about groups: status and merges. Counts never change, so every decision can be undone.

A merge is a link, a member kept apart another (``kinship``); the aliases from members to their root follow from the
links. A root is never itself an alias: there are no chains or cycles.
"""

from collections.abc import Sequence
from typing import Literal

from app.grouping import has_rules
from app.stores.aggregates import kinship
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

_DECIDE = """
insert into group_links as l (project, a, b, kind, author, grouping, created, judged)
select $1, least(n.a collate "C", n.b collate "C"), greatest(n.a collate "C", n.b collate "C"), n.kind, 'person', $2,
       clock_timestamp(), $6
from unnest($3::text[], $4::text[], $5::text[]) n (a, b, kind)
on conflict (project, a, b) do update
  set kind = excluded.kind, author = 'person', stage = '', score = 1, reasons = '[]', grouping = excluded.grouping,
      created = excluded.created, judged = excluded.judged"""

_Decided = tuple[str, str, Literal["alias", "never"]]


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

    Whatever kept any two of their members apart is undone. Merging groups that are one already changes nothing. Raises
    UnknownGroup, and ValueError across projects.
    """
    async with connection.transaction():
        project = await _common_project(connection, group, into)
        await kinship.claim(connection, project)
        root, target = await root_of(connection, group), await root_of(connection, into)
        if root == target:
            return
        members = await kinship.members_with(connection, project, [root, target])
        apart: list[_Decided] = [
            (link.a, link.b, "alias")
            for link in await kinship.links_among(connection, project, members)
            if link.kind == "never" and members[link.a].root != members[link.b].root
        ]
        await _write(connection, project, [(group, into, "alias"), *apart])
        await kinship.recompute(connection, project, members, prefer=target)


async def unmerge(connection: Connection, group: str) -> None:
    """Detach a merged group, for good; of a root, detach all of its members.

    What people had merged into the detached member stays with the rest. Raises UnknownGroup.
    """
    async with connection.transaction():
        project = await _project_of(connection, group)
        await kinship.claim(connection, project)
        members = await kinship.members_with(connection, project, [group])
        others = sorted(members.keys() - {group})
        if not others:
            return
        root = members[group].root
        decided: list[_Decided] = [(group, other, "never") for other in others]
        if root != group:
            links = await kinship.links_among(connection, project, members)
            merged = [link for link in links if link.author == "person" and link.kind == "alias"]
            ends = {link.a if link.b == group else link.b for link in merged if group in (link.a, link.b)}
            decided += [(end, root, "alias") for end in sorted(ends - {root})]
        await _write(connection, project, decided)
        await kinship.recompute(connection, project, members)


async def decide(connection: Connection, group: str, other: str, decision: Literal["merge", "never"]) -> None:
    """Merge another group into a group, or keep both apart for good, also where they are one by now.

    Raises UnknownGroup, and ValueError across projects.
    """
    if decision == "merge":
        await merge(connection, other, group)
        return
    project = await _common_project(connection, group, other)
    if await root_of(connection, group) == await root_of(connection, other):
        # the root's own page: the other one goes
        await unmerge(connection, other if await root_of(connection, other) != other else group)
        return
    async with connection.transaction():
        await kinship.claim(connection, project)
        members = await kinship.members_with(connection, project, [group, other])
        apart: list[_Decided] = [
            (link.a, link.b, "never")
            for link in await kinship.links_among(connection, project, members)
            if link.kind == "suggestion" and members[link.a].root != members[link.b].root
        ]
        await _write(connection, project, [(group, other, "never"), *apart])
        await kinship.recompute(connection, project, members)


async def _write(connection: Connection, project: int, decided: Sequence[_Decided]) -> None:
    """Write decisions as links; the comparison of keys takes them in where it knows the keys."""
    grouping = await connection.fetchval("select grouping from groups where id = $1", decided[0][0])
    unique = {frozenset((a, b)): (a, b, kind) for a, b, kind in reversed(decided) if a != b}
    columns = map(list, zip(*unique.values(), strict=True))
    await connection.execute(_DECIDE, project, grouping, *columns, not has_rules(grouping))
    await kinship.notify(connection)


async def _common_project(connection: Connection, group: str, other: str) -> int:
    project = await _project_of(connection, group)
    if project != await _project_of(connection, other):
        raise ValueError("two projects: groups of different projects cannot be merged")
    return project


async def _project_of(connection: Connection, group: str) -> int:
    project = await connection.fetchval("select project from groups where id = $1", group)
    if project is None:
        raise UnknownGroup(group)
    return int(project)
