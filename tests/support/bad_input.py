"""Bad input as data: each row is a case, with its documented reply and the fate of each record that was accepted.

Imports nothing of the package, so that a system test can send the same rows through a whole installation. In paths,
headers and bodies ``@PROJECT@``, ``@SENTRY@``, ``@RAYGUN@``, ``@OTHER_PROJECT@``, ``@OTHER_SENTRY@``, ``@DISABLED@``
(a switched-off Sentry key) and ``@ID@`` (an event id of the case's own) are replaced before sending.
"""

# ruff: noqa: E501  a row of the table is a line

import base64
import gzip
import hashlib
import zlib
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import brotli
import zstandard

Fate = Literal["grouped", "session", "filtered", "dead letter"]
"""The fate of one accepted record: an event with a group, a session or aggregate that counts, counted and not kept, a
dead letter."""

How = Literal["whole", "chunked", "slow", "cut", "raw"]
"""How the body is sent: with its length; chunked; half and then silence; half and then a closed connection; ``raw`` is
a whole request."""

MIB: Final = 1 << 20


class Case(NamedTuple):
    """One request: ``fates`` has one entry for each record that it becomes.

    ``code`` is '' for a success, and where the HTTP server itself refuses what is no HTTP.
    """

    name: str
    path: str
    body: bytes
    status: int
    code: str = ""
    fates: tuple[Fate, ...] = ()
    headers: Mapping[str, str] = {}
    how: How = "whole"
    method: str = "POST"


class Names(NamedTuple):
    """The values of the placeholders in one installation."""

    project: int
    sentry: str
    raygun: str
    other_project: int
    other_sentry: str
    disabled: str


def fill(case: Case, names: Names) -> Case:
    """Return a case with an installation's names for the placeholders."""
    values = {
        "@PROJECT@": str(names.project),
        "@SENTRY@": names.sentry,
        "@RAYGUN@": names.raygun,
        "@OTHER_PROJECT@": str(names.other_project),
        "@OTHER_SENTRY@": names.other_sentry,
        "@DISABLED@": names.disabled,
        "@ID@": hashlib.md5(case.name.encode(), usedforsecurity=False).hexdigest(),
    }

    def text(value: str) -> str:
        for placeholder, name in values.items():
            value = value.replace(placeholder, name)
        return value

    body = case.body
    if b"@" in body[:4096]:
        for placeholder, name in values.items():
            body = body.replace(placeholder.encode(), name.encode())
    headers = {name: text(value) for name, value in case.headers.items()}
    return case._replace(path=text(case.path), body=body, headers=headers)


ENVELOPE: Final = "/api/@PROJECT@/envelope/"
STORE: Final = "/api/@PROJECT@/store/"
SENTRY: Final = {"X-Sentry-Auth": "Sentry sentry_key=@SENTRY@, sentry_version=7, sentry_client=test/1"}
RAYGUN: Final = {"X-ApiKey": "@RAYGUN@"}
ERROR: Final = b'{"exception":{"values":[{"type":"BadInput","value":"boom"}]},"platform":"python"}'
REPORT: Final = (
    b'{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"machineName":"@ID@",'
    b'"error":{"className":"BadInput","message":"boom","stackTrace":[]}}}'
)
SESSION: Final = b'{"sid":"@ID@","init":true,"started":"2026-11-24T06:55:10Z","status":"ok","attrs":{"release":"a@1"}}'


def envelope(*items: bytes, header: bytes = b'{"event_id":"@ID@"}') -> bytes:
    """Return an envelope of a header and items."""
    return header + b"\n" + b"\n".join(items) + b"\n"


def item(kind: str, payload: bytes, *, length: int | None = None, extra: str = "") -> bytes:
    """Return a framed item, with its length or the given one."""
    size = len(payload) if length is None else length
    return b'{"type":"%s","length":%d%s}\n%s' % (kind.encode(), size, extra.encode(), payload)


