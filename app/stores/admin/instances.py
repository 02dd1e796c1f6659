"""The processes that run: each writes a heartbeat row every few seconds; one without heartbeats counts as gone.

All times are the database's, so that clocks that differ between hosts do not matter.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from app.postgres import translated

if TYPE_CHECKING:
    from app.postgres import Pool

STALE_SECONDS: Final = 30
"""A process without a heartbeat for so long (several intervals) counts as gone."""

FORGET_SECONDS: Final = 600
"""A row without a heartbeat for so long is deleted, by whichever process writes next."""

_BEAT: Final = """
with gone as (delete from instances where seen < now() - make_interval(secs => $8))
insert into instances (id, part, host, pid, version, started, memory, figures)
values ($1, $2, $3, $4, $5, now() - make_interval(secs => $9), $6, $7)
on conflict (id) do update set seen = now(), memory = excluded.memory, figures = excluded.figures"""

_ALIVE: Final = """
select id, part, host, pid, version, memory, figures,
       (extract(epoch from started) * 1000)::bigint as started, (extract(epoch from seen) * 1000)::bigint as seen
from instances where seen > now() - make_interval(secs => $1) order by part, host, started, id"""

_WATERMARK: Final = """
select min(received) from progress where deltas_topic = $1 and ($2::int[] is null or deltas_partition = any($2))"""


class Figures(msgspec.Struct, frozen=True, omit_defaults=True):
    """The figures of one role in one process; None where a figure is unknown or has no meaning for the role."""

    records: float | None = None
    """Records a second, over the last interval."""
    lag_records: int | None = None
    lag_seconds: float | None = None
    watermark: int | None = None
    """ms since the epoch."""
    partitions: list[int] | None = None
    errors: float = 0
    """Retries, or refusals, since the process started."""
    dead_letters: float = 0
    waits: str = ""
    """Class of the error for which a batch is being retried."""


class Instance(msgspec.Struct, frozen=True):
    """One process. ``started`` and ``seen`` are ms since the epoch, ``memory`` bytes resident."""

    id: UUID
    part: str
    host: str
    pid: int
    version: str
    memory: int
    figures: dict[str, Figures]
    started: int = 0
    seen: int = 0

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that run in the process."""
        return tuple(self.figures)


_decoder: Final = msgspec.msgpack.Decoder(dict[str, Figures])


class Instances:
    """The store over a pool of connections, which the caller opens and closes. All methods raise StoreUnavailable."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool

    async def beat(self, instance: Instance, age: float) -> None:
        """Write the heartbeat of a process that started ``age`` s ago."""
        with translated("instances"):
            await self._pool.execute(
                _BEAT, instance.id, instance.part, instance.host, instance.pid, instance.version, instance.memory,
                msgspec.msgpack.encode(instance.figures), FORGET_SECONDS, age,
            )  # fmt: skip

    async def leave(self, identity: UUID) -> None:
        """Delete the row of a process that ends."""
        with translated("instances"):
            await self._pool.execute("delete from instances where id = $1", identity)

    async def alive(self) -> list[Instance]:
        """Return the processes with a heartbeat within ``STALE_SECONDS``."""
        with translated("instances"):
            rows = await self._pool.fetch(_ALIVE, STALE_SECONDS)
        return [Instance(**{**row, "figures": _figures(row["figures"])}) for row in rows]

    async def watermark(self, deltas: str, partitions: list[int] | None = None) -> int | None:
        """Return the time (ms) up to which everything received is counted, None where nothing was counted yet.

        Args:
            deltas: The topic ``deltas``, with generation.
            partitions: The partitions of it that are asked for; None means all.
        """
        with translated("instances"):
            watermark = await self._pool.fetchval(_WATERMARK, deltas, partitions)
        return None if watermark is None else int(watermark)


def _figures(data: bytes) -> Mapping[str, Figures]:
    """Decode the figures of a process; those of a version with other fields become roles without figures."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        return dict.fromkeys(msgspec.msgpack.decode(data, type=dict[str, msgspec.Raw]), Figures())
