"""Which processes run: each writes a row every few seconds; one that stopped doing so is soon taken for gone.

All times are the database's, so that hosts whose clocks differ agree. Methods raise StoreUnavailable.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from app.postgres import translated

if TYPE_CHECKING:
    from app.postgres import Pool

STALE_SECONDS: Final = 30
"""A process not heard of for so long is gone, or as good as."""

FORGET_SECONDS: Final = 600
"""Rows of the dead are deleted after this long, by whoever writes next."""

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
    """How one role of one process does. None where it is not known or has no meaning for the role."""

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
    """The class of the error that a batch waits for to pass."""


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
        """The roles that run in it."""
        return tuple(self.figures)


_decoder: Final = msgspec.msgpack.Decoder(dict[str, Figures])


class Instances:
    """The store over a pool of connections."""

    def __init__(self, pool: "Pool") -> None:
        """Use this pool, which the caller opens and closes."""
        self._pool = pool

    async def beat(self, instance: Instance, age: float) -> None:
        """Say that a process lives, ``age`` s after it started."""
        with translated("instances"):
            await self._pool.execute(
                _BEAT, instance.id, instance.part, instance.host, instance.pid, instance.version, instance.memory,
                msgspec.msgpack.encode(instance.figures), FORGET_SECONDS, age,
            )  # fmt: skip

    async def leave(self, identity: UUID) -> None:
        """Say that a process ends."""
        with translated("instances"):
            await self._pool.execute("delete from instances where id = $1", identity)

    async def alive(self) -> list[Instance]:
        """Give the processes heard of within ``STALE_SECONDS``."""
        with translated("instances"):
            rows = await self._pool.fetch(_ALIVE, STALE_SECONDS)
        return [Instance(**{**row, "figures": _figures(row["figures"])}) for row in rows]

    async def watermark(self, deltas: str, partitions: list[int] | None = None) -> int | None:
        """Give what (ms) everything received before is counted, on all or some partitions of ``deltas`` (qualified).

        None where nothing was counted yet.
        """
        with translated("instances"):
            found = await self._pool.fetchval(_WATERMARK, deltas, partitions)
        return None if found is None else int(found)


def _figures(data: bytes) -> Mapping[str, Figures]:
    """Read what a process wrote; that of a newer version shows as roles without numbers."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        return dict.fromkeys(msgspec.msgpack.decode(data, type=dict[str, msgspec.Raw]), Figures())
