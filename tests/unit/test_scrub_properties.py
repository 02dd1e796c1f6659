"""Scrubbing of anything: stable, valid, equal but for what was filtered, and in linear steps."""

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from app.normalise import scrub, scrub_text
from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.spots import find_spots

PIECES = [
    "password", "token", "Cookie", "session", "api_key", "card", "author", "auth", "AuthError", "name", "value", "key",
    "=", ": ", ":", ", ", " ", "&", "?", "'", '"', "\\", "\\'", '\\"', "{", "}", "[", "]", "(", ")", "<", ">", "\n",
    "4111111111111111", "411111111111", "-", "--", "Bearer ", "https://", "u:p@", "@", "[Filtered]", "x", "7", "None",
    "-----BEGIN PRIVATE KEY-----", "eyJabcdefgh.eyJabcdefgh.x", "\u00e9", "\ud800", "\0", "modules", "sig=",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(4111111111111111) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_stays_json_and_only_secrets_change(value: object, ascii_only: bool, indent: int | None) -> None:
    payload = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    scrubbed = scrub(payload, 1)
    assert scrub(scrubbed, 1) == scrubbed
    _same_shape(value, json.loads(scrubbed.decode("utf-8", "surrogatepass")))


def _same_shape(before: object, after: object) -> None:
    if isinstance(before, dict):
        assert isinstance(after, dict)
        assert list(before) == list(after)
        for key in before:
            _same_shape(before[key], after[key])
    elif isinstance(before, list):
        assert isinstance(after, list)
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            _same_shape(one, other)
    elif before != after:
        assert isinstance(after, str)
        assert "[Filtered]" in after
        assert before not in (None, "")
        assert not isinstance(before, bool)


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_the_prefilter_matches_whatever_the_rules_change(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    scrubbed = without_secrets(raw)
    assert without_secrets(scrubbed) == scrubbed
    if scrubbed != raw:
        for form in (raw, json.dumps(text).encode(), json.dumps(text).replace("/", "\\/").encode()):
            assert find_spots(form, 0, len(form)) != [(-1, -1)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_scrubbed(payload: bytes) -> None:
    assert isinstance(scrub(payload, 1), bytes)
    assert isinstance(scrub_text(payload), bytes)


def _hostile(size: int) -> list[bytes]:
    words = ["a", "4", "token", "token=", "password: ", "Bearer ", "http://u:p@", "eyJ-", "\\", '\\"', "session: is "]
    texts = [json.dumps(word * (size // len(word))).encode() for word in [*words, "-----BEGIN PRIVATE KEY"]]
    nested = [b"[" * size, b'{"auth":' * (size // 8), b'{"name":"Cookie",' * (size // 17), b'"' * size]
    flat = json.dumps([["Cookie", {"value": "x", "name": "token"}]] * (size // 40)).encode()
    numbers = json.dumps([4111111111111111] * (size // 18)).encode()
    return [*texts, *nested, flat, numbers, b'{"a":' + numbers]


def test_time_grows_linearly_with_the_size() -> None:
    """A quadratic step takes sixteen times as long for four times as much; noise is a factor of two or so."""
    for small, large in zip(_hostile(15_000), _hostile(60_000), strict=True):
        assert _cost(large) < 10 * _cost(small) + 0.02, large[:40]


def _cost(payload: bytes) -> float:
    costs = []
    for _ in range(2):
        begun = time.process_time()
        scrub(payload, 1)
        scrub_text(payload)
        costs.append(time.process_time() - begun)
    return min(costs)
