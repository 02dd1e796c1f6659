"""The producer that Faust requires: it appends to the App's log. Agents use ``Role.produce``, which is one call."""

from collections.abc import Awaitable
from time import time
from typing import TYPE_CHECKING, Any

from faust.transport.producer import Producer as Base
from faust.types import TP, HeadersArg, RecordMetadata

from app.log.contract import NewRecord
from app.stream.contract import Role, role_of

if TYPE_CHECKING:
    import asyncio


class Producer(Base):
    """Appends records one by one; each is durable before its future is done."""

    @property
    def role(self) -> Role:
        """The role whose App this producer belongs to."""
        return role_of(self.app)

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Append, and return a future that is done already."""
        metadata = await self.send_and_wait(
            topic, key, value, partition, timestamp, headers, transactional_id=transactional_id
        )
        future: asyncio.Future[RecordMetadata] = self.loop.create_future()
        future.set_result(metadata)
        return future

    async def send_and_wait(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,  # noqa: ARG002  Faust's signature
    ) -> RecordMetadata:
        """Append; durable on return. Raises ValueError without a partition, and what the log's append raises."""
        if partition is None:
            raise ValueError("a record of this log names its partition")
        stamp = int((timestamp or time()) * 1000)
        record = NewRecord(topic, partition, key, value, dict(headers or {}), stamp)
        [offset] = await self.role.log.append([record])
        return RecordMetadata(topic, partition, TP(topic, partition), offset, stamp / 1000, 0)

    async def create_topic(self, topic: str, *_: Any, **__: Any) -> None:  # noqa: ANN401  Faust's signature
        """Do nothing: the App creates its topics before it starts."""

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Raise NotImplementedError: records of this log always name their partition."""
        raise NotImplementedError(f"{topic}: a record of this log names its partition")

    def supports_headers(self) -> bool:
        """Return True: records have headers."""
        return True
