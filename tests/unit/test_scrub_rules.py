"""Each rule of the scrub list by example: what is a secret, and what must stay."""

import hashlib
import json
from pathlib import Path

import pytest

from app.normalise import scrub, scrub_text
from app.normalise.scrubbing import rules_v1
from app.normalise.scrubbing.cards import is_card
from app.normalise.scrubbing.names import is_secret
from app.records import UnknownSchema

F = "[Filtered]"


def _scrubbed(value: object) -> object:
    payload = json.dumps(value).encode()
    scrubbed = scrub(payload, 1)
    assert scrub(scrubbed, 1) == scrubbed
    return json.loads(scrubbed)


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "userPassword", "user_password", "DB-PASSWORD", "passwd", "db.passwd", "passphrase",
        "secret", "clientSecret", "AWS_SECRET_ACCESS_KEY", "token", "accessToken", "access-token", "x_auth_token",
        "auth", "Authorization", "proxy-authorization", "oauth", "cookie", "Set-Cookie", "cookies", "session",
        "sessionId", "PHPSESSID", "JSESSIONID", "csrf", "X-CSRF-Token", "csrfmiddlewaretoken", "xsrf", "api_key",
        "apiKey", "APIKEY", "X-Api-Key", "api key", "private_key", "privateKey", "credential", "credentials", "card",
        "card_number", "cardNumber", "creditCard", "cvv", "card_cvv", "cvc", "ssn", "DB_PASS", "dbPwd", "author_token",
        "accessKeyId", "my token value",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name.encode())
    assert _scrubbed({name: "s3cr3t", "other": 1}) == {name: F, "other": 1}


@pytest.mark.parametrize(
    "name",
    [
        "author", "authors", "tokenizer", "tokenize", "discarded_events", "sessions", "secretary", "PWD", "OLDPWD",
        "dashboard", "compass", "passed", "exception", "type", "value", "key", "groupingKey", "public_key",
        "cardinality", "discard", "AuthError", "TokenExpiredException", "lineno", "user", "email", "ip_address",
        "did", "sid",
    ],
)  # fmt: skip
def test_names_of_no_secret(name: str) -> None:
    assert not is_secret(name.encode())
    assert _scrubbed({name: "plain"}) == {name: "plain"}


def test_each_leaf_under_a_secret_name_is_masked_and_keys_stay() -> None:
    before = {"auth": {"user": "u", "deep": [1, "x", None, True, "", {"k": "v"}]}, "after": "same"}
    assert _scrubbed(before) == {"auth": {"user": F, "deep": [F, F, None, True, "", {"k": F}]}, "after": "same"}


