"""The client of S3, and one call to it: bounded in time, tried again, its errors those of the contract of a store.

aiobotocore's own retries are off: they end at the reply's head, and a body may break as well.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from app.stores.errors import StoreUnavailable
from app.stores.objects.s3_address import Place

CONNECTIONS: Final = 16
"""Calls at a time. A reader holds at most a few MiB for each."""

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
"""Without a byte of the answer: a server that hangs must not hold a batch."""

TRY_SECONDS: Final = 9.0
"""One try: a part of 8 MiB at 1 MB/s. Before a body goes out the server is asked (Expect), with no other bound."""

CALL_SECONDS: Final = 20.0
"""One call with all its tries: two that hang to their end."""

AGAIN: Final = (0.1, 0.4, 1.6)
"""Seconds, half of them by chance, before a call is tried again."""

NO_SUCH_KEY: Final = "NoSuchKey"
TRANSIENT: Final = frozenset(
    {"RequestTimeout", "SlowDown", "BadDigest", "XAmzContentChecksumMismatch", "IncompleteBody", "OperationAborted"}
)
"""Codes with a status below 500 that another try may mend (Amazon S3 API Reference, Error responses)."""

T = TypeVar("T")


def open_client(place: Place) -> AbstractAsyncContextManager[Any]:
    """Give a client, open inside ``async with``; it connects at first use and again whenever a connection broke."""
    options = place.options
    config = AioConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path" if options.path_style else "auto"},
        # Each put brings its checksum in a header, which also servers that know none take.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    context: AbstractAsyncContextManager[Any] = get_session().create_client(
        "s3",
        region_name=options.region or None,
        endpoint_url=options.endpoint or None,
        verify=options.ca_certs or None,
        config=config,
    )
    return context


async def call(action: Callable[[], Awaitable[T]]) -> T:
    """Do what may be done twice. Raises FileNotFoundError, or StoreUnavailable within CALL_SECONDS."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            for seconds in AGAIN:
                try:
                    async with asyncio.timeout(TRY_SECONDS):
                        return await action()
                except (BotoCoreError, ClientError, aiohttp.ClientError, OSError) as error:
                    if not _may_pass(error):
                        raise
                await asyncio.sleep(seconds * (0.5 + random.random() / 2))  # noqa: S311  spreads tries, guards nothing
            async with asyncio.timeout(TRY_SECONDS):
                return await action()
    except TimeoutError as error:
        raise StoreUnavailable("files: S3 does not answer in time") from error
    except ClientError as error:
        if code_of(error) == NO_SUCH_KEY:
            raise FileNotFoundError(NO_SUCH_KEY) from error
        raise StoreUnavailable(f"files: S3 refuses ({code_of(error)}, status {_status(error)})") from error
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:
        raise StoreUnavailable(f"files: S3 cannot be reached ({_told(error)})") from error


def code_of(error: ClientError) -> str:
    """Give the code of an error that S3 answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_pass(error: Exception) -> bool:
    """Tell whether another try in a moment may do better: not where rights, keys or the bucket are missing."""
    if isinstance(error, ClientError):
        return _status(error) >= 500 or _status(error) == 429 or code_of(error) in TRANSIENT  # noqa: PLR2004  HTTP's
    return not isinstance(error, NoCredentialsError | PartialCredentialsError)


def _told(error: Exception) -> str:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return type(error).__name__