def bare(kind: str, payload: bytes) -> bytes:
    """Return a framed item without a length."""
    return b'{"type":"%s"}\n%s' % (kind.encode(), payload)


def event(fields: bytes) -> bytes:
    """Return an event with an exception and the given fields."""
    return ERROR[:-1] + b"," + fields + b"}"


def encoded(coding: str) -> dict[str, str]:
    """Return the headers of a Sentry request in a content coding."""
    return SENTRY | {"Content-Encoding": coding}


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


PLAIN: Final = envelope(bare("event", ERROR), header=b"{}")
ZEROS: Final = b"\0" * MIB
OVER: Final = 101  # MiB of zeros in a bomb
DEEP: Final = b"[" * 20_000 + b"]" * 20_000

AUTH: Final = (
    Case("no key at all", ENVELOPE, PLAIN, 401, "no_key"),
    Case("auth header without a key", ENVELOPE, PLAIN, 401, "no_key", headers={"X-Sentry-Auth": "Sentry sentry_version=7"}),
    Case("unknown key in X-Sentry-Auth", ENVELOPE, PLAIN, 403, "wrong_key", headers={"X-Sentry-Auth": "Sentry sentry_key=" + "0" * 32}),
    Case("unknown key in Authorization", ENVELOPE, PLAIN, 403, "wrong_key", headers={"Authorization": "Sentry sentry_key=" + "0" * 32}),
    Case("unknown key in Basic", ENVELOPE, PLAIN, 403, "wrong_key", headers={"Authorization": "Basic " + base64.b64encode(b"0" * 32 + b":").decode()}),
    Case("Basic that is no base64", ENVELOPE, PLAIN, 401, "no_key", headers={"Authorization": "Basic %%%"}),
    Case("unknown key in the query", ENVELOPE + "?sentry_key=nothing&sentry_version=7", PLAIN, 403, "wrong_key"),
    Case("unknown key in the DSN", ENVELOPE, envelope(bare("event", ERROR), header=b'{"dsn":"http://0000@h/1"}'), 403, "wrong_key"),
    Case("DSN that is no address", ENVELOPE, envelope(bare("event", ERROR), header=b'{"dsn":"http://[x"}'), 401, "no_key"),
    Case("DSN of a wrong type", ENVELOPE, envelope(bare("event", ERROR), header=b'{"dsn":5}'), 401, "no_key"),
    Case("DSN alone", ENVELOPE, envelope(bare("event", ERROR), header=b'{"dsn":"http://@SENTRY@@h/@PROJECT@"}'), 200, "", ("grouped",)),
    Case("DSN alone, in chunks", ENVELOPE, envelope(bare("event", ERROR), header=b'{"dsn":"http://@SENTRY@@h/@PROJECT@"}'), 200, "", ("grouped",), {}, "chunked"),
    Case("bomb of somebody unknown", ENVELOPE, gzip.compress(ZEROS) * OVER, 400, "invalid_envelope_header", headers={"Content-Encoding": "gzip"}),
    Case("first form wins", ENVELOPE + "?sentry_key=@SENTRY@", PLAIN, 403, "wrong_key", headers={"X-Sentry-Auth": "Sentry sentry_key=wrong"}),
    Case("second form is not looked at", ENVELOPE + "?sentry_key=wrong", PLAIN, 200, "", ("grouped",), SENTRY),
    Case("key of another project", ENVELOPE, PLAIN, 403, "wrong_key", headers={"X-Sentry-Auth": "Sentry sentry_key=@OTHER_SENTRY@"}),
    Case("key in another project's path", "/api/@OTHER_PROJECT@/envelope/", PLAIN, 403, "wrong_key", headers=SENTRY),
    Case("disabled key", ENVELOPE, PLAIN, 403, "wrong_key", headers={"X-Sentry-Auth": "Sentry sentry_key=@DISABLED@"}),
    Case("Raygun key at Sentry's door", ENVELOPE + "?sentry_key=@RAYGUN@", PLAIN, 403, "wrong_key"),
    Case("Sentry key at Raygun's door", "/entries", REPORT, 403, "wrong_key", headers={"X-ApiKey": "@SENTRY@"}),
    Case("Raygun without a key", "/entries", REPORT, 401, "no_key"),
    Case("Raygun with an empty key", "/entries?apikey=", REPORT, 401, "no_key", headers={"X-ApiKey": ""}),
    Case("Raygun unknown key", "/entries?apikey=wrong", REPORT, 403, "wrong_key"),
    Case("null characters in a key", "/entries?apikey=a%00b", REPORT, 403, "wrong_key"),
    Case("project that does not exist", "/api/999999999/envelope/", PLAIN, 403, "wrong_key", headers=SENTRY),
    Case("project that is no number", "/api/shop/envelope/", PLAIN, 400, "invalid_project", headers=SENTRY),
    Case("project of other digits", "/api/%D9%A1/envelope/", PLAIN, 400, "invalid_project", headers=SENTRY),
    Case("project beyond any integer", f"/api/{'9' * 60}/envelope/", PLAIN, 400, "invalid_project", headers=SENTRY),
)  # fmt: skip

