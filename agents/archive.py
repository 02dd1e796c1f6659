"""Role archive: ``processed`` -> packed objects, durable before the batch is acknowledged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from agents import metrics
from app.files.archiver import Archiver
from app.files.catalogue import Catalogue
from app.log.batch import Batch, Claim
from app.records import decode_processed
from app.stores.objects.open import open_objects
from app.stream.contract import Role
from app.topics import PROCESSED, Source

ROUNDS: Final = 20
"""Each reading makes an object of each source partition: in objects of 4 s there are a twentieth as many. An event that
is not archived yet is read from the log."""


def setup(role: Role) -> None:
    """Register the agent of the role."""
    role.consume(PROCESSED, Archive(role).handle, rounds=ROUNDS)


class Archive:
    """Packs the reports of ``processed``. Its state is the archive itself, read again at each claim.

    Raises SettingsError for files that this version cannot keep.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self._blobs = open_objects(role.settings.files_url)
        self._archiver = role.resource("archive", self._open)

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Archive one batch; on return its reports are durable. It may be called again with it after any error."""
        processed = [decode_processed(record.value) for record in batch if record.value is not None]
        if processed:
            await self._archiver.value.store(processed, claim, lost=batch.lost > 0)
            metrics.ARCHIVED.inc(sum(block.count for item in processed for block in item.blocks))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Archiver]:
        async with self._blobs as blobs, self._role.pool() as pool:
            limit = self._role.settings.archive_object_mb << 20
            yield Archiver(blobs, Catalogue(pool), self._log_start, limit)

    async def _log_start(self, source: Source) -> int:
        return (await self._role.log.bounds(source.topic))[source.partition].start
