"""Ends the decisions about groups that others were joined to: events that came before the join count for them too.

A key is counted before it is compared. Where it turns out to belong to a resolved group, its events are a regression of
that group, which no event after them need repeat.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import asyncpg

from app.cells import DAY
from app.stores.aggregates.kinship import Member
from app.stores.aggregates.rows import Connection
from app.stores.aggregates.standing import NOTICE_KINDS, Decision, GroupActivity, combine, status_after

_DECISIONS: Final = """
select id, status, since, spared, events_left, until from group_states
where id = any($1::text[]) and (status = 'resolved' or events_left is not null or until is not null)
order by id for update"""

# Only events since the decision count down; of a group that is older than it none are known to be.
_ACTIVITY: Final = f"""
select g.last_seen, g.first_seen,
       array(select s.build from group_sights s where s.project = g.project and s.grp = g.id
             and s.build not like E'\\x02%') as releases,
       (select coalesce(sum(coalesce((w.counts ->> 'crashes')::bigint, 0)
                            + coalesce((w.counts ->> 'messages')::bigint, 0)), 0)::bigint
        from windows w where w.project = g.project and w.kind = 'c' and w.grp = g.id and w.release = ''
          and w.size = {DAY}) as events
from groups g where g.project = $1 and g.id = any($2::text[])"""  # noqa: S608  a constant

_END: Final = """
update group_states
set status = $2, since = $3, version = version + 1, spared = null, events_left = null, until = null where id = $1"""

_COUNT_DOWN: Final = "update group_states set events_left = events_left - $2 where id = $1"

_NOTICE: Final = """
insert into notices (id, project, grp, kind, at, release) values ($1, $2, $3, $4, $5, $6) on conflict do nothing"""


async def end_decisions(
    connection: Connection, project: int, members: Mapping[str, Member], roots: Mapping[str, str]
) -> None:
    """End decisions about groups that members were joined to: ``members`` before, ``roots`` now.

    Within the transaction that joins them: each event counts once.
    """
    joined: dict[str, list[str]] = {}
    for member, root in roots.items():
        if member != root and members[member].root == member:
            joined.setdefault(root, []).append(member)
    if not joined:
        return
    for record in await connection.fetch(_DECISIONS, list(joined)):
        await _end(connection, project, record, joined[record["id"]])


async def _end(connection: Connection, project: int, record: asyncpg.Record, joined: list[str]) -> None:
    known = None if record["spared"] is None else frozenset(record["spared"])
    decision = Decision(record["status"], record["since"], known, record["events_left"], record["until"])
    rows = await connection.fetch(_ACTIVITY, project, joined)
    activity = _activity(rows, decision)
    status = status_after(decision, activity)
    if status is not None:
        at = activity.last_seen if activity.last_seen is not None else decision.since
        kind, name = NOTICE_KINDS[status], f"{record['id']}:joined/{min(joined)}/{decision.since}"
        release = min(activity.releases - (known or frozenset()), default="")
        await connection.execute(_END, record["id"], status, at)
        await connection.execute(_NOTICE, f"{kind}:{name}", project, record["id"], kind, at, release)
    elif decision.events_left is not None and activity.events:
        await connection.execute(_COUNT_DOWN, record["id"], activity.events)


def _activity(rows: Iterable[asyncpg.Record], decision: Decision) -> GroupActivity:
    activity = GroupActivity()
    for row in rows:
        events = row["events"] if row["first_seen"] > decision.since else 0
        activity = combine(activity, GroupActivity(row["last_seen"], events, frozenset(row["releases"])))
    return activity