TRANSFER: Final = (
    Case("empty envelope body", ENVELOPE, b"", 400, "empty_body", headers=SENTRY),
    Case("empty Raygun body", "/entries", b"", 400, "empty_body", headers=RAYGUN),
    Case("empty bulk body", "/entries/bulk", b"", 400, "empty_body", headers=RAYGUN),
    Case("empty gzip body", ENVELOPE, b"", 400, "empty_body", headers=encoded("gzip")),
    Case("gzip of nothing", ENVELOPE, gzip.compress(b""), 400, "empty_body", headers=encoded("gzip")),
    Case("wrong method", ENVELOPE, b"", 405, "method_not_allowed", headers=SENTRY, method="GET"),
    Case("chunked", ENVELOPE, PLAIN, 200, "", ("grouped",), SENTRY, "chunked"),
    Case("chunked gzip", ENVELOPE, gzip.compress(PLAIN), 200, "", ("grouped",), encoded("gzip"), "chunked"),
    Case("slow client", ENVELOPE, PLAIN, 408, "slow_client", headers=SENTRY, how="slow"),
    Case("slow Raygun client", "/entries", REPORT, 408, "slow_client", headers=RAYGUN, how="slow"),
    Case("connection cut", ENVELOPE, PLAIN, 0, "", headers=SENTRY, how="cut"),
    Case("broken chunk size", ENVELOPE, b"POST /api/@PROJECT@/envelope/?sentry_key=@SENTRY@ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400, "", how="raw"),
    Case("header over 8 KiB", ENVELOPE, b"POST /api/@PROJECT@/envelope/?sentry_key=@SENTRY@ HTTP/1.1\r\nHost: h\r\nX-Big: " + b"x" * 70_000 + b"\r\nContent-Length: 2\r\n\r\n{}", 400, "", how="raw"),
    Case("declared over 20 MiB", ENVELOPE, b"POST /api/@PROJECT@/envelope/?sentry_key=@SENTRY@ HTTP/1.1\r\nHost: h\r\nContent-Length: 20971521\r\n\r\n{}", 413, "body_too_large", how="raw"),
    Case("odd content type", ENVELOPE, PLAIN, 200, "", ("grouped",), SENTRY | {"Content-Type": "multipart/form-data"}),
    Case("broken content type", ENVELOPE, PLAIN, 200, "", ("grouped",), SENTRY | {"Content-Type": ";;;"}),
)  # fmt: skip

CODINGS: Final = (
    Case("coding UTF-8 is none", ENVELOPE, PLAIN, 200, "", ("grouped",), encoded("UTF-8")),
    Case("empty coding is none", ENVELOPE, PLAIN, 200, "", ("grouped",), encoded("")),
    Case("raw deflate", ENVELOPE, _raw_deflate(PLAIN), 200, "", ("grouped",), encoded("deflate")),
    Case("zlib deflate", ENVELOPE, zlib.compress(PLAIN), 200, "", ("grouped",), encoded("deflate")),
    Case("gzip of two members", ENVELOPE, gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:]), 200, "", ("grouped",), encoded("gzip")),
    Case("zstd of two frames", ENVELOPE, zstandard.compress(PLAIN[:9]) + zstandard.compress(PLAIN[9:]), 200, "", ("grouped",), encoded("zstd")),
    Case("unknown coding", ENVELOPE, PLAIN, 415, "unknown_encoding", headers=encoded("compress")),
    Case("two codings", ENVELOPE, PLAIN, 415, "unknown_encoding", headers=encoded("gzip, br")),
    Case("gzip that is none", ENVELOPE, PLAIN, 400, "bad_encoding", headers=encoded("gzip")),
    Case("deflate that is none", ENVELOPE, b"\xff" * 64, 400, "bad_encoding", headers=encoded("deflate")),
    Case("brotli that is none", ENVELOPE, PLAIN, 400, "bad_encoding", headers=encoded("br")),
    Case("zstd that is none", ENVELOPE, PLAIN, 400, "bad_encoding", headers=encoded("zstd")),
    Case("truncated gzip", ENVELOPE, gzip.compress(PLAIN)[:-9], 400, "bad_encoding", headers=encoded("gzip")),
    Case("truncated brotli", ENVELOPE, brotli.compress(PLAIN)[:-3], 400, "bad_encoding", headers=encoded("br")),
    Case("truncated zstd", ENVELOPE, zstandard.compress(PLAIN)[:-3], 400, "bad_encoding", headers=encoded("zstd")),
    Case("gzip with a tail of rubbish", ENVELOPE, gzip.compress(PLAIN) + b"rubbish", 400, "bad_encoding", headers=encoded("gzip")),
    Case("gzip bomb", ENVELOPE, gzip.compress(ZEROS) * OVER, 413, "body_too_large", headers=encoded("gzip")),
    Case("deflate bomb", ENVELOPE, zlib.compress(ZEROS * OVER, 1), 413, "body_too_large", headers=encoded("deflate")),
    Case("brotli bomb", ENVELOPE, brotli.compress(ZEROS * OVER, quality=1), 413, "body_too_large", headers=encoded("br")),
    Case("zstd bomb", ENVELOPE, zstandard.compress(ZEROS) * OVER, 413, "body_too_large", headers=encoded("zstd")),
    Case("gzip bomb at Raygun's door", "/entries", gzip.compress(b" " * (2 * MIB)), 413, "body_too_large", headers=RAYGUN | {"Content-Encoding": "gzip"}),
)  # fmt: skip

