"""The searches for what could change give the bytes that a whole reading gives, and the frozen ones of version 1."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.normalise import scrub, scrub_text
from app.normalise.scrubbing import search
from app.normalise.scrubbing.prose import without_secrets
from tests.support.payloads import ABSENT, SHARED, reports
from tests.support.spellings import Spellings
from tests.support.whole_scrub import forget, whole

SEEDS = 8000
FROZEN = "ab52b0011aa335212de5a1f235524f60faa9ec3281f0ce81a406a055f316f756"
"""SHA-256 of all that version 1 made of ``SEEDS`` payloads and texts before anything was searched."""

FIELD = [path.read_bytes() for path in sorted((SHARED / "field").glob("*")) if path.suffix in (".bin", ".json")]


def _check(payload: bytes) -> None:
    forget()
    made = _made(payload)
    with whole():
        assert _made(payload) == made
    assert (made[0] is payload) == (made[0] == payload)


def _made(payload: bytes) -> list[bytes]:
    return [_outcome(work, payload) for work in (_scrub, _scrub_at_once, scrub_text, without_secrets)]


def _scrub(payload: bytes) -> bytes:
    return scrub(payload, 1)


def _scrub_at_once(payload: bytes) -> bytes:
    """Scrub a tiny payload as a small one, which is searched before any string was read for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_TINY", 0)
        return scrub(payload, 1)


def _outcome(work: Callable[[bytes], bytes], payload: bytes) -> bytes:
    """Return what is made of a payload, or that it cannot be encoded: escapes beside the bytes of a surrogate."""
    try:
        return work(payload)
    except UnicodeEncodeError:
        return b"UnicodeEncodeError"


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**40))
def test_any_spelling(seed: int) -> None:
    made = Spellings(seed)
    _check(made.payload())
    _check(made.text().encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(payload: bytes) -> None:
    _check(payload)


def test_version_1_makes_the_same_bytes_as_before_there_were_searches() -> None:
    digest = hashlib.sha256()
    for seed in range(SEEDS):
        made = Spellings(seed)
        digest.update(_outcome(_scrub_at_once, made.payload()))
        digest.update(without_secrets(made.text().encode("utf-8", "surrogatepass")))
    assert digest.hexdigest() == FROZEN


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"author\"name":"Cookie","value":"x"}',
        rb'{"a":"auth \u20214111111111111111"}',
        rb'{"a":"0.4123456789012345 \u20214111111111111111"}',
        rb'{"a":"api\u00a0key=x1 auth"}',
        b'{"token":"[Filtered","auth":"[filtered]","cvv":"[Filtered]x"}',
        b'{"url":"/?token=[Filtered]&auth=[Filtered]x&cvv=[Filtered"}',
        b'["author","x",["Cookie","a=b"],["token",7],"--token","y","Set-Cookie","z"]',
        b'{"a":"author","name" : "Cookie" ,\n"note":"","value" : ["x", 4111111111111111]}',
        b'["<auth>x1</auth>","(\'token\', \'x1\')","--token x1","x-token x1","see --token"]',
        rb'["line\n token=x1","\u002d\u002dtoken x1","\t--token x1","\"token\" : x1","name=\"otp\"\r\n\r\nx1"]',
        b'{"a":"author","b":4111111111111111,"c":[-4111111111111111,0.4111111111111111]}',
    ],
)
def test_where_a_search_could_stop_too_soon(payload: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for spoiled in (payload, payload.replace(b"{", b'{"x":"the author",', 1), b'["author"],' + payload):
        _check(spoiled)
    monkeypatch.setattr(search, "_SMALL", 0)
    _check(b'{"first":["author"],"second":' + payload + b',"pad":"' + b"x" * 9000 + b'"}')


@pytest.mark.skipif(not reports(), reason=ABSENT)
def test_recorded_reports_with_secrets_put_in() -> None:
    for seed, payload in enumerate([*(report.payload for report in reports()), *FIELD]):
        _check(payload)
        for again in range(1 if len(payload) > 20_000 else 3):
            _check(Spellings(seed * 3 + again).inserted(payload))
