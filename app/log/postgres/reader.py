"""Reads the log in PostgreSQL: records by offset, bounds, commits of groups, tails."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from app.log.contract import Bounds, LogUnavailable, Record
from app.log.postgres.connect import translated
from app.log.postgres.topics import Catalogue
from app.log.postgres.wake import Notifications

if TYPE_CHECKING:
    from app.postgres import Pool

POLL_SECONDS: Final = 5.0
"""Seconds after which a tail reads again by itself, should a notification be lost."""

RETRY_SECONDS: Final = 1.0

READ_ROUND: Final = """
select w.partition, w.start, w.next, w."offset", w.stamp, w.key, w.value, w.headers
from (
  select u.turn, u.partition, p.start, p.next, r.*, sum(r.nbytes) over (order by u.turn, r."offset") as running
  from unnest($2::int[], $3::bigint[]) with ordinality as u (partition, position, turn)
  join log_partitions p on p.topic_id = $1 and p.partition = u.partition
  left join lateral (
    select c.*, sum(c.nbytes) over (order by c."offset" rows unbounded preceding) as total
    from (
      select "offset", stamp, key, value, headers,
        coalesce(octet_length(value), 0) + coalesce(octet_length(key), 0) + coalesce(octet_length(headers), 0) as nbytes
      from {table}
      where topic_id = $1 and partition = u.partition and "offset" >= u.position and u.position < p.next
      order by "offset" limit $4
    ) c
  ) r on r.total <= $5 or r.total = r.nbytes
) w
where w."offset" is null or w.running <= $6 or w.running = w.nbytes
order by w.turn, w."offset"
"""
"""The bounds of partitions, and their records from a position on, by one snapshot. A partition without a record at or
after its position has one row, with NULLs; one whose records do not fit the round has none. ``octet_length`` does not
read the stored values, so that no more than the limits is read and sent."""

ROUND_DELETE: Final = READ_ROUND.format(table="log_records")
ROUND_COMPACT: Final = READ_ROUND.format(table="log_compacted")
BOUNDS: Final = "select partition, start, next from log_partitions where topic_id = $1 order by partition"
COMMITTED: Final = 'select partition, committed from log_commits where "group" = $1 and topic_id = $2'

_headers = msgspec.msgpack.Decoder(dict[str, bytes])


class RoundLimits(NamedTuple):
    """What one round reads at most: records and bytes of each partition, bytes in all; but always one record."""

    records: int
    nbytes: int
    total: int


TAIL_LIMITS: Final = RoundLimits(1000, 4 << 20, 4 << 20)


class Round(NamedTuple):
    """What one round read: by partition the bounds, and the records where there are any."""

    bounds: dict[int, Bounds]
    records: dict[int, list[Record]]


class Reader:
    """Reads through a pool of connections; tails wait on notifications."""

    def __init__(self, pool: "Pool", topics: Catalogue, notifications: Notifications) -> None:
        self._pool = pool
        self._topics = topics
        self._notifications = notifications

    async def read(self, name: str, partition: int, offset: int, max_records: int, max_bytes: int) -> list[Record]:
        """Return records at or after ``offset``, at least one if there is one."""
        read = await self.read_round(name, {partition: offset}, RoundLimits(max_records, max_bytes, max_bytes))
        return read.records.get(partition, [])

    async def read_round(self, name: str, positions: Mapping[int, int], limits: RoundLimits) -> Round:
        """Return records at or after the positions, of partitions in the order of ``positions``.

        A partition that the limit left no room for is in neither part of the result.
        """
        topic = (await self._topics.find([name]))[name]
        query = ROUND_COMPACT if topic.compact else ROUND_DELETE
        with translated():
            rows = await self._pool.fetch(query, topic.id, list(positions), list(positions.values()), *limits)
        read = Round({}, {})
        for partition, start, end, at, stamp, key, value, headers in rows:
            read.bounds[partition] = Bounds(start, end)
            if at is not None:
                record = Record(name, partition, at, key, value, _headers.decode(headers) if headers else {}, stamp)
                read.records.setdefault(partition, []).append(record)
        return read

    async def bounds(self, name: str) -> dict[int, Bounds]:
        """Return the bounds of every partition."""
        topic = (await self._topics.find([name]))[name]
        with translated():
            rows = await self._pool.fetch(BOUNDS, topic.id)
        return {row["partition"]: Bounds(row["start"], row["next"]) for row in rows}

    async def committed(self, group: str, name: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed."""
        topic = (await self._topics.find([name]))[name]
        with translated():
            rows = await self._pool.fetch(COMMITTED, group, topic.id)
        return {row["partition"]: row["committed"] for row in rows}

    async def tail(self, name: str, start: Mapping[int, int] | None) -> AsyncGenerator[list[Record], None]:
        """Yield the records after ``start`` (else after the first step of the iteration); outages only delay it."""
        with self._notifications.subscribe([name]) as subscription:
            position = dict(start) if start is not None else None
            while True:
                subscription.clear()
                try:
                    if position is None:
                        position = {number: bounds.end for number, bounds in (await self.bounds(name)).items()}
                    async for records in self._catch_up(name, position):
                        yield records
                except LogUnavailable:
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    await subscription.wait(POLL_SECONDS)

    async def _catch_up(self, name: str, position: dict[int, int]) -> AsyncGenerator[list[Record], None]:
        """Yield the records up to the ends as last read; ``position`` moves before each step."""
        topic = (await self._topics.find([name]))[name]
        wanted = {number: position.get(number, 0) for number in range(topic.partitions)}
        behind = True
        while behind:
            behind = False
            bounds, read = await self.read_round(name, wanted, TAIL_LIMITS)
            behind = len(bounds) < len(wanted)  # the round had no room for the others
            for number, (_, end) in bounds.items():
                records = read.get(number, [])
                # Compaction may have left none, or none at the end.
                wanted[number] = position[number] = records[-1].offset + 1 if records else max(end, wanted[number])
                behind = behind or wanted[number] < end
                if records:
                    yield records
