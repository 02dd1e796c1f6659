"""Checks which of the installation's stores answer, each by itself, and what to do about those that do not."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, NamedTuple

import asyncpg

from app import outages, postgres
from app.files.catalogue import Catalogue
from app.files.prepare import check
from app.log.contract import LogError
from app.log.kafka.log import KafkaLog
from app.log.open import on_kafka
from app.runtime.connect import log, pool
from app.settings import Settings, SettingsError
from app.stores.errors import StoreUnavailable
from app.stores.objects.open import open_objects
from app.tasks import within

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
    store: str = ""
    """The server that it is about, "" for none."""


async def stores(settings: Settings) -> list[Finding]:
    """Ping the database, the log, search and the files, as far as they are servers of their own."""
    database = await _ping(_Store("PostgreSQL", outages.STORE, "FAULTLINE_DATABASE", needed=True), settings, _database)
    name = "S3" if settings.files_url.startswith("s3:") else "folder of raw reports"
    pings = [_ping(_Store(name, outages.FILES, "FAULTLINE_FILES"), settings, partial(_files, catalogue=database.well))]
    if on_kafka(settings) and database.well:
        pings.append(_ping(_Store("Kafka", outages.LOG, "FAULTLINE_LOG", needed=True), settings, _log))
    if not settings.search.startswith("database:"):
        pings.append(_ping(_Store("Elasticsearch", outages.SEARCH, "FAULTLINE_SEARCH"), settings, _search))
    return [database, *await asyncio.gather(*pings)]


class _Store(NamedTuple):
    """A store to ping: its name, its code in ``app.outages``, the setting with its address."""

    name: str
    code: str
    setting: str
    needed: bool = False


async def _ping(store: _Store, settings: Settings, call: Callable[[Settings], Coroutine[Any, Any, None]]) -> Finding:
    try:
        await within(SECONDS, call(settings))
    except TimeoutError:
        why = f"no answer within {SECONDS:.0f} s"
    except AWAY as error:
        why = str(error) or type(error).__name__
    else:
        return Finding(True, f"{store.name}: answers", "", store.needed, store.name)
    remedy = f"check {store.setting} and that it runs; work resumes by itself when it is back"
    return Finding(False, f"{outages.sentence(store.code, settings)} ({why})", remedy, store.needed, store.name)


async def _database(settings: Settings) -> None:
    async with pool(settings) as connections:
        await connections.fetchval("select 1")


async def _log(settings: Settings) -> None:
    async with log(settings) as opened:
        if isinstance(opened, KafkaLog):
            await opened.cluster()


async def _files(settings: Settings, *, catalogue: bool) -> None:
    """Check the files; without the ``catalogue`` a folder that has no marker is not known to be new."""
    async with open_objects(settings.files_url) as objects:
        if not catalogue:
            await objects.ping()
            return
        async with pool(settings) as connections:
            await check(objects, Catalogue(connections))


async def _search(settings: Settings) -> None:
    from app.stores.search.open import open_search  # noqa: PLC0415  loads Elasticsearch's client only where it is used

    async with pool(settings) as connections, open_search(settings, connections) as search:
        await search.event("0" * 32)