def test_numbers_that_count_are_no_secrets() -> None:
    assert _scrubbed({"token_count": 5, "max_tokens": 9, "session_timeout": 30}) == {
        "token_count": 5, "max_tokens": 9, "session_timeout": 30,
    }  # fmt: skip
    assert _scrubbed({"cvv": 123, "token": 42.5, "token_count": "x"}) == {"cvv": F, "token": F, "token_count": F}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token=abc123&page=2", f"token={F}&page=2"),
        ("/ok?page=2&session=0123456789abcdef", f"/ok?page=2&session={F}"),
        ("https://x/y?sig=q1w2&v=1", f"https://x/y?sig={F}&v=1"),
        ("{'password': 'hunter2', 'sku': 'A-1'}", f"{{'password': '{F}', 'sku': 'A-1'}}"),
        ("{'password': 'hunt\\'er2', 'a': 1}", f"{{'password': '{F}', 'a': 1}}"),
        ("{'password': b'hunter2', 'cvv': 123}", f"{{'password': b'{F}', 'cvv': {F}}}"),
        ('{"a": {"Api-Key": "k"}}', f'{{"a": {{"Api-Key": "{F}"}}}}'),
        ('{"n": "{\\"token\\": \\"a\\\\\\"b\\"}"}', f'{{"n": "{{\\"token\\": \\"{F}\\"}}"}}'),
        ('def open_gateway(host, password="hunter2"):', f'def open_gateway(host, password="{F}"):'),
        ("password: Optional[str] = 'hunter2'", f"password: Optional[str] = '{F}'"),
        ("mysql --password=hunter2 --port 1", f"mysql --password={F} --port 1"),
        ("mysql --password hunter2 --port 1", f"mysql --password {F} --port 1"),
        ("['--password', 'hunter2', '--port', '1']", f"['--password', '{F}', '--port', '1']"),
        ("Authorization: Bearer abc.def.ghi\nHost: x", f"Authorization: {F}\nHost: x"),
        ("Cookie: a=b; c=d\r\nHost: x", f"Cookie: {F}\r\nHost: x"),
        ("sent bearer abcdef to it", f"sent bearer {F} to it"),
        ("[(b'Cookie', b'a=b'), (b'host', b'h')]", f"[(b'Cookie', b'{F}'), (b'host', b'h')]"),
        ("postgres://user:fakepassword@db/app", f"postgres://user:{F}@db/app"),
        ("redis://:p@ss@db/0", f"redis://:{F}@db/0"),
        ("http://0123456789abcdef0123456789abcdef@host/42", f"http://{F}@host/42"),
        ("<password>hunter2</password>", f"<password>{F}</password>"),
        ("export AWS_SECRET_ACCESS_KEY=fake-secret-value; ls", f"export AWS_SECRET_ACCESS_KEY={F}; ls"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx", f"{F}\nx"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn", F),
        ("got eyJhbGciOiJI.eyJzdWIiOiIx.c2ln now", f"got {F} now"),
        ("ghp_" + "a1B2" * 9, F),
        ("paid by 4111111111111111.", f"paid by {F}."),
        ("paid by 4111 1111 1111 1111, 3782 822463 10005", f"paid by {F}, {F}"),
        ("'4111-1111-1111-1111'", f"'{F}'"),
        ("sent Basic dXNlcjpwYXNz and basic authentication", f"sent Basic {F} and basic authentication"),
        (
            '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x--',
            f'--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n{F}\r\n--x--',
        ),
        ("Password: hunter2", f"Password: {F}"),
        ("'credentials': {'user': 'a', 'pin': 'b'}, 'x': 1", f"'credentials': {F}, 'x': 1"),
    ],
)
def test_secrets_in_text(text: str, expected: str) -> None:
    assert _scrubbed({"m": text}) == {"m": expected}
    assert scrub_text(text.encode()).decode() == expected


@pytest.mark.parametrize(
    "text",
    [
        "AuthenticationError: no such user", "com.shop.TokenException: gone away", "InvalidToken: no such thing",
        "session: closed by peer", "Unexpected token: }", "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "token = next(tokens)", "def load(token: str, session: Session):"[:23], "the author: Ada", "git@github.com:a/b",
        "http://127.0.0.1:8080/users/@me", "at 1795503332021, 4111111111111112", "0.4111111111111111",
        "user-1@example.com from 203.0.113.7", "a bearer token is required", "password=None", "12345678901234567890",
    ],
)  # fmt: skip
def test_text_that_holds_no_secret(text: str) -> None:
    payload = json.dumps({"m": text}).encode()
    assert scrub(payload, 1) is payload


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([["Cookie", "a=b"], ["Host", "h"]], [["Cookie", F], ["Host", "h"]]),
        ({"h": [["token", 7]]}, {"h": [["token", F]]}),
        ({"h": [{"name": "Cookie", "value": "x"}, {"name": "Accept", "value": "*"}]},
         {"h": [{"name": "Cookie", "value": F}, {"name": "Accept", "value": "*"}]}),
        ([{"value": "q", "name": "Authorization"}], [{"value": F, "name": "Authorization"}]),
        ({"name": "Cookie", "note": "password=x1", "value": ["y"]},
         {"name": "Cookie", "note": f"password={F}", "value": [F]}),
        ({"rawHeaders": ["Host", "h", "Cookie", "a=b", "Accept", "*"]},
         {"rawHeaders": ["Host", "h", "Cookie", F, "Accept", "*"]}),
        (["--api-key", "k", "--port", "1"], ["--api-key", F, "--port", "1"]),
        (["--token", "--port"], ["--token", "--port"]),
        ({"fingerprint": ["auth", "timeout"]}, {"fingerprint": ["auth", "timeout"]}),
        ({"modules": {"google-auth": "2.1", "tokenlib": "v3", "password": "hunter2"}},
         {"modules": {"google-auth": "2.1", "tokenlib": "v3", "password": F}}),
        ({"type": "TokenExpired", "function": "get_token", "module": "session"},
         {"type": "TokenExpired", "function": "get_token", "module": "session"}),
        ({"n": 4111111111111111, "m": [-4111111111111111], "t": 1795503332021}, {"n": F, "m": [F], "t": 1795503332021}),
    ],
)  # fmt: skip
def test_structures(before: object, after: object) -> None:
    assert _scrubbed(before) == after


