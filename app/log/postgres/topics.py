"""Creates, looks up and seals the topics of the log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.log.contract import LogError, TopicSpec
from app.log.postgres.connect import translated
from app.log.postgres.retention import make_days
from app.log.postgres.rows import Topic

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

FIND = "select id, name, partitions, policy = 'compact' as compact, sealed from log_topics where name = any($1)"
CREATE = (
    "insert into log_topics (name, partitions, policy) values ($1, $2, $3) on conflict (name) do nothing returning id"
)
CREATE_PARTITIONS = "insert into log_partitions (topic_id, partition) select $1, generate_series(0, $2::int - 1)"
LOCK_PARTITIONS = """
select 1 from log_partitions p join log_topics t on t.id = p.topic_id where t.name = any($1)
order by p.topic_id, p.partition for no key update of p"""
SEAL = "update log_topics set sealed = true where name = any($1)"


class Catalogue:
    """Knows topics by name; all but ``sealed`` (which only ever becomes true) is fixed when a topic is created."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._known: dict[str, Topic] = {}

    async def find(self, names: Iterable[str]) -> Mapping[str, Topic]:
        """Return a mapping that has at least these topics. Raises LogError naming those that do not exist."""
        missing = [name for name in names if name not in self._known]
        if missing:
            with translated():
                rows = await self._pool.fetch(FIND, missing)
            self._known |= {row["name"]: Topic(*row) for row in rows}
            unknown = sorted(name for name in missing if name not in self._known)
            if unknown:
                raise LogError(f"no such topic in the log: {', '.join(unknown)}")
        return self._known

    def mark_sealed(self, topic_ids: Iterable[int]) -> None:
        """Record that these topics are sealed."""
        ids = set(topic_ids)
        for topic in self._known.values():
            topic.sealed = topic.sealed or topic.id in ids

    async def ensure(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create missing topics and return their names. Raises LogError for one with other partitions or policy."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await make_days(connection)
                # In one order, so that two processes that start together do not deadlock.
                created = [spec.name for spec in sorted(specs) if await _create(connection, spec)]
        topics = await self.find([spec.name for spec in specs])
        for spec in specs:
            compare(spec, topics[spec.name])
        return created

    async def seal(self, names: Sequence[str]) -> None:
        """Seal topics: every later append is refused; those under way are in the log before it."""
        await self.find(names)
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(LOCK_PARTITIONS, list(names))
                await connection.execute(SEAL, list(names))
        self.mark_sealed(self._known[name].id for name in names)


async def _create(connection: "Connection", spec: TopicSpec) -> bool:
    topic_id = await connection.fetchval(CREATE, spec.name, spec.partitions, spec.policy)
    if topic_id is not None:
        await connection.execute(CREATE_PARTITIONS, topic_id, spec.partitions)
    return topic_id is not None


def compare(spec: TopicSpec, topic: Topic) -> None:
    """Raise LogError where a topic has another number of partitions or policy; both are fixed when it is created."""
    if topic.partitions != spec.partitions:
        raise LogError(f"topic {spec.name} has {topic.partitions} partitions, the settings require {spec.partitions}")
    policy = "compact" if topic.compact else "delete"
    if policy != spec.policy:
        raise LogError(f"topic {spec.name} has policy {policy}, required is {spec.policy}")
