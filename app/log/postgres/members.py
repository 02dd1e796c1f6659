"""Membership of a consumer group in PostgreSQL: who lives, who owns which partition numbers, and their commits.

Everything happens on one connection, and its life is the member's: it holds the advisory locks that say who owns a
partition, and a commit can only be made on it. A member that lost it cannot commit and must end.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import asyncpg

from app.log.postgres.connect import OPTIONS
from app.log.postgres.log import commit_offsets
from app.postgres import AWAY

if TYPE_CHECKING:
    from app.log.postgres.connect import Connection

KEEPALIVE: Final = {
    # A host that lost its power is noticed after 5 + 3 * 2 s; a killed process at once, by its closed socket.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11000",
    # The statements of a member that is gone must not keep its locks.
    "client_connection_check_interval": "1000",
}

JOIN: Final = """
insert into log_members ("group", member, pid, backend_start, topics)
select $1, $2, pid, backend_start, $3 from pg_stat_activity where pid = pg_backend_pid()"""

SWEEP: Final = """
delete from log_members m where m."group" = $1 and not exists (
  select 1 from pg_stat_activity a where a.pid = m.pid and a.backend_start = m.backend_start)"""

LIVE: Final = """
select m.member::text from log_members m join pg_stat_activity a using (pid, backend_start)
where m."group" = $1 and m.topics = $2 order by m.member"""

LEAVE: Final = 'delete from log_members where "group" = $1 and member = $2'

CLAIM: Final = """
select number, nextval('log_claims') as epoch from unnest($2::int[]) as number
where pg_try_advisory_lock($1, number)"""

RELEASE: Final = "select pg_advisory_unlock($1, number) from unnest($2::int[]) as number"

NOW: Final = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"


def lock_space(group: str, topics: Sequence[str]) -> int:
    """Give the first half of the advisory locks of a group and its topics, as PostgreSQL's signed int4."""
    digest = blake2b("\0".join((group, *topics)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big", signed=True)


def wanted(partitions: int, members: Sequence[str], member: str) -> set[int]:
    """Give the partition numbers that a member should own: every n-th, by its place among the sorted living ones."""
    if member not in members:
        return set()
    mine = members.index(member)
    return {number for number in range(partitions) if number % len(members) == mine}


class Membership:
    """This process's place in one consumer group. Errors are asyncpg's own: each of them ends the process."""

    def __init__(self, url: str, group: str, topics: Iterable[str]) -> None:
        """Take the database, the group, and the topics it reads (with their generation)."""
        self._url = url
        self._group = group
        self._topics = sorted(topics)
        self._space = lock_space(group, self._topics)
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self.member = str(uuid4())

    async def join(self, lost: Callable[[], None]) -> None:
        """Connect and become visible to the other members; ``lost`` is called when the connection ends unasked."""
        options: dict[str, Any] = {**OPTIONS, "server_settings": {**OPTIONS["server_settings"], **KEEPALIVE}}
        connection: Connection = await asyncpg.connect(self._url, **options)
        self._connection = connection
        connection.add_termination_listener(lambda _: lost() if self._connection is not None else None)
        await connection.execute(SWEEP, self._group)
        await connection.execute(JOIN, self._group, self.member, self._topics)

    async def leave(self) -> None:
        """Give up every partition and the membership, by closing the connection."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None or connection.is_closed():
                return
            try:
                await connection.execute(LEAVE, self._group, self.member)
                await connection.close(timeout=1)
            except (*AWAY, asyncpg.PostgresError):
                connection.terminate()

    async def live(self) -> list[str]:
        """Give the living members of this group with the same topics, sorted."""
        return [row["member"] for row in await self._fetch(LIVE, self._group, self._topics)]

    async def claim(self, numbers: Iterable[int]) -> dict[int, int]:
        """Take those of these partition numbers that nobody holds; gives the epoch of each one taken."""
        rows = await self._fetch(CLAIM, self._space, sorted(numbers))
        return {row["number"]: row["epoch"] for row in rows}

    async def release(self, numbers: Iterable[int]) -> None:
        """Let other members take these partition numbers."""
        await self._fetch(RELEASE, self._space, sorted(numbers))

    async def commit(self, offsets: Mapping[str, Mapping[int, int]]) -> None:
        """Store by topic and partition the next offset to be read; only a member that still lives can."""
        async with self._lock:
            connection = self._living()
            async with connection.transaction():
                for topic, by_partition in sorted(offsets.items()):
                    await commit_offsets(connection, self._group, topic, by_partition)

    async def now(self) -> int:
        """Give the server's time in ms."""
        rows = await self._fetch(NOW)
        return int(rows[0][0])

    async def _fetch(self, query: str, *args: object) -> Sequence[Any]:
        async with self._lock:
            return await self._living().fetch(query, *args)

    def _living(self) -> "Connection":
        if self._connection is None:
            raise asyncpg.InterfaceError("this member has left its group")
        return self._connection
