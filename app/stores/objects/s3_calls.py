"""The client of S3, and one call to it: bounded in time, retried, its errors translated to those of an object store.

aiobotocore's own retries are off: they end with the reply's head, and a body may break off as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import aiohttp
import stamina
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from app.stores.errors import StoreUnavailable
from app.stores.objects.s3_address import Bucket

CONNECTIONS: Final = 16
"""Calls at a time: as many connections are kept. Each call holds at most a few MiB."""

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 5.0
"""Without a byte of the answer. A server that hangs must not hold a batch."""

ATTEMPT_SECONDS: Final = 9.0
"""One attempt: 8 MiB, a part of an upload, at 1 MB/s. It is the only bound of the wait for "100 Continue"."""

CALL_SECONDS: Final = 20.0
"""One call with all its attempts: two that hang to their end, and the waits."""

ATTEMPTS: Final = 4
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.6
"""Attempts follow after 0.05, 0.2 and 0.8 s, each longer by up to ``FIRST_WAIT * 8`` at random, so that many callers
do not repeat their calls together."""

NO_SUCH_KEY: Final = "NoSuchKey"
TRANSIENT: Final = frozenset(
    {"RequestTimeout", "SlowDown", "BadDigest", "XAmzContentChecksumMismatch", "IncompleteBody", "OperationAborted"}
)
"""Codes with a status below 500 that may pass with another attempt (Amazon S3 API Reference, Error responses)."""

T = TypeVar("T")


def open_client(bucket: Bucket) -> AbstractAsyncContextManager[Any]:
    """Return a client, open inside ``async with``; it connects at first use, and again after a connection broke."""
    options = bucket.options
    config = AioConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path" if options.path_style else "auto"},
        # Each put sends its checksum in a header, which servers without checksums ignore.
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
    """Return the result of an idempotent action, repeated while it fails for a passing reason.

    Raises FileNotFoundError for a missing object, otherwise StoreUnavailable within ``CALL_SECONDS``.
    """

    @stamina.retry(
        on=_may_pass,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=FIRST_WAIT,
        wait_exp_base=4,
        wait_jitter=FIRST_WAIT * 8,
        wait_max=LONGEST_WAIT,
    )
    async def attempt() -> T:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            return await action()

    try:
        async with asyncio.timeout(CALL_SECONDS):
            return await attempt()
    except TimeoutError as error:
        raise StoreUnavailable(
            f"files: S3 does not answer in time ({ATTEMPT_SECONDS} s, {CALL_SECONDS} s in all)"
        ) from error
    except ClientError as error:
        if code_of(error) == NO_SUCH_KEY:
            raise FileNotFoundError(NO_SUCH_KEY) from error
        raise StoreUnavailable(f"files: S3 refuses ({code_of(error)}, status {_status(error)})") from error
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:
        raise StoreUnavailable(f"files: S3 cannot be reached ({_reason(error)})") from error


def code_of(error: ClientError) -> str:
    """Return the code of an error that S3 answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_pass(error: Exception) -> bool:
    """Return whether another attempt may succeed: not where rights, credentials, the key or the bucket are missing."""
    if isinstance(error, ClientError):
        return _status(error) >= 500 or _status(error) == 429 or code_of(error) in TRANSIENT  # noqa: PLR2004  HTTP's
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return False
    return isinstance(error, BotoCoreError | aiohttp.ClientError | OSError)


def _reason(error: Exception) -> str:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return type(error).__name__
