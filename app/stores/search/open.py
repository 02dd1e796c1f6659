"""Opens the search store that the settings select."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.settings import Settings, SettingsError
from app.stores.search import elastic
from app.stores.search.contract import Search
from app.stores.search.postgres import PostgresSearch

if TYPE_CHECKING:
    from app.postgres import Pool


@asynccontextmanager
async def open_search(settings: Settings, pool: "Pool") -> AsyncIterator[Search]:
    """Open the store of the setting ``search``; ``pool`` is used where that is PostgreSQL. Raises SettingsError."""
    scheme = settings.search.partition(":")[0]
    if scheme == "database":
        yield PostgresSearch(pool)
    elif scheme in {"http", "https"}:
        async with elastic.opened(settings.search) as search:
            yield search
    else:
        raise SettingsError(f"search: expected database:, http://… or https://…, received {scheme}:")