def test_escaped_spellings() -> None:
    payload = rb'{"\u0070assword":"x","a":"\u0074oken=abc","b":"http:\/\/u:p\u0040h","c":"k\u003dv?key\u003dz1\u0026x"}'
    scrubbed = json.loads(scrub(payload, 1))
    assert scrubbed == {"password": F, "a": f"token={F}", "b": f"http://u:{F}@h", "c": f"k=v?key={F}&x"}


def test_other_bytes_stay_as_sent() -> None:
    payload = b'{ "e" : "caf\\u00e9\xc3\xa9\xff\\ud800" ,\n\t"password":\t"x", "n":1e3, "n":NaN, "z":"\\/" }'
    assert scrub(payload, 1) == payload.replace(b'"x"', b'"[Filtered]"')


def test_odd_bytes_survive_in_a_string_that_is_scrubbed() -> None:
    assert scrub(b'{"a":"caf\xff \\n token=x1"}', 1) == b'{"a":"caf\xff \\n token=[Filtered]"}'
    assert scrub(b'{"a":"\\ud800 \\n token=x1"}', 1) == b'{"a":"\\ud800 \\n token=[Filtered]"}'


def test_odd_bytes_beside_a_bare_line_break_are_scrubbed_too() -> None:
    payload = b'{"note":"a\n\xff password=hunter2"}'
    assert scrub(payload, 1) == b'{"note":"a\\n\xff password=[Filtered]"}'
    assert scrub_text(payload) == scrub_text(payload[:-1]) + b"}" == scrub(payload, 1)


def test_a_payload_without_secrets_is_returned_itself() -> None:
    payload = b'{"message":"all is well","values":[1,2,3]}'
    assert scrub(payload, 1) is payload


def test_broken_json_is_scrubbed() -> None:
    assert b"hunter2" not in scrub(b'{"password":"hunter2","x":{"token":"hunter2', 1)
    assert b"hunter2" not in scrub_text(b'{"a":"b"c","password":"hunter2"')
    assert b"hunter2" not in scrub(b"password=hunter2", 1)


def test_cards_are_of_a_network_and_pass_luhn() -> None:
    assert all(map(is_card, [b"4111111111111111", b"5500005555555559", b"378282246310005", b"6011111111111117"]))
    assert not any(map(is_card, [b"4111111111111112", b"1234567812345670", b"0000000000000000"]))


def test_an_unknown_version_stops_the_worker() -> None:
    with pytest.raises(UnknownSchema):
        scrub(b"{}", 2)


def test_version_1_is_frozen() -> None:
    source = Path(rules_v1.__file__).read_bytes()
    assert hashlib.sha256(source).hexdigest() == FROZEN, "records name version 1: a changed list is a new version"


FROZEN = "86521125bda120b608eaaddd71a288713d0ca4f8e7467e917ac39ba02bef6ccb"
