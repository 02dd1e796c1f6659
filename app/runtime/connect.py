"""How a command reaches the installation's PostgreSQL and log."""

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
    """Give the address of the database. Raises SettingsError where the embedded one is not running."""
    scheme, _, folder = settings.database_url.partition("://")
    if scheme != "embedded":
        return settings.database_url
    url = running_url(folder)
    if url is None:
        raise SettingsError(f"nothing runs on {folder}; start it by `faultline up`, or name one by FAULTLINE_DATA")
    return url


@asynccontextmanager
async def pool(settings: Settings) -> AsyncIterator["Pool"]:
    """Open a small pool on the installation's database."""
    async with asyncpg.create_pool(database_url(settings), min_size=1, max_size=2) as opened:
        yield opened


@asynccontextmanager
async def log(settings: Settings) -> AsyncIterator[AnyLog]:
    """Open the installation's log."""
    reached = msgspec.structs.replace(settings, database=database_url(settings))
    async with open_log(reached) as opened:
        yield opened


async def generation(connections: "Pool", settings: Settings) -> int:
    """Give the generation of the log that is worked on. Raises SettingsError where the settings name another log."""
    found = await latest(connections)
    refuse_other(found, await name_of(settings), settings)
    return found.number
