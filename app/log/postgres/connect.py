"""Connections to the log's PostgreSQL, and the translation of its errors into the log's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from app.log.contract import LogError, LogFull, LogUnavailable
from app.postgres import AWAY

if TYPE_CHECKING:
    from app.postgres import Connection

CONNECT_SECONDS: Final = 5.0
"""A server on the same network answers in milliseconds; one that takes longer is as good as away."""

STATEMENT_SECONDS: Final = 20.0
"""Longer than any healthy statement of the log; below the 30 s after which ingest gives up on an append."""

IDLE_MS: Final = 10_000
"""A process that is frozen within an append would lock its partitions' rows, and so all appends to them, for ever."""

OPTIONS: Final[dict[str, Any]] = {
    "timeout": CONNECT_SECONDS,
    "command_timeout": STATEMENT_SECONDS,
    "server_settings": {
        "application_name": "faultline log",
        "timezone": "UTC",
        "jit": "off",
        # Each query of the log goes by an index, whatever its arguments: plans are made once, and one that was made
        # while a table was empty must not read all of it later.
        "enable_seqscan": "off",
        "plan_cache_mode": "force_generic_plan",
        "idle_in_transaction_session_timeout": str(IDLE_MS),
    },
}


async def connect(url: str) -> "Connection":
    """Open one connection. Raises LogUnavailable."""
    with translated():
        connection: Connection = await asyncpg.connect(url, **OPTIONS)
        return connection


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of PostgreSQL and of the network into those of the log's contract."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise LogFull("the disk of the log's PostgreSQL is full") from error
    except (ValueError, TypeError) as error:  # asyncpg's, for a URL or a value of a wrong type: a retry cannot help
        raise LogError(f"the client of the log's PostgreSQL refuses a value ({error})") from error
    except AWAY as error:
        raise LogUnavailable(f"the log's PostgreSQL does not answer ({type(error).__name__})") from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise LogError("the log's tables are missing: run `faultline migrate`") from error
    except asyncpg.PostgresError as error:
        raise LogError(f"the log's PostgreSQL refuses ({type(error).__name__}: {error})") from error
