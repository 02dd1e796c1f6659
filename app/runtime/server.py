"""The HTTP process: ingest, API and pages, file server on one port; ``faultline ingest|web|files`` run some of them.

Starts once PostgreSQL answers. When PostgreSQL goes away later, requests fail with 503 and the pools connect again by
themselves. Ends at SIGTERM or Ctrl-C, or when the process that started it is gone.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import stamina
import structlog
from aiohttp import web

from app import settings as settings_of
from app import topics
from app.files import routes as files
from app.files.read import ObjectArchive
from app.files.reports import Reports
from app.ingest import routes as ingest
from app.log.contract import Log, LogUnavailable, TopicSpec
from app.log.generations import working_generation
from app.log.open import AnyLog, open_log
from app.normalise import scrub
from app.postgres import BoundedPool
from app.roles import PART_NAMES
from app.runtime import allocator, logs
from app.runtime.heartbeat import Heartbeat, beating
from app.runtime.loop import new_loop
from app.runtime.parent import on_parent_end, report_ready
from app.runtime.server_status import ServerStatus
from app.settings import Settings, SettingsError
from app.stores.admin.access import CachedAccess
from app.stores.admin.instances import Instances
from app.stores.admin.projects import Projects
from app.stores.admin.rules import ProjectRules
from app.stores.admin.upgrades import sessions_normalised_since
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

PARTS: Final = frozenset(PART_NAMES)
CONNECTIONS: Final = 10
STATEMENT_SECONDS: Final = 5.0
"""A page whose query takes longer is of no use: PostgreSQL ends the statement, and the connection is free."""
COMMAND_SECONDS: Final = 5.5
"""The same for a server that is frozen, seen from here."""
SHUTDOWN_SECONDS: Final = 5.0
"""For requests in flight at SIGTERM; an append to the log takes far less."""
KEEPALIVE_SECONDS: Final = 75.0
"""Longer than the 60 s for which proxies keep idle connections. aiohttp also bounds by it how slowly the head of a
request may arrive, for which its default of an hour would be far too long."""
LINGER_SECONDS: Final = 0.002
"""How long a small append waits for those of other requests. Clients that wait for their answers send again once they
have them: without a pause half of them would always be a transaction behind the others."""
YOUNG_OBJECTS: Final = 10_000
"""Objects made between two collections of the young ones. A request of ingest leaves none in a cycle, so that each
collection walks the requests in flight in vain."""
WAIT: Final = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_initial=0.2, wait_max=5.0)
"""Waits at the start for a store that does not answer yet, without end; ``logs`` logs each retry."""

_NOT_READY: Final = (*AWAY, asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)
"""Errors of a start before PostgreSQL answers, before its migration, or before Kafka answers."""

log = structlog.get_logger()


class CannotListen(Exception):
    """The address of the settings is in use, or is not an address of this machine."""

    code = "cannot_listen"


def main(parts: Iterable[str] = PARTS) -> int:
    """Serve until a signal or the parent's end.

    Returns:
        The exit code: 0, 1 where the address cannot be listened on, 2 where a setting cannot be used.
    """
    logs.configure()
    try:
        settings = settings_of.load()
        logs.configure(settings.log_level)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve(settings, frozenset(parts)))
    except SettingsError as error:
        log.error(error.code, error=str(error))  # noqa: TRY400  an operator mends a setting, no traceback helps
        return 2
    except CannotListen as error:
        log.error(error.code, error=str(error))  # noqa: TRY400  as above
        return 1
    return 0


async def serve(settings: Settings, parts: frozenset[str]) -> None:
    """Serve ``parts`` until SIGTERM, SIGINT or the end of the parent."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    on_parent_end(loop, stop.set)
    async with AsyncExitStack() as stack:
        serving = asyncio.ensure_future(stack.enter_async_context(running(settings, parts)))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            return
        port = await serving
        log.info("serving", host=settings.host, port=port, parts=sorted(parts))
        gc.freeze()  # what the start made lives as long as the process: the collector need not walk it again
        gc.set_threshold(YOUNG_OBJECTS)
        report_ready({"port": port})
        await stop.wait()
        stopping.cancel()


