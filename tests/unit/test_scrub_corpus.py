"""No made-up secret of the recorded requests survives, and nothing but secrets changes."""

import json
import re

import msgspec
import pytest

from app.model import Raised
from app.normalise import event, scrub, scrub_text, search_fields, words
from tests.support.payloads import ABSENT, Report, events, facts, reports

SECRETS = re.compile(
    rb"hunter2|4111111111111111|fakepassword|fake-secret-value|abc\.def\.ghi|token=abc123|session=0123456789abcdef"
)
KEPT = ("message", "template", "fingerprint", "release", "environment", "user", "tags", "level", "time", "transaction")
pytestmark = pytest.mark.skipif(not reports(), reason=ABSENT)


@pytest.mark.parametrize("report", reports(), ids=lambda report: report.name)
def test_no_secret_survives_and_the_rest_is_the_same(report: Report) -> None:
    scrubbed = scrub(report.payload, 1)
    assert not SECRETS.search(scrubbed)
    assert b"abc123" not in scrubbed
    assert scrub(scrubbed, 1) == scrubbed
    assert not SECRETS.search(scrub_text(report.payload))
    assert not SECRETS.search(scrub_text(report.payload[: len(report.payload) * 2 // 3]))
    if report.payload[:1] == b"{":
        _same_but_filtered(json.loads(report.payload), json.loads(scrubbed))


@pytest.mark.parametrize("report", events(), ids=lambda report: report.name)
def test_no_secret_in_what_is_derived(report: Report) -> None:
    assert report.kind is not None
    full = event(facts(report.kind), scrub(report.payload, 1), full=True)
    assert not SECRETS.search(msgspec.json.encode(full))
    assert not SECRETS.search(msgspec.json.encode((words(full), search_fields(full))))


@pytest.mark.parametrize("report", events(), ids=lambda report: report.name)
def test_what_grouping_reads_is_unharmed(report: Report) -> None:
    assert report.kind is not None
    raw = event(facts(report.kind), report.payload)
    scrubbed = event(facts(report.kind), scrub(report.payload, 1))
    assert [_grouping(raised) for raised in raw.exceptions] == [_grouping(raised) for raised in scrubbed.exceptions]
    assert [getattr(raw, name) for name in KEPT] == [getattr(scrubbed, name) for name in KEPT]


def _grouping(raised: Raised) -> object:
    return raised.type, raised.value, [(f.function, f.module, f.file, f.line, f.in_app) for f in raised.frames]


def _same_but_filtered(before: object, after: object) -> None:
    if isinstance(before, dict):
        assert isinstance(after, dict)
        assert list(before) == list(after)
        for key, value in before.items():
            _same_but_filtered(value, after[key])
    elif isinstance(before, list):
        assert isinstance(after, list)
        for value, scrubbed in zip(before, after, strict=True):
            _same_but_filtered(value, scrubbed)
    else:
        assert before == after or "[Filtered]" in str(after)