ENVELOPES: Final = (
    Case("headers alone", ENVELOPE, b"{}", 200, headers=SENTRY),
    Case("not an envelope", ENVELOPE, b"hello\n", 400, "invalid_envelope_header", headers=SENTRY),
    Case("header is an array", ENVELOPE, b"[]\n", 400, "invalid_envelope_header", headers=SENTRY),
    Case("header nested too deep", ENVELOPE, b'{"x":' + DEEP + b"}\n", 400, "invalid_envelope_header", headers=SENTRY),
    Case("sent_at twice", ENVELOPE, envelope(bare("event", ERROR), header=b'{"sent_at":"2026-11-24T06:55:10Z","sent_at":"2026-11-24T06:55:11Z"}'), 400, "duplicate_sent_at", headers=SENTRY),
    Case("sent_at twice, once escaped", ENVELOPE, envelope(bare("event", ERROR), header=b'{"sent_at":1,"sent\\u005fat":2}'), 400, "duplicate_sent_at", headers=SENTRY),
    Case("sent_at that is no time", ENVELOPE, envelope(bare("event", ERROR), header=b'{"sent_at":"yesterday"}'), 200, "", ("grouped",), SENTRY),
    Case("item header is no JSON", ENVELOPE, b"{}\nevent\n{}\n", 400, "invalid_item_header", headers=SENTRY),
    Case("item without a type", ENVELOPE, b'{}\n{"length":2}\n{}\n', 400, "invalid_item_header", headers=SENTRY),
    Case("item type of a wrong type", ENVELOPE, b'{}\n{"type":5}\n{}\n', 400, "invalid_item_header", headers=SENTRY),
    Case("negative length", ENVELOPE, envelope(item("event", ERROR, length=-1)), 400, "invalid_item_header", headers=SENTRY),
    Case("length beyond the end", ENVELOPE, envelope(item("event", ERROR, length=10_000)), 400, "item_truncated", headers=SENTRY),
    Case("length too short", ENVELOPE, envelope(item("event", ERROR, length=5)), 400, "item_unterminated", headers=SENTRY),
    Case("too many items", ENVELOPE, envelope(*[bare("log", b"{}")] * 1001), 413, "too_many_items", headers=SENTRY),
    Case("unknown item type", ENVELOPE, envelope(bare("hologram", b"\xff\x00"), bare("event", ERROR)), 200, "", ("grouped", "filtered"), SENTRY),
    Case("blank lines between items", ENVELOPE, b"{}\n\n\n" + bare("event", ERROR) + b"\n\n\n", 200, "", ("grouped",), SENTRY),
    Case("two events", ENVELOPE, envelope(bare("event", ERROR), bare("event", event(b'"message":"two"'))), 200, "", ("grouped", "grouped"), SENTRY),
    Case("attachment of any bytes", ENVELOPE, envelope(item("attachment", b"\n\n{}\n\xff"), bare("event", ERROR)), 200, "", ("grouped", "filtered"), SENTRY),
    Case("event over 1 MiB, session kept", ENVELOPE, envelope(item("event", event(b'"x":"' + b"x" * MIB + b'"')), bare("session", SESSION)), 413, "event_too_large", ("session", "filtered"), SENTRY),
    Case("event of just 1 MiB", ENVELOPE, envelope(item("event", event(b'"x":"' + b"x" * (MIB - len(event(b'"x":""'))) + b'"'))), 200, "", ("grouped",), SENTRY),
)  # fmt: skip