@asynccontextmanager
async def running(settings: Settings, parts: frozenset[str] = PARTS) -> AsyncIterator[int]:
    """Serve while the block runs; yield the port. Raises SettingsError, CannotListen."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(_pool(settings))
        generation, deltas = await WAIT(_NOT_READY, working_generation, pool, settings)
        since = await WAIT(_NOT_READY, sessions_normalised_since, pool)
        records: AnyLog = await stack.enter_async_context(open_log(settings, linger=LINGER_SECONDS))
        await WAIT(LogUnavailable, records.ensure, _topics(settings, generation, deltas))
        search = await stack.enter_async_context(open_search(settings, pool))
        blobs = await stack.enter_async_context(open_objects(settings.files_url))
        application = build(settings, parts, pool, records, search, blobs, generation, since)
        # Ingest decompresses bodies itself and counts their bytes: aiohttp's decompression knows no limit.
        runner = web.AppRunner(
            application, auto_decompress=False, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=KEEPALIVE_SECONDS, handle_signals=False,
        )  # fmt: skip
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        ingest.shorten(runner)
        site = web.TCPSite(
            runner, settings.host, settings.port, reuse_address=True, reuse_port=settings.reuse_port or None
        )
        try:
            await site.start()
        except OSError as error:  # getaddrinfo's too
            raise CannotListen(f"{settings.host}:{settings.port}: {error.strerror or error}") from error
        await stack.enter_async_context(allocator.bounded())
        await stack.enter_async_context(beating(Heartbeat(Instances(pool), "server", ServerStatus(parts).figures)))
        yield int(runner.addresses[0][1])


def build(
    settings: Settings,
    parts: frozenset[str],
    pool: "Pool",
    records: Log,
    search: Search,
    blobs: ObjectStore,
    generation: int,
    sessions_since: int,
) -> web.Application:
    """Return one application that serves the parts."""
    application, projects = web.Application(), Projects(pool)
    archive = ObjectArchive(blobs, pool, settings.file_cache_mb << 20)
    services = Services(
        settings=settings, parts=parts, generation=generation, pool=pool, log=records, projects=projects,
        rules=ProjectRules(pool), aggregates=Aggregates(pool), search=search, blobs=blobs,
        reports=Reports(archive, records, scrub), access=CachedAccess(pool),
    )  # fmt: skip
    if "ingest" in parts:
        health = ingest.add_routes(
            application, log=records, projects=projects, settings=settings, generation=generation,
            sessions_since=sessions_since,
        )  # fmt: skip
        services.readiness = health.readiness
    if parts & {"files", "web"}:  # pages link to reports, so web serves them too; ``files`` takes other readers off it
        files.add_routes(application, reports=services.reports, authorise=pages.authorise(services), settings=settings)
    if "web" in parts:
        pages.add_routes(application, services)
    else:
        pages.add_health(application, services)
    return application


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator["Pool"]:
    """Yield the pool of queries; it connects at first use, and again after a connection broke."""
    pool = BoundedPool(
        settings.database_url, seconds=COMMAND_SECONDS, size=CONNECTIONS, timeout=COMMAND_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": "faultline server", "statement_timeout": f"{STATEMENT_SECONDS:.0f}s"},
    )  # fmt: skip
    await pool
    try:
        yield pool
    finally:
        pool.terminate()


def _topics(settings: Settings, generation: int, deltas: int) -> list[TopicSpec]:
    """Return the topics that ingest writes and live views follow: the first event may come before any worker."""
    count = settings.partitions
    names = [topics.qualified(generation, name) for name in topics.SOURCES]
    rates = TopicSpec(topics.qualified(generation, topics.RATES), deltas, "compact")
    return [*(TopicSpec(name, count) for name in names), rates]


if __name__ == "__main__":
    sys.exit(main())
