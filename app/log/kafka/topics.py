"""The topics in Kafka: made, described, sealed; and what groups committed."""

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
"""No record fits this limit: the leader of a partition refuses every append by itself, which is what sealing means."""

RENEWED: Final = ("retention.ms", "delete.retention.ms", "max.message.bytes")
"""What follows the settings also after a topic was made."""

SEAL_SECONDS: Final = 1.0
"""How long all brokers may take to apply a setting after one of them tells it."""

LOOK_SECONDS: Final = 0.1


def topic_settings(spec: TopicSpec, retention_days: int, replicas: int) -> dict[str, str]:
    """Give Kafka's settings of a topic."""
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
    """Knows topics by name; all but ``sealed`` (which only ever becomes true) is fixed when a topic is made."""

    def __init__(self, address: Address, retention_days: int, replication: int) -> None:
        """Take where Kafka is, the days that records are kept, and the copies of each (0: 3, or what brokers allow)."""
        self._address = address
        self._retention_days = retention_days
        self._replication = replication
        self._known: dict[str, Topic] = {}
        self._admin: AIOKafkaAdminClient | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._admin is not None:
            await self._admin.close()
            self._admin = None

    async def find(self, names: Iterable[str]) -> Mapping[str, Topic]:
        """Give the topics of these names among others. Raises LogError naming the ones that are not there."""
        missing = [name for name in names if name not in self._known]
        if missing:
            self._known |= await self._describe(missing)
            unknown = sorted(name for name in missing if name not in self._known)
            if unknown:
                raise LogError(f"no such topic in the log: {', '.join(unknown)}")
        return self._known

    async def ensure(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Make what is missing, give its names. Raises LogError where one exists with other partitions or policy."""
        there = await self._describe([spec.name for spec in specs])
        missing = [spec for spec in specs if spec.name not in there]
        if missing:
            await self._make(missing)
            there = await self._appeared(specs)
        for spec in specs:
            compare(spec, there[spec.name])
        self._known |= there
        return [spec.name for spec in missing]

    async def renew(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Give topics the present retention and limit of messages; gives the names of those that had another."""
        changed = []
        for spec in specs:
            there = await self._settings(spec.name)
            wanted = topic_settings(spec, self._retention_days, 1)
            wanted = {name: value for name, value in wanted.items() if name in RENEWED}
            if there["max.message.bytes"] != str(SEAL_BYTES) and not wanted.items() <= there.items():
                await self._alter(spec.name, there | wanted)
                changed.append(spec.name)
        return changed

    async def seal(self, names: Sequence[str]) -> None:
        """Refuse every append to these topics from now on; those that were acknowledged are in the log."""
        await self.find(names)
        for name in names:
            await self._alter(name, await self._settings(name) | {"max.message.bytes": str(SEAL_BYTES)})
        try:
            async with asyncio.timeout(ADMIN_SECONDS):
                while not await self.sealed(names):  # noqa: ASYNC110  Kafka has no event for it
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable("topics that were just sealed do not say so") from error
        await asyncio.sleep(SEAL_SECONDS)

    async def sealed(self, names: Sequence[str]) -> bool:
        """Tell whether all of these topics are sealed by now."""
        self._known |= await self._describe(names)
        return all(self._known[name].sealed for name in names)

    async def _alter(self, name: str, settings: Mapping[str, str]) -> None:
        """Replace the settings that are the topic's own."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self._address.name(name), configs=settings)
        [response] = await self._ask(lambda admin: admin.alter_configs([resource]))
        _refuse((error, text) for error, text, *_ in response.resources)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Give the next offset to be read by partition, as the group committed it."""
        count = (await self.find([topic]))[topic].partitions
        wanted = [self._address.partition(topic, number) for number in range(count)]
        found = await self._ask(
            lambda admin: admin.list_consumer_group_offsets(self._address.name(group), None, wanted)
        )
        return {where.partition: at.offset for where, at in found.items() if at.offset >= 0}

    async def cluster(self) -> str:
        """Give the name that Kafka gave itself when it was made."""
        return str((await self._ask(lambda admin: admin.describe_cluster()))["cluster_id"])

    async def _make(self, specs: Sequence[TopicSpec]) -> None:
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
        """Wait until the broker that is asked tells of the new topics, each with a leader of every partition."""
        names = [spec.name for spec in specs]
        try:
            async with asyncio.timeout(ADMIN_SECONDS):
                while True:
                    there = await self._describe(names)
                    if len(there) == len(names):
                        return there
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable("topics that were just made do not appear") from error

    async def _describe(self, names: Sequence[str]) -> dict[str, Topic]:
        # Asking for all never makes Kafka create one by itself.
        ours = {self._address.name(name): name for name in names}
        found = await self._ask(lambda admin: admin.describe_topics())
        topics: dict[str, Topic] = {}
        for each in found:
            name = ours.get(each["topic"])
            if name is None or each["error_code"] or any(p["leader"] < 0 for p in each["partitions"]):
                continue
            there = await self._settings(name)
            sealed = there["max.message.bytes"] == str(SEAL_BYTES)
            topics[name] = Topic(0, name, len(each["partitions"]), there["cleanup.policy"] == "compact", sealed)
        return topics

    async def _settings(self, name: str) -> dict[str, str]:
        """Give the settings that are the topic's own."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self._address.name(name), configs=None)
        [response] = await self._ask(lambda admin: admin.describe_configs([resource]))
        [(error, text, _, _, entries)] = response.resources
        _refuse([(error, text)])
        names = {"max.message.bytes", "cleanup.policy", *topic_settings(TopicSpec(name, 1), 1, 1)}
        names |= {"delete.retention.ms"}
        return {entry[0]: entry[1] for entry in entries if entry[0] in names}

    async def _ask(self, call: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
        """Ask, and again for some seconds where what answers says that it is not ready, or is another broker by now."""
        until = monotonic() + RETRY_SECONDS
        with translated():
            async with asyncio.timeout(ADMIN_SECONDS):
                while True:
                    try:
                        return await call(await self._connected())
                    except (KafkaError, OSError, AttributeError) as error:  # AttributeError: it knows no controller
                        await self.close()
                        if monotonic() > until or not getattr(error, "retriable", True):
                            raise
                    await asyncio.sleep(LOOK_SECONDS)

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
