"""The topics of the log: made, found by name, sealed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.log.contract import LogError, TopicSpec
from app.log.postgres.connect import translated
from app.log.postgres.retention import make_days
from app.log.postgres.rows import Topic

if TYPE_CHECKING:
    from app.log.postgres.connect import Connection, Pool

FIND = "select id, name, partitions, policy = 'compact' as compact, sealed from log_topics where name = any($1)"
MAKE = (
    "insert into log_topics (name, partitions, policy) values ($1, $2, $3) on conflict (name) do nothing returning id"
)
MAKE_PARTITIONS = "insert into log_partitions (topic_id, partition) select $1, generate_series(0, $2::int - 1)"
LOCK_PARTITIONS = """
select 1 from log_partitions p join log_topics t on t.id = p.topic_id where t.name = any($1)
order by p.topic_id, p.partition for no key update of p"""
SEAL = "update log_topics set sealed = true where name = any($1)"


class Catalogue:
    """Knows topics by name; all but ``sealed`` (which only ever becomes true) is fixed when a topic is made."""

    def __init__(self, pool: "Pool") -> None:
        """Read topics through ``pool``."""
        self._pool = pool
        self._known: dict[str, Topic] = {}

    async def find(self, names: Iterable[str]) -> Mapping[str, Topic]:
        """Give the topics of these names among others. Raises LogError naming the ones that are not there."""
        missing = [name for name in names if name not in self._known]
        if missing:
            with translated():
                rows = await self._pool.fetch(FIND, missing)
            self._known |= {row["name"]: Topic(*row) for row in rows}
            unknown = sorted(name for name in missing if name not in self._known)
            if unknown:
                raise LogError(f"no such topic in the log: {', '.join(unknown)}")
        return self._known

    def was_sealed(self, topic_ids: Iterable[int]) -> None:
        """Take note that an append found these topics sealed."""
        ids = set(topic_ids)
        for topic in self._known.values():
            topic.sealed = topic.sealed or topic.id in ids

    async def ensure(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Make what is missing, give its names. Raises LogError where one exists with other partitions or policy."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await make_days(connection)
                # In one order, so that two processes that start together do not deadlock.
                made = [spec.name for spec in sorted(specs) if await _make(connection, spec)]
        topics = await self.find([spec.name for spec in specs])
        for spec in specs:
            compare(spec, topics[spec.name])
        return made

    async def seal(self, names: Sequence[str]) -> None:
        """Refuse every append to these topics from now on; those that were under way are in the log before it."""
        await self.find(names)
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(LOCK_PARTITIONS, list(names))
                await connection.execute(SEAL, list(names))
        self.was_sealed(self._known[name].id for name in names)


async def _make(connection: "Connection", spec: TopicSpec) -> bool:
    made = await connection.fetchval(MAKE, spec.name, spec.partitions, spec.policy)
    if made is not None:
        await connection.execute(MAKE_PARTITIONS, made, spec.partitions)
    return made is not None


def compare(spec: TopicSpec, topic: Topic) -> None:
    """Raise LogError where a topic is not what it must be: both are fixed when it is made."""
    if topic.partitions != spec.partitions:
        raise LogError(f"topic {spec.name} has {topic.partitions} partitions, the settings say {spec.partitions}")
    policy = "compact" if topic.compact else "delete"
    if policy != spec.policy:
        raise LogError(f"topic {spec.name} is of policy {policy}, not {spec.policy}")
