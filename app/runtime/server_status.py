"""The figures of a server's parts, for its row among the instances."""

from collections.abc import Mapping
from typing import Final

from app.ingest import metrics as ingest
from app.runtime.heartbeat import RateMeter
from app.stores.admin.instances import Figures
from app.stream.metrics import totals
from app.web import metrics as web

SERVER_ERROR: Final = "5"
"""First digit of the HTTP statuses by which a server reports a fault of its own."""


class ServerStatus:
    """Collects the figures of the parts of one server from its metrics.

    Ingest counts records, web counts replies of the API; the part ``files`` counts nothing of its own.
    """

    def __init__(self, parts: frozenset[str]) -> None:
        self._parts = sorted(parts)
        self._rates = RateMeter()

    async def figures(self) -> Mapping[str, Figures]:
        """Return the figures of each part."""
        answers = totals(web.ANSWERS, "status")
        done = {"ingest": sum(totals(ingest.RECORDS, "topic").values()), "web": sum(answers.values())}
        failed = {
            "ingest": sum(totals(ingest.REFUSALS, "code").values()),
            "web": sum(count for status, count in answers.items() if status.startswith(SERVER_ERROR)),
        }
        rates = self._rates.of(done)
        return {part: Figures(records=rates.get(part), errors=failed.get(part, 0)) for part in self._parts}
