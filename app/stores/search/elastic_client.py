"""The client of Elasticsearch: made from the setting ``search``, its errors translated to those of a store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import stamina
from elasticsearch import ApiError, AsyncElasticsearch, OrjsonSerializer, TransportError, UnsupportedProductError
from msgspec import Meta

from app.settings import SettingsError
from app.stores.errors import StoreUnavailable

NAME: Final = "faultline-events"
REQUEST_SECONDS: Final = 10.0
"""Time limit of a request, and of a read with all its attempts: a server that hangs must not hold a batch."""

ATTEMPTS: Final = 4
FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 1.0
"""Reads are repeated after 0.1, 0.3 and 0.9 s: while shards move, or the index of a new day is created."""

TRANSIENT: Final = frozenset({401, 403, 408, 429, 500, 502, 503, 504})
"""Statuses whose cause is not the request: it passes, or (401, 403) the operator mends it while batches wait."""

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options after ``?`` in the setting."""

    index: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,99}$")] = NAME
    """Name of the alias and of the template, and prefix of the names of indices."""
    shards: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Primary shards of each day's index."""
    api_key: str = ""
    ca_certs: str = ""
    """File of CA certificates, for a server whose certificate the system's do not verify."""


class Server(msgspec.Struct, frozen=True):
    """The setting ``search``: addresses of the servers, (name, password) or None, and options."""

    hosts: list[str]
    user: tuple[str, str] | None
    options: Options


def server_of(setting: str) -> Server:
    """Read ``https://[user:password@]host:port[,host:port…][?index=…&shards=…&api_key=…&ca_certs=…]``.

    Raises SettingsError.
    """
    try:
        parts = urlsplit(setting)
        user, at, hosts = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        addresses = [f"{parts.scheme}://{host}" for host in hosts.split(",")]
        for address in addresses:
            _check_address(address)
        options = msgspec.convert(dict(parse_qsl(parts.query)), Options, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"search: {error}") from error
    return Server(addresses, (unquote(name), unquote(password)) if at else None, options)


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port is None:
        raise ValueError(f"expected http(s)://host:port, received {address!r}")


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[AsyncElasticsearch]:
    """Open a client; it connects at first use, and again after a connection broke."""
    certificates: dict[str, Any] = {"ca_certs": server.options.ca_certs} if server.options.ca_certs else {}
    client = AsyncElasticsearch(
        server.hosts,
        basic_auth=server.user,
        api_key=server.options.api_key or None,
        **certificates,
        request_timeout=REQUEST_SECONDS,
        max_retries=len(server.hosts) - 1,
        serializer=OrjsonSerializer(),
    )
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreUnavailable where Elasticsearch does not answer, or refuses for a passing reason."""
    try:
        yield
    except (TransportError, UnsupportedProductError) as error:  # the latter: another program answers at the address
        raise StoreUnavailable(f"search: Elasticsearch does not answer ({type(error).__name__})") from error
    except ApiError as error:
        if error.status_code not in TRANSIENT:
            raise
        raise StoreUnavailable(f"search: Elasticsearch refuses with status {error.status_code}") from error


async def read(call: Callable[[], Awaitable[T]]) -> T:
    """Return the result of a call that only reads, repeated while Elasticsearch is unavailable.

    Raises StoreUnavailable within ``REQUEST_SECONDS``.
    """

    @stamina.retry(
        on=StoreUnavailable,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=FIRST_WAIT,
        wait_exp_base=3,
        wait_max=LONGEST_WAIT,
        wait_jitter=0,
    )
    async def attempt() -> T:
        with translated():
            return await call()

    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await attempt()
    except TimeoutError as error:
        raise StoreUnavailable(f"search: Elasticsearch does not answer in time ({REQUEST_SECONDS} s)") from error
