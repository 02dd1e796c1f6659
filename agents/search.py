"""Role search: what was found out about events (``processed``) → documents that can be searched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from agents import metrics
from app.log.batch import Batch, Claim
from app.model import Address
from app.records import decode_processed
from app.stores.search.contract import Document, Search
from app.stores.search.open import open_search
from app.stream.role import RoleApp
from app.topics import PROCESSED


def setup(app: RoleApp) -> None:
    """Register the role on its App."""
    app.consume(PROCESSED, SearchIndex(app).handle)


class SearchIndex:
    """Reads ``processed``; indexing is idempotent, so there is no state."""

    def __init__(self, app: RoleApp) -> None:
        """Declare what it opens."""
        self._app = app
        self._search = app.resource("search", self._open)

    async def handle(self, batch: Batch, _: Claim) -> None:
        """Do one batch; on return its events can be found. May be called again with the same batch after any error."""
        documents = [
            document for record in batch if record.value is not None for document in documents_of(record.value)
        ]
        if documents:
            await self._search.value.index(documents)
            metrics.INDEXED.inc(len(documents))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Search]:
        settings = self._app.settings
        async with (
            asyncpg.create_pool(settings.database_url, min_size=0, max_size=1) as pool,  # connects when it is used
            open_search(settings, pool) as search,
        ):
            yield search


def documents_of(value: bytes) -> list[Document]:
    """Return the documents of one ``processed`` record. Raises UnknownSchema."""
    processed = decode_processed(value)
    return [
        Document(Address(processed.topic, processed.partition, found.offset), found) for found in processed.summaries
    ]
