"""``faultline migrate``: the schema and the topics."""

import asyncio

import asyncpg

from app.cli.connect import database_url
from app.cli.show import out
from app.settings import Settings
from app.stores.migrate import migrate as apply


def migrate(settings: Settings) -> None:
    """Apply what is missing and say what was applied."""
    done = asyncio.run(_migrate(database_url(settings)))
    out.print("\n".join(f"applied {name}" for name in done) or "nothing to do: the schema is up to date")


async def _migrate(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return await apply(connection)
    finally:
        await connection.close()
