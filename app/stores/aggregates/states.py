"""The groups of a project by state, and the groups that belong together, as ids that events carry."""

from collections.abc import Sequence
from typing import Final

from app.stores.aggregates.rows import Connection

# Members of a merged group have its state; a state of their own counts no more. Groups without an event in the range
# are left out: a project's decisions pile up.
_DECIDED: Final = """
with decided as (
  select s.id from group_states s
  where s.project = $1 and s.status = any($2::text[]) and not exists (select from group_aliases a where a.id = s.id)),
every as (select id from decided union all select a.id from group_aliases a join decided d on d.id = a.root)
select g.id from every join groups g using (id) where g.last_seen >= $3 and g.first_seen < $4 order by g.id limit $5"""

_NEW: Final = """
with roots as (
  select distinct coalesce(a.root, g.id) as id from groups g left join group_aliases a on a.id = g.id
  where g.project = $1 and g.first_seen >= $2 and g.first_seen < $3),
every as (select id, id as root from roots union all
          select a.id, a.root from group_aliases a join roots r on r.id = a.root)
select e.id from every e
where not exists (select from every o join groups g on g.id = o.id where o.root = e.root and g.first_seen < $2)
order by e.id limit $4"""

_TOGETHER: Final = """
with roots as (select distinct coalesce(a.root, f.id) as id
               from unnest($1::text[]) f (id) left join group_aliases a on a.id = f.id)
select id from roots union select a.id from group_aliases a join roots r on r.id = a.root"""


async def read_decided(
    connection: Connection, project: int, statuses: Sequence[str], start: int, end: int, limit: int
) -> list[str]:
    """Return at most ``limit`` groups of these statuses that may have events with start <= time < end (ms).

    Members of merged groups are among them. Open groups have no status and are not found.
    """
    return [row["id"] for row in await connection.fetch(_DECIDED, project, list(statuses), start, end, limit)]


async def read_new(connection: Connection, project: int, start: int, end: int, limit: int) -> list[str]:
    """Return at most ``limit`` groups that were first seen in the range (ms), with the members of merged ones."""
    return [row["id"] for row in await connection.fetch(_NEW, project, start, end, limit)]


async def read_together(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return the ids of the groups that these belong to, and of all their members."""
    return [row["id"] for row in await connection.fetch(_TOGETHER, list(ids))]
