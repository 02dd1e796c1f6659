"""Notifications of appends by LISTEN/NOTIFY: one connection a log, any number of subscriptions."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from app.log.contract import LogError
from app.log.postgres.connect import connect, translated

if TYPE_CHECKING:
    from app.postgres import Connection

CHANNEL: Final = "faultline_log"
EVERY_TOPIC: Final = "*"
MAX_PAYLOAD: Final = 7900
"""PostgreSQL takes payloads below 8000 bytes."""

RETRY_SECONDS: Final = 1.0


def payload(topics: Iterable[str]) -> str:
    """Return the payload of a notification for these topics."""
    names = ",".join(sorted(topics))
    return names if len(names.encode()) <= MAX_PAYLOAD else EVERY_TOPIC


class Subscription:
    """Remembers appends to its topics since the last wait, so that none is missed between two waits."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._woken = asyncio.Event()

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109  the time-out is an answer here, not an error
        """Wait for an append; False after ``timeout`` s. A notification can be lost: read the log after either."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        finally:
            self._woken.clear()
        return True

    def clear(self) -> None:
        """Forget earlier appends, before a read that will see them."""
        self._woken.clear()

    def wake(self) -> None:
        """End the present wait, or the next one at once."""
        self._woken.set()


class Notifications:
    """Listens on the log's channel from the first subscription on, and reconnects by itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def subscribe(self, topics: Iterable[str]) -> Iterator[Subscription]:
        """Yield a subscription to these topics for the block."""
        subscription = Subscription(frozenset(topics))
        self._subscriptions.add(subscription)
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="log listener")
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        while True:
            try:
                with translated():
                    await self._listen_once()
            except LogError:
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen_once(self) -> None:
        connection = await connect(self._url)
        gone = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(CHANNEL, self._notified)
            self._wake(EVERY_TOPIC)  # appends that were notified while nobody listened
            await gone.wait()
        finally:
            connection.terminate()

    def _notified(self, _connection: "Connection", _pid: int, _channel: str, text: object, /) -> None:
        self._wake(str(text))

    def _wake(self, text: str) -> None:
        names = frozenset(text.split(","))
        for subscription in self._subscriptions:
            if text == EVERY_TOPIC or not names.isdisjoint(subscription.topics):
                subscription.wake()
