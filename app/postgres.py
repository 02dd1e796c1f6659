"""Connections to PostgreSQL: their types, pools of them, and the errors that mean that PostgreSQL is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from app.stores.errors import StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolAcquireContext, PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

AWAY: Final = (  # the only list of these errors
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, terminated, a statement's time is over
    asyncpg.InsufficientResourcesError,  # too many connections, disk or memory full
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,  # a connection that was cut within a statement, as its pool resets it
)

RELAXED: Final[dict[str, str]] = {"synchronous_commit": "off"}
"""Server settings of connections whose commits may be lost with a crash of the server (EXACTNESS.md, "Commits that may
be lost")."""


REST_SECONDS: Final = 20.0
"""After which a connection that nobody uses is closed: its process takes 5 MB of PostgreSQL's memory."""


def make_pool(url: str, *, max_size: int, min_size: int = 0, **options: Any) -> "Pool":  # noqa: ANN401  asyncpg's own
    """Return a pool, to be opened as a context or awaited; with ``min_size`` 0 it connects when first used.

    A released connection is not reset, which would be a statement for every use of it: whoever sets a session's state
    (a lock, a setting, a temporary table) ends it again. An open transaction is rolled back.
    """
    return asyncpg.create_pool(
        url,
        min_size=min_size,
        max_size=max_size,
        max_inactive_connection_lifetime=REST_SECONDS,
        reset=_keep,
        **options,
    )


async def _keep(_: object) -> None:
    """Leave a released connection as it is."""


class BoundedPool(asyncpg.Pool):
    """A pool whose connections are given back within ``seconds``, which also bound the wait for a free one.

    A server that is frozen does not confirm that a statement was cancelled: without a bound the caller would wait for
    that, and so would everyone behind it, until the server goes on.
    """

    def __init__(self, url: str, *, seconds: float, size: int, **options: Any) -> None:  # noqa: ANN401  asyncpg's own
        super().__init__(
            url, min_size=0, max_size=size, max_queries=50_000, max_inactive_connection_lifetime=REST_SECONDS,
            loop=None, connection_class=asyncpg.Connection, record_class=asyncpg.Record, reset=_keep, **options,
        )  # fmt: skip
        self.seconds = seconds

    def acquire(self, *, timeout: float | None = None) -> "PoolAcquireContext[asyncpg.Record]":
        """Return a connection for ``async with``. Raises TimeoutError."""
        return super().acquire(timeout=self.seconds if timeout is None else timeout)


def storable(text: str) -> str:
    """Return a name as it is stored: ingest replaced null characters and lone surrogates, which PostgreSQL refuses."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


@contextmanager
def translated(store: str) -> Iterator[None]:
    """Translate the errors in ``AWAY`` into StoreUnavailable, which names the store."""
    try:
        yield
    except AWAY as error:
        raise StoreUnavailable(f"{store}: PostgreSQL does not answer ({type(error).__name__})") from error
