"""Types of PostgreSQL connections, and the errors that mean that PostgreSQL is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from app.stores.errors import StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

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


@contextmanager
def translated(store: str) -> Iterator[None]:
    """Translate the errors in ``AWAY`` into StoreUnavailable, which names the store."""
    try:
        yield
    except AWAY as error:
        raise StoreUnavailable(f"{store}: PostgreSQL does not answer ({type(error).__name__})") from error
