"""The small pure parts of ingest: keys in requests, addresses, ids, times, the bodies of /store/."""

import base64
import zlib
from hashlib import blake2b
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from app.ingest.auth import dsn_key, raygun_keys, sentry_keys
from app.ingest.codes import CODES, Refusal
from app.ingest.ids import NIL, body_id, normal_id, normal_session_id, random_id
from app.ingest.peers import address, networks, peer
from app.ingest.sentry import unpack_store
from app.ingest.times import has_fraction, milliseconds
from app.settings import SettingsError

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-sentry-auth": f"Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/2.75.0"}, {}),
        ({"X-Sentry-Auth": f"Sentry sentry_version=7,sentry_client=java/8,sentry_key={KEY}"}, {}),
        ({"X-Sentry-Auth": f'sentry_key="{KEY}"'}, {}),
        ({"Authorization": f"Sentry sentry_key={KEY}, sentry_version=7"}, {}),
        ({"Authorization": "Basic " + base64.b64encode(f"{KEY}:secret".encode()).decode()}, {}),
        ({"Authorization": "Bearer other"}, {"sentry_key": KEY}),
        ({}, {"sentry_key": KEY, "sentry_version": "7"}),
        ({"X-Sentry-Auth": f"Sentry sentry_key={KEY}", "Authorization": "Sentry sentry_key=b"}, {"sentry_key": "c"}),
    ],
)
def test_the_key_of_each_form_comes_first(headers: dict[str, str], query: dict[str, str]) -> None:
    keys = sentry_keys(CIMultiDict(headers), query, "path")
    assert (keys[0], keys[-1]) == (KEY, "path")


def test_keys_come_in_order_of_precedence_and_once() -> None:
    headers = {"X-Sentry-Auth": "Sentry sentry_key=a", "Authorization": "Sentry sentry_key=b"}
    assert sentry_keys(headers, {"sentry_key": "c"}, "d") == ["a", "b", "c", "d"]
    assert sentry_keys(headers, {"sentry_key": "a"}, "b") == ["a", "b"]
    basic = {"Authorization": "Basic " + base64.b64encode(b"alice:wonder").decode()}
    assert sentry_keys(basic, {"sentry_key": KEY}) == ["alice", KEY]


def test_requests_without_a_key() -> None:
    assert sentry_keys({}, {}) == []
    assert sentry_keys({"Authorization": "Basic =", "X-Sentry-Auth": "Sentry sentry_version=7"}, {}) == []
    assert sentry_keys({"Authorization": "Sentry"}, {}, KEY) == [KEY]
    assert raygun_keys({}, {}) == []


def test_raygun_keys_come_in_a_header_or_the_query() -> None:
    assert raygun_keys(CIMultiDict({"X-Apikey": "a"}), {"apikey": "b"}) == ["a", "b"]
    assert raygun_keys(CIMultiDict({"X-ApiKey": ""}), {"apikey": "b"}) == ["b"]


@pytest.mark.parametrize(("dsn", "key"), [(f"https://{KEY}@o1.example/42", KEY), ("x", ""), ("http://[", "")])
def test_the_key_of_a_dsn(dsn: str, key: str) -> None:
    assert dsn_key(dsn) == key


TRUSTED = networks("10.0.0.0/8, 192.0.2.1,2001:db8::/32")


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711, 10.2.0.1", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, rubbish, 10.2.0.1", "10.2.0.1"),
        ("2001:db8::1", "[2001:dead::9]:80", "2001:dead::9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_only_trusted_proxies_forward_addresses(remote: str, forwarded: str, expected: str) -> None:
    assert peer(remote, forwarded, TRUSTED) == expected


def test_without_trusted_proxies_no_forwarded_address_is_used() -> None:
    assert peer("10.0.0.1", "203.0.113.9", networks("")) == "10.0.0.1"


def test_unreadable_networks_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"FAULTLINE_TRUSTED_PROXIES.*nonsense"):
        networks("nonsense")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    assert address(text) == "" or address(address(text)) == address(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (KEY, KEY),
        ("01234567-89AB-CDEF-0123-456789abcdef", KEY),
        (KEY[:-1], None),
        (KEY + "0", None),
        ("g" * 32, None),
        ("٣" * 32, None),
        (NIL, None),
        ("00000000-0000-0000-0000-000000000000", None),
        (12, None),
        (None, None),
        ({}, None),
    ],
)
def test_event_ids_are_normalised(value: object, expected: str | None) -> None:
    assert normal_id(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("18eb0bcb-7780-44b9-b779-35456ee84e93", "18eb0bcb778044b9b77935456ee84e93"),
        ("18eb0bcb778044b9b77935456ee84e93", "18eb0bcb778044b9b77935456ee84e93"),
        ("18EB0BCB-7780-44B9-B779-35456EE84E93", "18eb0bcb778044b9b77935456ee84e93"),
        ("{18eb0bcb-7780-44b9-b779-35456ee84e93}", "18eb0bcb778044b9b77935456ee84e93"),
        ("urn:uuid:18eb0bcb-7780-44b9-b779-35456ee84e93", "18eb0bcb778044b9b77935456ee84e93"),
        (" 18eb0bcb778044b9b77935456ee84e93\n", "18eb0bcb778044b9b77935456ee84e93"),
        ("A-1", "A-1"),
        ("18eb0bcb-7780-44b9-b779-35456ee84e9", "18eb0bcb-7780-44b9-b779-35456ee84e9"),
        ("\ud800", "?"),
        (7, "7"),
        (NIL, None),
        ("00000000-0000-0000-0000-000000000000", None),
        ("", None),
        (True, None),
        (10**400, None),
        ([], None),
        (None, None),
    ],
)
def test_session_ids_have_one_form(value: object, expected: str | None) -> None:
    assert normal_session_id(value) == expected


