"""Commits of a group's member in Kafka, each under the generation in which the partitions were taken.

aiokafka's own ``commit`` waits (for the coordinator, for another commit, for its next try) and only then reads its
generation. A member that was expelled meanwhile has none, and Kafka accepts a commit without a generation once the
group is empty: a worker that had slept through its session then moved the group back.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    IllegalGenerationError,
    KafkaError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import TopicPartition

MOVED: Final = (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError)
ELSEWHERE: Final = (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)


class MovedOn(Exception):
    """The group is in another generation, or has expelled this member: nothing was stored."""


class Member(NamedTuple):
    """A member of a group as its coordinator knows it, for one generation."""

    generation: int
    id: str


NOBODY: Final = Member(OffsetCommitRequest.DEFAULT_GENERATION_ID, "")
"""A process that is in no group."""


def member_of(consumer: AIOKafkaConsumer) -> Member:
    """Return the consumer's present membership."""
    coordinator = consumer._coordinator  # noqa: SLF001  aiokafka has no public way to it
    return Member(int(coordinator.generation), str(coordinator.member_id))


async def commit(consumer: AIOKafkaConsumer, member: Member, offsets: Mapping[TopicPartition, int]) -> None:
    """Store the next offsets to read, as ``member``; one try.

    Raises MovedOn, and aiokafka's errors.
    """
    coordinator = consumer._coordinator  # noqa: SLF001  aiokafka's public commit is what this replaces
    await coordinator.ensure_coordinator_known()
    if member == NOBODY or member_of(consumer) != member:
        raise MovedOn("this member has left the generation of its partitions")
    response = await coordinator._send_req(_request(coordinator.group_id, member, offsets))  # noqa: SLF001  as above
    for error in _errors(response):
        if error in ELSEWHERE:
            coordinator.coordinator_dead()
        # An expelled member learns it from its next heartbeat, and joins anew.
        raise MovedOn(error.__name__) if error in MOVED else error()


def _request(group: str, member: Member, offsets: Mapping[TopicPartition, int]) -> OffsetCommitRequest:
    by_topic: dict[str, list[tuple[int, int, str]]] = {}
    for where, offset in offsets.items():
        by_topic.setdefault(where.topic, []).append((where.partition, offset, ""))
    kept = OffsetCommitRequest.DEFAULT_RETENTION_TIME
    return OffsetCommitRequest(group, member.generation, member.id, kept, list(by_topic.items()))


def _errors(response: Any) -> Iterator[type[KafkaError]]:  # noqa: ANN401  aiokafka publishes no types
    answers = (for_code(code) for _, partitions in response.topics for _, code in partitions)
    return (error for error in answers if error.errno != 0)
