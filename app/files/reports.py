"""One stored report by its address: from the archive, or, until it is there, scrubbed from the log."""

from collections.abc import Callable
from typing import Final

import msgspec

from app.log.contract import Log, LogError, LogUnavailable
from app.model import Address, Malformed
from app.normalise.parse import parse
from app.records import Stored, UnknownSchema, decode_facts
from app.stores.errors import StoreUnavailable
from app.stores.objects.contract import Archive
from app.topics import FACTS, SOURCES

REPORTS: Final = frozenset(SOURCES)
"""The topics that reports are on; nothing else of the log is ever given out by address."""

Scrub = Callable[[bytes, int], bytes]
"""(payload, version of the rules) -> the payload without secrets."""


class Reports:
    """Reads stored reports; what it gives is always scrubbed."""

    def __init__(self, archive: Archive, log: Log, scrub: Scrub) -> None:
        """Take the archive, the log, and what scrubs a payload that is still in the log."""
        self._archive = archive
        self._log = log
        self._scrub = scrub

    async def get(self, address: Address) -> Stored | None:
        """Give the report at an address, None where there is none.

        Raises StoreUnavailable and LogUnavailable.
        """
        if address.topic.rpartition(".")[2] not in REPORTS:
            return None
        return await self._archive.read(address) or await self._logged(address)

    async def _logged(self, address: Address) -> Stored | None:
        try:
            records = await self._log.read(*address, max_records=1)
        except LogUnavailable:
            raise
        except LogError:  # a topic or partition that never was
            return None
        record = records[0] if records else None
        if record is None or record.offset != address.offset or record.value is None:
            return None
        try:
            facts = decode_facts(record.headers.get(FACTS, b""))
            if facts.kind == "refused":
                return None
            parse(record.value)  # what is no JSON object is a dead letter: its secrets could not be told
            return Stored(record.offset, facts, self._scrub(record.value, facts.rules))
        except (msgspec.DecodeError, Malformed):
            return None
        except UnknownSchema as error:
            raise StoreUnavailable(str(error)) from error
