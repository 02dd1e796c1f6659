"""The HTTP process: ingest, API and pages, file server on one port; ``faultline ingest|web|files`` run some of them.

Starts once PostgreSQL answers; from then on a PostgreSQL that goes away makes requests fail with 503 and is found again
by the pools themselves. Ends at SIGTERM or Ctrl-C, or when the process that started it is gone.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog
from aiohttp import web

from app import settings as settings_of
from app import topics
from app.files import routes as files
from app.files.read import ObjectArchive
from app.files.reports import Reports
from app.ingest import routes as ingest
from app.log.contract import Log, LogUnavailable, TopicSpec
from app.log.generations import Working, working_generation
from app.log.kafka.quiet import quieten
from app.log.open import AnyLog, open_log
from app.normalise import scrub
from app.runtime import allocator
from app.runtime.heartbeat import Heartbeat, beating
from app.runtime.server_status import Watch
from app.settings import Settings, SettingsError
from app.stores.admin.access import Cached
from app.stores.admin.instances import Instances
from app.stores.admin.projects import Projects
from app.stores.aggregates.store import Aggregates
from app.stores.objects.contract import ObjectStore
from app.stores.objects.open import open_objects
from app.stores.search.contract import Search
from app.stores.search.open import open_search
from app.web import routes as pages
from app.web.errors import AWAY
from app.web.services import Services

if TYPE_CHECKING:
    from app.postgres import Pool

PARTS: Final = frozenset({"ingest", "web", "files"})
CONNECTIONS: Final = 10
COMMAND_SECONDS: Final = 20.0
"""A page whose query takes longer is of no use; the connection is freed."""
AGAIN_SECONDS: Final = 0.5
SHUTDOWN_SECONDS: Final = 5.0
"""For requests under way at SIGTERM; an append to the log takes far less."""
KEEPALIVE_SECONDS: Final = 75.0
"""Longer than the 60 s for which proxies keep connections. It also bounds how slowly a request's head may come, for
which aiohttp's own hour would be far too long."""

log = structlog.get_logger()


class CannotListen(Exception):
    """The address of the settings is taken, or none of this machine's."""


def main(parts: Iterable[str] = PARTS) -> int:
    """Serve until told to end. Gives the exit code: 0, or 2 where a setting cannot be used."""
    try:
        settings = settings_of.load()
    except SettingsError as error:
        log.error("settings", error=str(error))  # noqa: TRY400  the text says it all
        return 2
    # Tracebacks without local variables: these may hold what an application sent.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # Its lines about requests that can't be parsed quote them, keys and payloads included; handlers log for themselves.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    quieten()
    try:
        asyncio.run(serve(settings, frozenset(parts)))
    except SettingsError as error:
        log.error("settings", error=str(error))  # noqa: TRY400  the text says it all
        return 2
    except CannotListen as error:
        log.error("cannot_listen", error=str(error))  # noqa: TRY400  the text says it all
        return 1
    return 0


async def serve(settings: Settings, parts: frozenset[str]) -> None:
    """Serve ``parts`` until SIGTERM, SIGINT or the end of the parent."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _watch_parent(loop, stop)
    async with AsyncExitStack() as stack:
        serving = asyncio.ensure_future(stack.enter_async_context(running(settings, parts)))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            return
        port = await serving
        log.info("serving", host=settings.host, port=port, parts=sorted(parts))
        gc.freeze()  # what start-up made lives as long as the process: the collector need not walk it again
        _report(port)
        await stop.wait()
        stopping.cancel()


@asynccontextmanager
async def running(settings: Settings, parts: frozenset[str] = PARTS) -> AsyncIterator[int]:
    """Serve as long as the block runs; gives the port."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(_pool(settings))
        generation, deltas = await _generation(pool, settings)
        records: AnyLog = await stack.enter_async_context(open_log(settings))
        await _ensure(records, _topics(settings, generation, deltas))
        search = await stack.enter_async_context(open_search(settings, pool))
        blobs = await stack.enter_async_context(open_objects(settings.files_url))
        application = build(settings, parts, pool, records, search, blobs, generation)
        # Ingest counts and unpacks bodies itself: aiohttp's own unpacking knows no limit.
        runner = web.AppRunner(
            application, auto_decompress=False, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=KEEPALIVE_SECONDS, handle_signals=False,
        )  # fmt: skip
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(
            runner, settings.host, settings.port, reuse_address=True, reuse_port=settings.reuse_port or None
        )
        try:
            await site.start()
        except OSError as error:  # getaddrinfo's too
            raise CannotListen(f"{settings.host}:{settings.port}: {error.strerror or error}") from error
        await stack.enter_async_context(allocator.bounded())
        await stack.enter_async_context(beating(Heartbeat(Instances(pool), "server", Watch(parts).figures)))
        yield int(runner.addresses[0][1])


