"""The client of Elasticsearch: what the setting says of it, and what its errors mean to those who use a store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from elasticsearch import ApiError, AsyncElasticsearch, OrjsonSerializer, TransportError, UnsupportedProductError
from msgspec import Meta

from app.settings import SettingsError
from app.stores.errors import StoreUnavailable

NAME: Final = "faultline-events"
REQUEST_SECONDS: Final = 10.0
"""A request that takes longer is given up: a server that hangs must not hold a batch."""

AGAIN: Final = (0.1, 0.3, 1.0)
"""Seconds before a read is tried again: shards move, and a day's first event makes an index."""

FOR_NOW: Final = frozenset({401, 403, 408, 429, 500, 502, 503, 504})
"""Statuses that say nothing of what was asked: waiting, or the operator, will help."""

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand after ``?`` in the setting."""

    index: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,99}$")] = NAME
    """Name of the alias and the template, and what the names of indices begin with."""
    shards: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Of each day's index."""
    api_key: str = ""
    ca_certs: str = ""
    """File of the certificates that vouch for the server, where the system's do not."""


class Server(msgspec.Struct, frozen=True):
    """What the setting ``search`` says: where the servers are, who asks, and the options."""

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
            _check(address)
        options = msgspec.convert(dict(parse_qsl(parts.query)), Options, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"search: {error}") from error
    return Server(addresses, (unquote(name), unquote(password)) if at else None, options)


def _check(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port is None:
        raise ValueError("an address of Elasticsearch is http(s)://host:port")


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[AsyncElasticsearch]:
    """Give a client; it connects at first use and again whenever a connection broke."""
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
    """Raise StoreUnavailable where Elasticsearch does not answer or refuses for now."""
    try:
        yield
    except (TransportError, UnsupportedProductError) as error:  # the latter: something else listens there
        raise StoreUnavailable(f"search: Elasticsearch does not answer ({type(error).__name__})") from error
    except ApiError as error:
        if error.status_code not in FOR_NOW:
            raise
        raise StoreUnavailable(f"search: Elasticsearch refuses for now ({error.status_code})") from error


async def read(call: Callable[[], Awaitable[T]]) -> T:
    """Do what only reads, again where it fails for now. Raises StoreUnavailable in REQUEST_SECONDS at most."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            for seconds in AGAIN:
                try:
                    with translated():
                        return await call()
                except StoreUnavailable:
                    await asyncio.sleep(seconds)
            with translated():
                return await call()
    except TimeoutError as error:
        raise StoreUnavailable("search: Elasticsearch does not answer in time") from error
