"""The offsets that consumer groups have committed in PostgreSQL."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from app.postgres import Connection

COMMIT: Final = """
with relaxed as (select set_config('synchronous_commit', 'off', true))
insert into log_commits as c ("group", topic_id, partition, committed)
select u."group", t.id, u.partition, u.committed
from unnest($1::text[], $2::text[], $3::int[], $4::bigint[]) as u ("group", topic, partition, committed)
join log_topics t on t.name = u.topic, relaxed
order by u."group", t.id, u.partition
on conflict ("group", topic_id, partition) do update set committed = excluded.committed
where c.committed < excluded.committed or $5"""
"""A crash of the server may lose the last commits (EXACTNESS.md, "Commits that may be lost")."""


class Commit(NamedTuple):
    """The next offset that a group will read in a partition of a topic (with its generation)."""

    group: str
    topic: str
    partition: int
    offset: int


async def store_commits(connection: "Connection", commits: Iterable[Commit], *, force: bool = False) -> None:
    """Store commits in one transaction; one that is earlier than what is stored only with ``force``.

    Runs on the caller's connection, on which the member's life depends. Raises asyncpg's errors.
    """
    rows = sorted(commits)
    await connection.execute(COMMIT, *([row[index] for row in rows] for index in range(4)), force)


async def commit_offsets(
    connection: "Connection", group: str, topic: str, offsets: Mapping[int, int], *, force: bool = False
) -> None:
    """Store by partition the next offset that one group will read, as ``store_commits`` does."""
    commits = [Commit(group, topic, partition, offset) for partition, offset in offsets.items()]
    await store_commits(connection, commits, force=force)