@given(st.uuids())
def test_every_form_of_a_uuid_is_one_session(value: UUID) -> None:
    forms = (str(value), value.hex, str(value).upper(), f"{{{value}}}", value.urn)
    assert {normal_session_id(form) for form in forms} == {value.hex if value.int else None}


def test_the_id_of_a_report_is_a_hash_of_project_and_body() -> None:
    assert body_id(7, b"{}").text == blake2b(b"7:{}").hexdigest()[:32]
    assert body_id(7, b"{}") != body_id(8, b"{}")
    assert body_id(7, b"{}").unique
    assert not random_id().unique
    assert random_id() != random_id()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01 00:00:01", 1000),
        ("1970-01-01T01:00:01.5+01:00", 1500),
        ("1970-01-01T00:00:00.123456789Z", 123),
        (1.5, 1500),
        (0, 0),
        (-1, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", -62135683140000),
        ([], None),
    ],
)
def test_times(value: object, expected: int | None) -> None:
    assert milliseconds(value) == expected


@settings(deadline=None)
@given(st.text() | st.floats() | st.integers())
def test_any_value_is_a_time_or_none(value: object) -> None:
    assert milliseconds(value) is None or isinstance(milliseconds(value), int)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-24T06:57:31.785313+00:00", True),
        ("2026-11-24T06:55:32.000Z", True),
        ("2026-11-24T06:55:32Z", False),
        ("/Date(1795503306465)/", True),
        ("/Date(1795503306465+0100)/", True),
        ("Tue, 24 Nov 2026 06:55:06 GMT", False),
        ("2026-11-24T06:55:32", False),
        (1.5, False),
        (None, False),
    ],
)
def test_fractions_of_a_second_are_recognised(value: object, expected: bool) -> None:
    assert has_fraction(value) is expected


EVENT = b'{"message":"\xc3\xbc?~"}'


@pytest.mark.parametrize(
    "body",
    [
        EVENT,
        b" \n" + EVENT,
        base64.b64encode(EVENT),
        base64.urlsafe_b64encode(EVENT),
        base64.b64encode(EVENT).rstrip(b"="),
        base64.encodebytes(zlib.compress(EVENT)),
        base64.b64encode(zlib.compress(EVENT)),
    ],
)
def test_store_accepts_an_event_in_each_encoding(body: bytes) -> None:
    assert unpack_store(body) == EVENT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"a", "not_json"),
        (base64.b64encode(zlib.compress(EVENT)[:-2]), "not_json"),
        (base64.b64encode(zlib.compress(b"x" * (2 << 20))), "body_too_large"),
    ],
)
def test_store_refuses_truncated_and_huge_encodings(body: bytes, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        unpack_store(body)


@settings(deadline=None)
@given(st.binary(max_size=100) | st.from_regex(r"[A-Za-z0-9+/=]{0,60}", fullmatch=True).map(str.encode))
def test_store_returns_bytes_or_refuses(body: bytes) -> None:
    try:
        assert isinstance(unpack_store(body), bytes)
    except Refusal:
        return


def test_only_503_has_a_retry_after() -> None:
    for code, answer in CODES.items():
        assert 400 <= answer.status < 600, code
        assert (answer.retry_after > 0) == (answer.status == 503), code
        assert answer.text
