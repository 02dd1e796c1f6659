"""Role search: the summaries of events in ``processed`` -> searchable documents."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from agents import metrics
from app.log.batch import Batch, Claim
from app.model import Address
from app.records import decode_processed
from app.stores.search.contract import Document, Search
from app.stores.search.open import open_search
from app.stream.contract import Role
from app.tasks import Joined
from app.topics import PROCESSED

JOIN_SECONDS: Final = 0.005
ROUNDS: Final = 5
"""An event can be found after about a second, and the documents of that second share one transaction."""


def setup(role: Role) -> None:
    """Register the agent of the role."""
    role.consume(PROCESSED, SearchIndex(role).handle, rounds=ROUNDS)


class SearchIndex:
    """Indexes the events of ``processed``; indexing is idempotent, so there is no state."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._search = role.resource("search", self._open)
        self._index = Joined(self._index_all, JOIN_SECONDS)

    async def handle(self, batch: Batch, _: Claim) -> None:
        """Index one batch; on return its events can be found. It may be called again with it after any error."""
        documents = [
            document for record in batch if record.value is not None for document in documents_of(record.value)
        ]
        if documents:
            await self._index(documents)
            metrics.INDEXED.inc(len(documents))

    async def _index_all(self, batches: Sequence[Sequence[Document]]) -> None:
        """Index the documents of the batches of a round in one call."""
        await self._search.value.index([document for batch in batches for document in batch])

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Search]:
        settings = self._role.settings
        async with (
            self._role.pool() as pool,
            open_search(settings, pool) as search,
        ):
            yield search


def documents_of(value: bytes) -> list[Document]:
    """Return the documents of one ``processed`` record. Raises UnknownSchema."""
    processed = decode_processed(value)
    return [
        Document(Address(processed.topic, processed.partition, summary.offset), summary)
        for summary in processed.summaries
    ]
