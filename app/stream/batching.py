"""The mixin that makes a Faust consumer deliver micro-batches and commit exactly the acknowledged prefix.

It stands over any of Faust's consumers: ``class Consumer(Batching, TheirConsumer)``. Every override answers a loss or a
stall that was reproduced with the stock consumer (FAUST.md, "Micro-batch transport").
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from time import monotonic
from typing import Any, NoReturn, cast

from faust import Schema
from faust.events import Event
from faust.transport.consumer import Consumer
from faust.types import TP, AppT, ConsumerMessage, Message
from faust.types.transports import TPorTopicSet

from app.errors import MissingOffsets
from app.log.batch import Batch, Chain

log = logging.getLogger(__name__)

DRAIN_POLL = 0.02
"""Seconds between checks of the batches in work while partitions are given up; far below any drain time."""


async def fatal(app: AppT, error: BaseException) -> NoReturn:
    """End the process through Faust: all Apps stop, finished batches are committed, the exit code is not 0."""
    await app.crash(error)
    await asyncio.Event().wait()
    raise AssertionError("a stopped service cancels its tasks") from error


class BatchSchema(Schema[None, Batch]):
    """Passes the batch through as the event's value: there is nothing to decode."""

    def compile(self, app: AppT, **_: Any) -> Callable[..., Awaitable[Event]]:  # noqa: ANN401  Faust's own callbacks
        """Return the function that makes the event of a message."""

        async def decode(message: Message, **_: Any) -> Event:  # noqa: ANN401  Faust awaits it
            # The message lives until its commit: its payload must not.
            value, message.value = message.value, None
            return cast("Event", app.create_event(None, value, {}, message))

        return decode


class Batching(Consumer):
    """A Faust consumer whose unit of work is a ``Batch``."""

    drain_seconds: float = 4.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  Faust's signature
        super().__init__(*args, **kwargs)
        self.accepted: dict[TP, int] = {}
        """By partition the last offset that a commit of this claim covered."""
        self.seeks = 0
        """Counts seeks: what was read before one must not be delivered after it."""
        self._chains: dict[TP, Chain] = {}
        self._delivered = asyncio.Event()
        """Set while there may be something to commit."""
        self._seek_lock = asyncio.Lock()

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:  # noqa: ANN401  Faust's signature
        batch = cast("Batch", record)
        message = ConsumerMessage(
            batch.topic,
            batch.partition,
            # An idle batch ends before its position, which Faust would drop as read already.
            max(batch.first, batch.last),
            0.0,
            0,
            {},
            None,
            cast("bytes", batch),
            None,
            0,
            batch.nbytes,
            tp,
            generation_id=self.app.consumer_generation_id,
        )
        chain = self._chains.setdefault(tp, Chain())
        missing = chain.missing(batch)
        if missing:
            start = batch.first - batch.lost
            raise MissingOffsets(batch.topic, batch.partition, start - missing, start)
        chain.deliver(batch, message)
        self._delivered.set()
        return message

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        return (tp for tp in list(self._chains) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        # Faust's stream still fills the stock lists of acknowledged offsets; here they only take memory.
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        chain = self._chains.get(tp)
        return chain.advance() if chain is not None else None

    async def _commit_offsets(self, offsets: Any, start_new_transaction: bool = True) -> bool:  # noqa: ANN401  Faust's signature
        before = {tp: self._committed_offset[tp] for tp in offsets}
        done = await super()._commit_offsets(offsets, start_new_transaction=start_new_transaction)
        if done:
            self.accepted.update({tp: offset - 1 for tp, offset in offsets.items() if tp in self._chains})
        else:
            # Faust takes a commit that failed for done, and would not try again before there is more to commit.
            self._committed_offset.update({tp: offset for tp, offset in before.items() if tp in self._chains})
        return done

    def has_uncommitted(self) -> bool:
        """Return whether there are batches in work, or finished ones that no accepted commit covers."""
        return any(
            len(chain) or (chain.committable or 0) > (self._committed_offset[tp] or 0)
            for tp, chain in self._chains.items()
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: offsets inside a batch are no gap, and a real gap is fatal at delivery."""

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the full queue blocks the fetch loop already; a deactivated partition would cost a second."""

    async def perform_seek(self) -> None:
        """Seek all partitions to their commits; seeks run one at a time."""
        async with self._seek_lock:
            await super().perform_seek()
            self.seeks += 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish or abandon the batches in work, commit, and drop the chains, which the final commit still needs."""
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    def _forget(self, partitions: Iterable[TP]) -> None:
        for tp in partitions:
            self._chains.pop(tp, None)
            self.accepted.pop(tp, None)

    async def wait_empty(self) -> None:
        """Wait for the batches in work, at most ``drain_seconds``, then commit what is acknowledged."""
        deadline = monotonic() + self.drain_seconds
        self._clean_unacked_messages()
        while self._unacked_messages and not self.should_stop and monotonic() < deadline:
            await asyncio.sleep(DRAIN_POLL)
            self._clean_unacked_messages()
        if self._unacked_messages:
            log.warning("%d batches were not finished within %.1f s; they will be delivered again",
                        len(self._unacked_messages), self.drain_seconds)  # fmt: skip
            self._unacked_messages.clear()
        await self.maybe_wait_for_commit_to_finish()
        await self.commit_and_end_transactions()
