"""Every row of the table of bad input gets its documented answer, and becomes the records that it says."""

import json

from app.ingest.codes import CODES
from app.model import Address
from tests.integration.bad_input import CASES, Case, fill
from tests.integration.bad_input_send import send
from tests.integration.ingest_site import running_ingest


def test_the_table_is_large_and_each_row_has_a_name() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_refusal_of_a_row_is_a_documented_code() -> None:
    for case in CASES:
        if case.code:
            assert CODES[case.code].status == case.status, case.name


async def test_each_row_gets_its_answer(database: str) -> None:
    async with running_ingest(database, read_timeout=0.5) as site:
        known: set[Address] = set()
        for case in CASES:
            reply = await send(site.url, fill(case, site.names))
            assert (reply.status, reply.code) == (case.status, case.code), case.name
            if case.code:
                _check_error(case, reply.body)
            records = await site.records()
            kinds = [records[address][0].kind for address in records.keys() - known]
            assert len(kinds) == len(case.fates), case.name
            assert kinds.count("refused") == case.fates.count("filtered"), case.name
            known = set(records)


def _check_error(case: Case, body: bytes) -> None:
    error = json.loads(body)
    if case.path.startswith("/api/"):
        assert error == {"detail": CODES[case.code].text, "causes": [case.code]}
    else:
        assert error == {"error": {"code": case.code, "message": CODES[case.code].text}}
