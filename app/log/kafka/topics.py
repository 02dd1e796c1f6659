"""Creates, describes and seals topics in Kafka, and reads what groups committed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from app.log.contract import LogError, LogUnavailable, TopicSpec
from app.log.kafka.address import CONNECT_SECONDS, LARGEST_BATCH, Address, translated
from app.log.postgres.rows import Topic
from app.log.postgres.topics import compare

T = TypeVar("T")

DAY_MS: Final = 86_400_000
REPLICAS: Final = 3
ADMIN_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 5.0
SEAL_BYTES: Final = 1
"""No record fits this limit, so that each partition's leader refuses every append: that is how a topic is sealed."""

RENEWED: Final = ("retention.ms", "delete.retention.ms", "max.message.bytes")
"""Settings of a topic that follow ours also after it was created."""

SEAL_SECONDS: Final = 1.0
"""How long all brokers may take to apply a setting that one of them reports."""

POLL_SECONDS: Final = 0.1


def topic_settings(spec: TopicSpec, retention_days: int, replicas: int) -> dict[str, str]:
    """Return Kafka's settings of a topic."""
    kept = str(retention_days * DAY_MS)
    return {
        "cleanup.policy": spec.policy,
        "max.message.bytes": str(LARGEST_BATCH),
        # Only whole segments are deleted or compacted, never the one that is written to.
        "segment.ms": str(DAY_MS),
        "segment.bytes": str(128 << 20),
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(2 if replicas >= REPLICAS else 1),
        "unclean.leader.election.enable": "false",
        **({"retention.ms": kept} if spec.policy == "delete" else {"delete.retention.ms": kept}),
    }


