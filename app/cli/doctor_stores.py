"""Checks which of the installation's stores answer, each by itself, and what to do about those that do not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from app import postgres
from app.log.contract import LogError
from app.log.kafka.log import KafkaLog
from app.log.open import on_kafka
from app.runtime.connect import log, pool
from app.settings import Settings, SettingsError
from app.stores.errors import StoreUnavailable
from app.stores.objects.open import open_objects

SECONDS: Final = 10.0
"""Time in which a store must answer. Kafka's client alone looks for a broker that is away for so long."""

AWAY: Final = (*postgres.AWAY, asyncpg.PostgresError, SettingsError, LogError, StoreUnavailable)


class Finding(NamedTuple):
    """One line of ``faultline doctor``: whether something is well, and what to do where it is not."""

    well: bool
    what: str
    remedy: str = ""
    needed: bool = False
    """Whether the later checks need it."""


async def stores(settings: Settings) -> list[Finding]:
    """Ping the database, the log, search and the files, as far as they are servers of their own."""
    database = await _ping("PostgreSQL", partial(_database, settings), "FAULTLINE_DATABASE", needed=True)
    pings = [_ping(_name_of(settings.files_url), partial(_files, settings), "FAULTLINE_FILES")]
    if on_kafka(settings) and database.well:
        pings.append(_ping("Kafka", partial(_log, settings), "FAULTLINE_LOG", needed=True))
    if not settings.search.startswith("database:"):
        pings.append(_ping("Elasticsearch", partial(_search, settings), "FAULTLINE_SEARCH"))
    return [database, *await asyncio.gather(*pings)]


async def _ping(name: str, call: Callable[[], Awaitable[None]], setting: str, *, needed: bool = False) -> Finding:
    remedy = f"check {setting} and that it runs; acknowledged events are kept, and work resumes when it is back"
    try:
        async with asyncio.timeout(SECONDS):
            await call()
    except TimeoutError:
        return Finding(False, f"{name}: does not answer within {SECONDS:.0f} s", remedy, needed)
    except AWAY as error:
        return Finding(False, f"{name}: {error or type(error).__name__}", remedy, needed)
    return Finding(True, f"{name}: answers", "", needed)


def _name_of(url: str) -> str:
    return "S3" if url.startswith("s3:") else "folder of raw reports"


async def _database(settings: Settings) -> None:
    async with pool(settings) as connections:
        await connections.fetchval("select 1")


async def _log(settings: Settings) -> None:
    async with log(settings) as opened:
        if isinstance(opened, KafkaLog):
            await opened.cluster()


async def _files(settings: Settings) -> None:
    async with open_objects(settings.files_url) as objects:
        await objects.ping()


async def _search(settings: Settings) -> None:
    from app.stores.search.open import open_search  # noqa: PLC0415  loads Elasticsearch's client only where it is used

    async with pool(settings) as connections, open_search(settings, connections) as search:
        await search.event("0" * 32)
