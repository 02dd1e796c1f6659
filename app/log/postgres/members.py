"""Membership of a consumer group in PostgreSQL: living members, owners of partition numbers, commits.

A member lives as long as its process's one connection for all groups: the connection holds the advisory locks that make
it the owner of partitions, and commits are made on it. A process that lost it cannot commit and must end (fencing).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import asyncpg

from app.log.postgres.commits import Commit, store_commits
from app.log.postgres.connect import OPTIONS
from app.log.postgres.wake import CHANNEL
from app.postgres import AWAY
from app.tasks import Joined

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

JOIN_SECONDS: Final = 0.005
"""How long a poll or a commit waits for those of the process's other groups, which are made at the same time."""

JOIN: Final = """
insert into log_members ("group", member, pid, backend_start, topics)
select $1, $2, pid, backend_start, $3 from pg_stat_activity where pid = pg_backend_pid()"""

SWEEP: Final = """
delete from log_members m where m."group" = $1 and not exists (
  select 1 from pg_stat_activity a where a.pid = m.pid and a.backend_start = m.backend_start)"""

LIVE: Final = """
select m."group", m.topics, m.member::text from log_members m join pg_stat_activity a using (pid, backend_start)
where m."group" = any($1) order by m.member"""

LEAVE: Final = 'delete from log_members where "group" = $1 and member = $2'

NOTIFY: Final = "select pg_notify($1, $2)"

CLAIM: Final = """
select number, nextval('log_claims') as epoch from unnest($2::int[]) as number
where pg_try_advisory_lock($1, number)"""

RELEASE: Final = "select pg_advisory_unlock($1, number) from unnest($2::int[]) as number"

RELEASE_ALL: Final = """
select pg_advisory_unlock($1, objid::bigint::int) from pg_locks
where locktype = 'advisory' and objsubid = 2 and pid = pg_backend_pid()
  and classid::bigint = $1::int::bigint & 4294967295"""
"""Releases what the process holds of a group, also what a cancelled claim has taken."""

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


def channel(group: str) -> str:
    """Return the name under which subscribers of the log are woken when a member joins or leaves a group."""
    return f"@{group}"


class MemberConnection:
    """The one connection of a process for its memberships of all groups; the first opens it, the last closes it.

    Calls that several groups make at the same time share one statement.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._lost: dict[str, Callable[[], None]] = {}
        """By group what is called if the connection ends too early."""
        self.live = Joined(self._live, JOIN_SECONDS)
        """Called with a group and its topics: the ids of the living members by group and topics, sorted."""
        self.commit = Joined(self._commit, JOIN_SECONDS)
        """Called with commits of a group: stores them; only a living member can."""

    async def enter(self, group: str, lost: Callable[[], None]) -> None:
        """Connect where there is no connection yet; ``lost`` is called if the connection ends too early."""
        async with self._lock:
            if self._connection is None:
                options: dict[str, Any] = {**OPTIONS, "server_settings": {**OPTIONS["server_settings"], **KEEPALIVE}}
                connection: Connection = await asyncpg.connect(self._url, **options)
                connection.add_termination_listener(lambda _: self._report_lost())
                self._connection = connection
            self._lost[group] = lost

    async def leave(self, group: str, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Execute the statements by which a group is left, and close the connection after the last group."""
        async with self._lock:
            connection = self._connection
            if self._lost.pop(group, None) is None or connection is None:
                return
            try:
                if not connection.is_closed():
                    for query, arguments in statements:
                        await connection.execute(query, *arguments)
                    if not self._lost:
                        self._connection = None
                        await connection.close(timeout=1)
            except (*AWAY, asyncpg.PostgresError):
                # Without the statements only the end of the connection frees the partitions.
                connection.terminate()
            if not self._lost:
                self._connection = None

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        """Run a statement."""
        async with self._lock:
            return await self._living().fetch(query, *args)

    def _report_lost(self) -> None:
        for lost in list(self._lost.values()):
            lost()

    async def _live(self, asked: Sequence[tuple[str, tuple[str, ...]]]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
        members: dict[tuple[str, tuple[str, ...]], list[str]] = {group: [] for group in asked}
        for row in await self.fetch(LIVE, sorted({group for group, _ in asked})):
            members.setdefault((row["group"], tuple(row["topics"])), []).append(row["member"])
        return members

    async def _commit(self, commits: Sequence[Sequence[Commit]]) -> None:
        async with self._lock:
            await store_commits(self._living(), [commit for of_group in commits for commit in of_group])

    def _living(self) -> "Connection":
        if self._connection is None:
            raise asyncpg.InterfaceError("this process has left its groups")
        return self._connection


class Membership:
    """This process as a member of a group that reads ``topics`` (with their generation).

    Methods raise asyncpg's errors; each of them must end the process.
    """

    def __init__(self, connection: MemberConnection, group: str, topics: Iterable[str]) -> None:
        self._connection = connection
        self._group = group
        self._topics = sorted(topics)
        self._space = lock_space(group, self._topics)
        self._left = False
        self.member = str(uuid4())

    async def join(self, lost: Callable[[], None]) -> None:
        """Become visible to the other members; ``lost`` is called if the connection ends too early."""
        await self._connection.enter(self._group, lost)
        await self._connection.fetch(SWEEP, self._group)
        await self._connection.fetch(JOIN, self._group, self.member, self._topics)
        await self._connection.fetch(NOTIFY, CHANNEL, channel(self._group))

    async def leave(self) -> None:
        """Release all partitions and end the membership."""
        self._left = True
        await self._connection.leave(
            self._group,
            [
                (RELEASE_ALL, (self._space,)),
                (LEAVE, (self._group, self.member)),
                (NOTIFY, (CHANNEL, channel(self._group))),
            ],
        )

    async def live(self) -> list[str]:
        """Return the ids of the living members of this group with the same topics, sorted."""
        key = (self._group, tuple(self._topics))
        return (await self._connection.live(key))[key]

    async def claim(self, numbers: Iterable[int]) -> dict[int, int]:
        """Claim those of these partition numbers that are free; return the epoch of each claim."""
        wanted = sorted(numbers)
        rows = await self._connection.fetch(CLAIM, self._space, wanted) if wanted else []
        return {row["number"]: row["epoch"] for row in rows}

    async def release(self, numbers: Iterable[int]) -> None:
        """Release these partition numbers to other members."""
        await self._connection.fetch(RELEASE, self._space, sorted(numbers))
        await self._connection.fetch(NOTIFY, CHANNEL, channel(self._group))

    async def commit(self, offsets: Mapping[str, Mapping[int, int]]) -> None:
        """Store by topic and partition the next offset to read; only a living member can."""
        if self._left:
            raise asyncpg.InterfaceError("this member has left its group")
        await self._connection.commit(
            [Commit(self._group, topic, number, at) for topic, part in offsets.items() for number, at in part.items()]
        )

    async def now(self) -> int:
        """Return the server's time in ms."""
        rows = await self._connection.fetch(NOW)
        return int(rows[0][0])
