"""Every row of the table of bad input gets its documented reply and becomes the records that it lists."""

import json
from collections import Counter

from app.grouping import group
from app.ingest.codes import CODES
from app.log.contract import Record
from app.model import Address, Facts, Malformed
from app.normalise import event, session, session_counts
from tests.integration.ingest_site import running_ingest
from tests.support.bad_input import CASES, Case, Fate, fill
from tests.support.bad_input_send import send


def test_the_table_is_large_and_each_row_has_a_name() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_refusal_of_a_row_is_a_documented_code() -> None:
    for case in CASES:
        if case.code:
            assert CODES[case.code].status == case.status, case.name


async def test_each_row_gets_its_reply(database: str) -> None:
    async with running_ingest(database, read_timeout=0.5) as site:
        known: set[Address] = set()
        for case in CASES:
            reply = await send(site.url, fill(case, site.names))
            assert (reply.status, reply.code) == (case.status, case.code), case.name
            if case.code:
                _check_error(case, reply.body)
            records = await site.records()
            fates = [_fate(*records[address]) for address in records.keys() - known]
            assert Counter(fates) == Counter(case.fates), case.name
            known = set(records)


def _fate(facts: Facts, record: Record) -> Fate:
    """Return what the agents make of a record, by the pure functions that they call."""
    value = record.value or b""
    try:
        if facts.kind in ("sentry", "raygun"):
            group(event(facts, value))
            return "grouped"
        if facts.kind == "session":
            session(facts, value)
        elif facts.kind == "sessions":
            session_counts(facts, value)
    except Malformed:
        return "dead letter"
    return "filtered" if facts.kind == "refused" else "session"


def _check_error(case: Case, body: bytes) -> None:
    error = json.loads(body)
    if case.path.startswith("/api/"):
        assert error == {"detail": CODES[case.code].text, "causes": [case.code]}
    else:
        assert error == {"error": {"code": case.code, "message": CODES[case.code].text}}