EVENTS: Final = (
    Case("event is an array", ENVELOPE, envelope(bare("event", b"[]")), 200, "", ("dead letter",), SENTRY),
    Case("event is no JSON", ENVELOPE, envelope(item("event", b"{oops")), 200, "", ("dead letter",), SENTRY),
    Case("event of no bytes", ENVELOPE, envelope(item("event", b"")), 200, "", ("dead letter",), SENTRY),
    Case("event is an empty object", ENVELOPE, envelope(bare("event", b"{}")), 200, "", ("grouped",), SENTRY),
    Case("NaN and Infinity", ENVELOPE, envelope(bare("event", event(b'"extra":{"a":NaN,"b":-Infinity}'))), 200, "", ("grouped",), SENTRY),
    Case("null characters", ENVELOPE, envelope(bare("event", event(b'"message":"a\\u0000b\x00c"'))), 200, "", ("grouped",), SENTRY),
    Case("lone surrogates", ENVELOPE, envelope(bare("event", event(b'"message":"\\ud800 \\udfff"'))), 200, "", ("grouped",), SENTRY),
    Case("bytes that are no UTF-8", ENVELOPE, envelope(bare("event", event(b'"message":"\xff\xfe\xc3"'))), 200, "", ("grouped",), SENTRY),
    Case("nested 20,000 deep", ENVELOPE, envelope(bare("event", event(b'"extra":' + DEEP))), 200, "", ("grouped",), SENTRY),
    Case("number of 5,000 digits", ENVELOPE, envelope(bare("event", event(b'"extra":{"n":' + b"9" * 5000 + b"}"))), 200, "", ("grouped",), SENTRY),
    Case("keys twice", ENVELOPE, envelope(bare("event", event(b'"level":"info","level":"fatal"'))), 200, "", ("grouped",), SENTRY),
    Case("wrong types in every field", ENVELOPE, envelope(bare("event", b'{"exception":5,"level":[],"platform":{},"tags":7,"user":[],"release":{},"timestamp":[],"fingerprint":3,"threads":"x","request":1,"breadcrumbs":false,"contexts":"x","sdk":[],"message":{},"modules":2}')), 200, "", ("grouped",), SENTRY),
    Case("wrong types in frames", ENVELOPE, envelope(bare("event", b'{"exception":{"values":[{"type":5,"value":[],"stacktrace":{"frames":[5,null,{"function":{},"lineno":"x","filename":[]}]}},null,"x"]}}')), 200, "", ("grouped",), SENTRY),
    Case("unreadable id in the header", ENVELOPE, envelope(bare("event", ERROR), header=b'{"event_id":"nonsense"}'), 200, "", ("grouped",), SENTRY),
    Case("id of a wrong type", ENVELOPE, envelope(bare("event", event(b'"event_id":{}')), header=b'{"event_id":12}'), 200, "", ("grouped",), SENTRY),
    Case("time of the year 9999", ENVELOPE, envelope(bare("event", event(b'"timestamp":"9999-12-31T23:59:59Z"'))), 200, "", ("grouped",), SENTRY),
    Case("negative time", ENVELOPE, envelope(bare("event", event(b'"timestamp":-1e300'))), 200, "", ("grouped",), SENTRY),
    Case("text of 900 KB in one word", ENVELOPE, envelope(item("event", event(b'"message":"' + b"x" * 900_000 + b'"'))), 200, "", ("grouped",), SENTRY),
)  # fmt: skip

