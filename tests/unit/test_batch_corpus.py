"""Every recorded report of the real SDKs through the source agents' pure part."""

import pytest
import zstandard

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS as SESSION_KINDS
from agents.batch.sessions import SessionBatch
from app.cells import DAY, Cell
from app.log.contract import Record
from app.model import Facts
from app.records import decode_stored, encode_delta, encode_processed
from tables.seen import Seen
from tests.support.batches import NOW, SECRETS, TARGETS, record, total
from tests.support.payloads import ABSENT, CORPUS, reports

MADE_UP = [
    b"hunter2",
    b"4111111111111111",
    b"fakepassword",
    b"fake-secret-value",
    b"abc.def.ghi",
    b"token=abc123",
    b"session=0123456789abcdef",
]

pytestmark = pytest.mark.skipif(not CORPUS, reason=ABSENT)


def recorded(topic: str) -> list[Record]:
    """Return the recorded reports of a source topic as records, each with an id of its own."""
    crashes = topic == "1.crashes"
    records: list[Record] = []
    for kind, payload in ((report.kind, report.payload) for report in reports()):
        if kind is not None and (kind in KINDS) == crashes:
            facts = Facts(1, kind, "error" if crashes else "session", f"{len(records):032x}", NOW, peer="203.0.113.9")
            records.append(record(len(records), facts, payload, topic))
    return records


def test_every_error_is_grouped_and_none_of_the_secrets_leaves() -> None:
    records = recorded("1.crashes")
    result = BatchResult("crashes", records, TARGETS)
    CrashBatch(result, Seen({}), SECRETS).add_all(result.readable(KINDS))
    assert result.dead_letters == []
    assert len(result.summaries) == len(records) > 50
    assert total(result.deltas(), Cell("l", 1, "error")) == {"grouped": len(records)}
    processed = result.processed()
    payloads = [decode_stored(zstandard.decompress(block.data)) for block in processed.blocks]
    left = [encode_processed(processed), *map(encode_delta, result.deltas())]
    left += [report.payload for block in payloads for report in block]
    assert [secret for secret in MADE_UP if any(secret in data for data in left)] == []


def test_every_session_and_client_report_is_counted() -> None:
    records = recorded("1.sessions")
    result = BatchResult("sessions", records, TARGETS)
    SessionBatch(result, {}, SECRETS, 1).add_all(result.readable(SESSION_KINDS))
    assert result.dead_letters == []
    counts = total(result.deltas(), Cell("c", 1), DAY)
    assert counts["sessions"] >= counts["errored_sessions"] >= counts["crashed_sessions"] > 0
    assert total(result.deltas(), Cell("l", 1, "error")) == {"lost:network_error": 3}
