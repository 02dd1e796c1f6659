"""What the errors of PostgreSQL, and of the way to it, mean to those who use a store on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from app.stores.errors import StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

AWAY: Final = (
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
    """Raise StoreUnavailable, naming the store, where PostgreSQL does not answer or refuses for now."""
    try:
        yield
    except AWAY as error:
        raise StoreUnavailable(f"{store}: PostgreSQL does not answer ({type(error).__name__})") from error