SESSIONS: Final = (
    Case("session is an array", ENVELOPE, envelope(bare("session", b"[]"), header=b"{}"), 200, "", ("dead letter",), SENTRY),
    Case("session is no JSON", ENVELOPE, envelope(bare("session", b"{oops"), header=b"{}"), 200, "", ("dead letter",), SENTRY),
    Case("aggregate is no object", ENVELOPE, envelope(bare("sessions", b'"x"'), header=b"{}"), 200, "", ("dead letter",), SENTRY),
    Case("a bad session beside a good event", ENVELOPE, envelope(bare("session", b"5"), bare("event", ERROR)), 200, "", ("dead letter", "grouped"), SENTRY),
)  # fmt: skip

STORES: Final = (
    Case("store of NaN", STORE, event(b'"extra":{"a":NaN}'), 200, "", ("grouped",), SENTRY),
    Case("store of base64 JSON", STORE, base64.b64encode(ERROR), 200, "", ("grouped",), SENTRY),
    Case("store of base64 zlib", STORE, base64.b64encode(zlib.compress(ERROR)), 200, "", ("grouped",), SENTRY),
    Case("store of base64 rubbish", STORE, base64.b64encode(b"rubbish!"), 400, "not_json", headers=SENTRY),
    Case("store of a base64 bomb", STORE, base64.b64encode(zlib.compress(b" " * (20 * MIB))), 413, "body_too_large", headers=SENTRY),
    Case("store of an array", STORE, b"[]", 400, "not_an_object", headers=SENTRY),
    Case("store of no JSON", STORE, b"{oops", 400, "not_json", headers=SENTRY),
    Case("store of nothing", STORE, b"", 400, "empty_body", headers=SENTRY),
    Case("store over 1 MiB", STORE, event(b'"x":"' + b"x" * MIB + b'"'), 413, "event_too_large", ("filtered",), SENTRY),
    Case("pixel of nothing", STORE + "?sentry_key=@SENTRY@", b"", 400, "empty_body", method="GET"),
    Case("security report of text", "/api/@PROJECT@/security/?sentry_key=@SENTRY@", b"x", 415, "unsupported_type", headers={"Content-Type": "text/plain"}),
    Case("security report of no JSON", "/api/@PROJECT@/security/?sentry_key=@SENTRY@", b"x", 400, "not_json", headers={"Content-Type": "application/csp-report"}),
    Case("minidump of nothing", "/api/@PROJECT@/minidump/?sentry_key=@SENTRY@", b"", 400, "empty_body"),
    Case("minidump of any bytes", "/api/@PROJECT@/minidump/?sentry_key=@SENTRY@", b"\0" * 4096, 200, "", ("filtered",)),
)  # fmt: skip

