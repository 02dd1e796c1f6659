"""Reads one stored report by its address: from the archive, or, until it is archived, from the log, scrubbed."""

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
"""The topics of reports; no other record of the log is ever returned by address."""

Scrub = Callable[[bytes, int], bytes]
"""(payload, version of the rules) -> the payload without secrets."""


class Reports:
    """Reads stored reports. Every report that it returns is scrubbed: ``scrub`` does it for those from the log."""

    def __init__(self, archive: Archive, log: Log, scrub: Scrub) -> None:
        self._archive = archive
        self._log = log
        self._scrub = scrub

    async def get(self, address: Address) -> Stored | None:
        """Return the report at an address, None where there is none.

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
        except LogError:  # an unknown topic or partition
            return None
        record = records[0] if records else None
        if record is None or record.offset != address.offset or record.value is None:
            return None
        try:
            facts = decode_facts(record.headers.get(FACTS, b""))
            if facts.kind == "refused":
                return None
            parse(record.value)  # a payload that is no JSON object cannot be scrubbed; it is a dead letter
            return Stored(record.offset, facts, self._scrub(record.value, facts.rules))
        except (msgspec.DecodeError, Malformed):
            return None
        except UnknownSchema as error:
            raise StoreUnavailable(str(error)) from error
