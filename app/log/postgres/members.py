"""Membership of a consumer group in PostgreSQL: living members, owners of partition numbers, commits.

A member lives as long as its one connection: the connection holds the advisory locks that make it the owner of
partitions, and commits are made on it. A member that lost its connection cannot commit and must end (fencing).
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
    from app.postgres import Connection

KEEPALIVE: Final = {
    # The loss of a host is noticed after 5 + 3 * 2 s, that of a killed process at once, by its closed socket.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11000",
    # A running statement of a member that is gone must not keep its locks.
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
    """Return the first key of the advisory locks of a group and its topics, as PostgreSQL's signed int4."""
    digest = blake2b("\0".join((group, *topics)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big", signed=True)


def wanted(partitions: int, members: Sequence[str], member: str) -> set[int]:
    """Return the partition numbers that a member should own: every n-th, by its index among the n sorted members."""
    if member not in members:
        return set()
    index = members.index(member)
    return {number for number in range(partitions) if number % len(members) == index}


class Membership:
    """This process as a member of a group that reads ``topics`` (with their generation).

    Methods raise asyncpg's errors; each of them must end the process.
    """

    def __init__(self, url: str, group: str, topics: Iterable[str]) -> None:
        self._url = url
        self._group = group
        self._topics = sorted(topics)
        self._space = lock_space(group, self._topics)
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self.member = str(uuid4())

    async def join(self, lost: Callable[[], None]) -> None:
        """Connect and become visible to the other members; ``lost`` is called if the connection ends too early."""
        options: dict[str, Any] = {**OPTIONS, "server_settings": {**OPTIONS["server_settings"], **KEEPALIVE}}
        connection: Connection = await asyncpg.connect(self._url, **options)
        self._connection = connection
        connection.add_termination_listener(lambda _: lost() if self._connection is not None else None)
        await connection.execute(SWEEP, self._group)
        await connection.execute(JOIN, self._group, self.member, self._topics)

    async def leave(self) -> None:
        """Release all partitions and end the membership by closing the connection."""
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
        """Return the ids of the living members of this group with the same topics, sorted."""
        return [row["member"] for row in await self._fetch(LIVE, self._group, self._topics)]

    async def claim(self, numbers: Iterable[int]) -> dict[int, int]:
        """Claim those of these partition numbers that are free; return the epoch of each claim."""
        rows = await self._fetch(CLAIM, self._space, sorted(numbers))
        return {row["number"]: row["epoch"] for row in rows}

    async def release(self, numbers: Iterable[int]) -> None:
        """Release these partition numbers to other members."""
        await self._fetch(RELEASE, self._space, sorted(numbers))

    async def commit(self, offsets: Mapping[str, Mapping[int, int]]) -> None:
        """Store by topic and partition the next offset to read; only a living member can."""
        async with self._lock:
            connection = self._living()
            async with connection.transaction():
                for topic, by_partition in sorted(offsets.items()):
                    await commit_offsets(connection, self._group, topic, by_partition)

    async def now(self) -> int:
        """Return the server's time in ms."""
        rows = await self._fetch(NOW)
        return int(rows[0][0])

    async def _fetch(self, query: str, *args: object) -> Sequence[Any]:
        async with self._lock:
            return await self._living().fetch(query, *args)

    def _living(self) -> "Connection":
        if self._connection is None:
            raise asyncpg.InterfaceError("this member has left its group")
        return self._connection