REPORTS: Final = (
    Case("report is an array", "/entries", b"[" + REPORT + b"]", 400, "not_an_object", headers=RAYGUN),
    Case("report is text", "/entries", b'"boom"', 400, "not_an_object", headers=RAYGUN),
    Case("report is no JSON", "/entries", b"{oops", 400, "not_json", headers=RAYGUN),
    Case("report cut short", "/entries", REPORT[:-5], 400, "not_json", headers=RAYGUN),
    Case("report and more", "/entries", REPORT + REPORT, 400, "not_json", headers=RAYGUN),
    Case("report of an empty object", "/entries", b'{"x":"@ID@"}', 202, "", ("dead letter",), RAYGUN),
    Case("report of wrong types", "/entries", b'{"occurredOn":5,"details":{"error":[],"user":5,"tags":{},"version":[],"client":"x","x":"@ID@"}}', 202, "", ("grouped",), RAYGUN),
    Case("report with NaN", "/entries", b'{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"error":{"message":"@ID@","data":NaN}}}', 202, "", ("grouped",), RAYGUN),
    Case("report with a byte order mark", "/entries", b"\xef\xbb\xbf" + REPORT, 202, "", ("grouped",), RAYGUN),
    Case("report nested 20,000 deep", "/entries", b'{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"machineName":"@ID@","error":{"message":"x"},"userCustomData":' + DEEP + b"}}", 202, "", ("grouped",), RAYGUN),
    Case("report over 1 MiB", "/entries", b'{"x":"' + b"x" * MIB + b'"}', 413, "body_too_large", headers=RAYGUN),
    Case("bulk of an object", "/entries/bulk", REPORT, 400, "not_an_array", headers=RAYGUN),
    Case("bulk of no JSON", "/entries/bulk", b"[{},", 400, "not_json", headers=RAYGUN),
    Case("bulk of nothing", "/entries/bulk", b"[]", 202, headers=RAYGUN),
    Case("bulk of mixed", "/entries/bulk", b'[5,{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"error":{"message":"@ID@"}}},{"x":NaN,"y":"@ID@"}]', 202, "", ("dead letter", "grouped", "dead letter"), RAYGUN),
    Case("bulk with one too large", "/entries/bulk", b"[" + REPORT + b',{"x":"' + b"x" * MIB + b'"}]', 413, "event_too_large", ("grouped", "filtered"), RAYGUN),
    Case("bulk of 1001", "/entries/bulk", b"[" + b",".join([b"{}"] * 1001) + b"]", 413, "too_many_items", headers=RAYGUN),
    Case("timings without a list", "/events", b"{}", 400, "not_an_object", headers=RAYGUN),
    Case("timings are a list", "/events", b"[]", 400, "not_an_object", headers=RAYGUN),
    Case("timings are no JSON", "/events", b"{oops", 400, "not_json", headers=RAYGUN),
    Case("timings of wrong types", "/events", b'{"eventData":[5,null]}', 202, "", ("filtered",), RAYGUN),
)  # fmt: skip

CASES: Final = (*AUTH, *TRANSFER, *CODINGS, *ENVELOPES, *EVENTS, *SESSIONS, *STORES, *REPORTS)
"""All rows; names are unique."""
