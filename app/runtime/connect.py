"""The installation's PostgreSQL and log, as commands and workers reach them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from app.embedded import running_url
from app.log.generations import latest, name_of, refuse_other
from app.log.open import AnyLog, open_log
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.postgres import Pool


def database_url(settings: Settings) -> str:
    """Return the URL of the database. Raises SettingsError where the embedded one is not running."""
    scheme, _, folder = settings.database_url.partition("://")
    if scheme != "embedded":
        return settings.database_url
    url = running_url(folder)
    if url is None:
        raise SettingsError(
            f"nothing runs on {folder}: start it by `faultline up`, or name another installation by FAULTLINE_DATA or "
            "FAULTLINE_DATABASE"
        )
    return url


@asynccontextmanager
async def pool(settings: Settings) -> AsyncIterator["Pool"]:
    """Open a small pool of connections to the installation's database."""
    async with asyncpg.create_pool(database_url(settings), min_size=1, max_size=2) as opened:
        yield opened


@asynccontextmanager
async def log(settings: Settings) -> AsyncIterator[AnyLog]:
    """Open the installation's log."""
    reachable = msgspec.structs.replace(settings, database=database_url(settings))
    async with open_log(reachable) as opened:
        yield opened


async def generation(connections: "Pool", settings: Settings) -> int:
    """Return the number of the log's working generation. Raises SettingsError where the settings name another log."""
    working = await latest(connections)
    refuse_other(working, await name_of(settings), settings)
    return working.number
