"""Role archive: ``processed`` → packed objects, durable before the batch is acknowledged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from agents import metrics
from app.files.archiver import Archiver
from app.files.catalogue import Catalogue
from app.log.batch import Batch, Claim
from app.records import decode_processed
from app.stores.objects.open import open_objects
from app.stream.role import RoleApp
from app.topics import PROCESSED, Source


def setup(app: RoleApp) -> None:
    """Register the role on its App."""
    app.consume(PROCESSED, Archive(app).handle)


class Archive:
    """Reads ``processed``; what it keeps is in the archive itself, read back at each claim."""

    def __init__(self, app: RoleApp) -> None:
        """Declare what it opens. Raises SettingsError for files that this version cannot keep."""
        self._app = app
        self._blobs = open_objects(app.settings.files_url)
        self._archiver = app.resource("archive", self._open)

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Do one batch; on return its reports are durable. May be called again with the same batch after any error."""
        processed = [decode_processed(record.value) for record in batch if record.value is not None]
        if processed:
            await self._archiver.value.store(processed, claim, lost=batch.lost > 0)
            metrics.ARCHIVED.inc(sum(block.count for item in processed for block in item.blocks))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Archiver]:
        pooled = asyncpg.create_pool(self._app.settings.database_url, min_size=0, max_size=1)
        async with self._blobs as blobs, pooled as pool:
            limit = self._app.settings.archive_object_mb << 20
            yield Archiver(blobs, Catalogue(pool), self._log_start, limit)

    async def _log_start(self, source: Source) -> int:
        return (await self._app.log.bounds(source.topic))[source.partition].start