class Topics:
    """Knows topics by name; all but ``sealed`` (which only ever becomes true) is fixed when a topic is created.

    Records are kept for ``retention_days``; ``replication`` is the number of copies (0: 3, or the number of brokers).
    """

    def __init__(self, address: Address, retention_days: int, replication: int) -> None:
        self._address = address
        self._retention_days = retention_days
        self._replication = replication
        self._known: dict[str, Topic] = {}
        self._admin: AIOKafkaAdminClient | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        if self._admin is not None:
            await self._admin.close()
            self._admin = None

    async def find(self, names: Iterable[str]) -> Mapping[str, Topic]:
        """Return a mapping that has at least these topics. Raises LogError naming those that do not exist."""
        missing = [name for name in names if name not in self._known]
        if missing:
            self._known |= await self._describe(missing)
            unknown = sorted(name for name in missing if name not in self._known)
            if unknown:
                raise LogError(f"no such topic in the log: {', '.join(unknown)}")
        return self._known

    async def ensure(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create missing topics and return their names. Raises LogError for one with other partitions or policy."""
        existing = await self._describe([spec.name for spec in specs])
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            await self._create(missing)
            existing = await self._appeared(specs)
        for spec in specs:
            compare(spec, existing[spec.name])
        self._known |= existing
        return [spec.name for spec in missing]

    async def renew(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Apply the present retention and record limit to topics; return the names of those that were changed."""
        changed = []
        for spec in specs:
            present = await self._settings(spec.name)
            wanted = topic_settings(spec, self._retention_days, 1)
            wanted = {name: value for name, value in wanted.items() if name in RENEWED}
            if present["max.message.bytes"] != str(SEAL_BYTES) and not wanted.items() <= present.items():
                await self._alter(spec.name, present | wanted)
                changed.append(spec.name)
        return changed

    async def seal(self, names: Sequence[str]) -> None:
        """Seal topics: every later append is refused; those that were acknowledged are in the log."""
        await self.find(names)
        for name in names:
            await self._alter(name, await self._settings(name) | {"max.message.bytes": str(SEAL_BYTES)})
        try:
            async with asyncio.timeout(ADMIN_SECONDS):
                while not await self.sealed(names):  # noqa: ASYNC110  Kafka has no event for it
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable(
                f"Kafka does not report {', '.join(names)} as sealed within {ADMIN_SECONDS:.0f} s"
            ) from error
        await asyncio.sleep(SEAL_SECONDS)

    async def sealed(self, names: Sequence[str]) -> bool:
        """Return whether all of these topics are sealed."""
        self._known |= await self._describe(names)
        return all(self._known[name].sealed for name in names)

    async def _alter(self, name: str, settings: Mapping[str, str]) -> None:
        """Replace the topic's own settings."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self._address.name(name), configs=settings)
        [response] = await self._ask(lambda admin: admin.alter_configs([resource]))
        _refuse((error, text) for error, text, *_ in response.resources)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed."""
        count = (await self.find([topic]))[topic].partitions
        wanted = [self._address.partition(topic, number) for number in range(count)]
        offsets = await self._ask(
            lambda admin: admin.list_consumer_group_offsets(self._address.name(group), None, wanted)
        )
        return {where.partition: at.offset for where, at in offsets.items() if at.offset >= 0}

    async def cluster(self) -> str:
        """Return the id of the cluster."""
        return str((await self._ask(lambda admin: admin.describe_cluster()))["cluster_id"])

    async def _create(self, specs: Sequence[TopicSpec]) -> None:
        brokers = len((await self._ask(lambda admin: admin.describe_cluster()))["brokers"])
        replicas = self._replication or min(REPLICAS, brokers)
        topics = [
            NewTopic(
                self._address.name(spec.name), spec.partitions, replicas,
                topic_configs=topic_settings(spec, self._retention_days, replicas),
            )
            for spec in specs
        ]  # fmt: skip
        response = await self._ask(lambda admin: admin.create_topics(topics, timeout_ms=int(ADMIN_SECONDS * 1000)))
        _refuse((error, text) for _, error, text, *_ in response.topic_errors)

    async def _appeared(self, specs: Sequence[TopicSpec]) -> dict[str, Topic]:
        """Wait until a broker describes the new topics, each with a leader for every partition."""
        names = [spec.name for spec in specs]
        try:
            async with asyncio.timeout(ADMIN_SECONDS):
                while True:
                    topics = await self._describe(names)
                    if len(topics) == len(names):
                        return topics
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable(
                f"Kafka does not describe the new topics {', '.join(names)} within {ADMIN_SECONDS:.0f} s"
            ) from error

    async def _describe(self, names: Sequence[str]) -> dict[str, Topic]:
        # All topics are described: asking for one by name may make Kafka create it.
        ours = {self._address.name(name): name for name in names}
        descriptions = await self._ask(lambda admin: admin.describe_topics())
        topics: dict[str, Topic] = {}
        for description in descriptions:
            name, partitions = ours.get(description["topic"]), description["partitions"]
            if name is None or description["error_code"] or any(p["leader"] < 0 for p in partitions):
                continue
            present = await self._settings(name)
            sealed = present["max.message.bytes"] == str(SEAL_BYTES)
            topics[name] = Topic(0, name, len(partitions), present["cleanup.policy"] == "compact", sealed)
        return topics

    async def _settings(self, name: str) -> dict[str, str]:
        """Return the topic's own settings."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self._address.name(name), configs=None)
        [response] = await self._ask(lambda admin: admin.describe_configs([resource]))
        [(error, text, _, _, entries)] = response.resources
        _refuse([(error, text)])
        names = {"max.message.bytes", "cleanup.policy", *topic_settings(TopicSpec(name, 1), 1, 1)}
        names |= {"delete.retention.ms"}
        return {entry[0]: entry[1] for entry in entries if entry[0] in names}

    async def _ask(self, call: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
        """Return the answer of the admin API; retried for some seconds while the controller is away or moves."""
        until = monotonic() + RETRY_SECONDS
        with translated():
            async with asyncio.timeout(ADMIN_SECONDS):
                while True:
                    try:
                        return await call(await self._connected())
                    except (KafkaError, OSError, AttributeError) as error:  # AttributeError: no controller is known
                        await self.close()
                        if monotonic() > until or not getattr(error, "retriable", True):
                            raise
                    await asyncio.sleep(POLL_SECONDS)

    async def _connected(self) -> AIOKafkaAdminClient:
        async with self._lock:
            if self._admin is None:
                admin = AIOKafkaAdminClient(**self._address.options)
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            return self._admin


def _refuse(answers: Iterable[tuple[int, Any]]) -> None:
    for code, text in answers:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            with translated():
                raise error(text)