def build(
    settings: Settings,
    parts: frozenset[str],
    pool: "Pool",
    records: Log,
    search: Search,
    blobs: ObjectStore,
    generation: int,
) -> web.Application:
    """Compose one application of the parts."""
    application, projects = web.Application(), Projects(pool)
    archive = ObjectArchive(blobs, pool, settings.file_cache_mb << 20)
    services = Services(
        settings=settings, parts=parts, generation=generation, pool=pool, log=records, projects=projects,
        aggregates=Aggregates(pool), search=search, blobs=blobs, reports=Reports(archive, records, scrub),
        access=Cached(pool),
    )  # fmt: skip
    if "ingest" in parts:
        health = ingest.add_routes(
            application, log=records, projects=projects, settings=settings, generation=generation
        )
        services.readiness = health.readiness
    if parts & {"files", "web"}:  # pages link to what they show: the role ``files`` is for more readers than these
        files.add_routes(application, reports=services.reports, authorise=pages.authorise(services))
    if "web" in parts:
        pages.add_routes(application, services)
    else:
        pages.add_health(application, services)
    return application


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator["Pool"]:
    """Open the pool of queries; it connects at first use and again whenever a connection broke."""
    pool = await asyncpg.create_pool(
        settings.database_url, min_size=0, max_size=CONNECTIONS, command_timeout=COMMAND_SECONDS
    )
    try:
        yield pool
    finally:
        pool.terminate()


async def _generation(pool: "Pool", settings: Settings) -> Working:
    """Give the generation of the log that is worked on; waits for PostgreSQL, its migration, and a log in Kafka.

    Raises SettingsError where the settings name another log.
    """
    told = ""
    while True:
        try:
            return await working_generation(pool, settings)
        except (*AWAY, asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            if told != type(error).__name__:
                store = "waiting_for_log" if isinstance(error, LogUnavailable) else "waiting_for_database"
                log.warning(store, error=type(error).__name__)
            told = type(error).__name__
            await asyncio.sleep(AGAIN_SECONDS)


async def _ensure(records: Log, specs: list[TopicSpec]) -> None:
    """Make the topics; waits for the log."""
    while True:
        try:
            await records.ensure(specs)
        except LogUnavailable as error:
            log.warning("waiting_for_log", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            return


def _topics(settings: Settings, generation: int, deltas: int) -> list[TopicSpec]:
    """Name the topics that ingest writes and live views follow; a worker may come later than the first event."""
    count = settings.partitions
    names = [topics.qualified(generation, name) for name in topics.SOURCES]
    rates = TopicSpec(topics.qualified(generation, topics.RATES), deltas, "compact")
    return [*(TopicSpec(name, count) for name in names), rates]


def _report(port: int) -> None:
    """Tell the process that started this one that requests are answered, and where."""
    given = os.environ.get("FAULTLINE_READY_FD")
    if given:
        with os.fdopen(int(given), "w") as pipe:
            pipe.write(json.dumps({"port": port}) + "\n")


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End when the pipe that the parent holds open reaches its end: a parent killed with -9 can say nothing else."""
    given = os.environ.get("FAULTLINE_PARENT_FD")
    if not given:
        return
    fd = int(given)

    def readable() -> None:
        if not os.read(fd, 1024):
            loop.remove_reader(fd)
            stop.set()

    loop.add_reader(fd, readable)


if __name__ == "__main__":
    sys.exit(main())
