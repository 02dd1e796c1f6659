"""The recorded requests of real SDKs (``../shared/corpus``), readdressed, and the secrets that they hold."""

import base64
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import brotli
import zstandard

from tests.system.recorder import UNPACK, Sent

SHARED = Path(os.environ.get("FAULTLINE_SHARED", Path(__file__).parents[3] / "shared"))
FILES = sorted((SHARED / "corpus").glob("*/*.json"))
ABSENT = f"no recorded requests in {SHARED}/corpus: set FAULTLINE_SHARED"
DROPPED = {"host", "content-length", "transfer-encoding"}
SENTRY_KEY = "0123456789abcdef0123456789abcdef"
RAYGUN_KEY = "fake-raygun-key"
PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
SECRETS = re.compile(
    rb"hunter2|4111111111111111|fakepassword|fake-secret-value|abc\.def\.ghi|(?<![0-9a-f])abc123(?![0-9a-f])"
    rb"|0123456789abcdef"
)
"""As corpus/README.md lists them; the last, a session's, is also the beginning of the DSN's key, which is replaced."""
ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"


class Recorded(NamedTuple):
    """One recorded request, addressed to an installation's project."""

    name: str
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int

    def sent(self) -> Sent:
        """Return it as a ``Recorder`` records it."""
        headers = {name.lower(): value for name, value in self.headers}
        return Sent(self.method, self.path.partition("?")[0], headers, self.body, self.status)


def recorded(project: Mapping[str, Any]) -> Iterator[Recorded]:
    """Yield each recorded request with the project's id and keys in place of the recorded ones."""
    for file in FILES:
        yield _addressed(file, json.loads(file.read_bytes()), project)


def _addressed(file: Path, request: dict[str, Any], project: Mapping[str, Any]) -> Recorded:
    key, number = str(urlsplit(project["dsn"]).username), str(project["id"])

    def keys(text: str) -> str:
        return text.replace(SENTRY_KEY, key).replace(RAYGUN_KEY, project["raygun_key"])

    headers = [(name, keys(value)) for name, value in request["headers"] if name.lower() not in DROPPED]
    encoding = {name.lower(): value for name, value in headers}.get("content-encoding", "")
    body = bytes(UNPACK.get(encoding, bytes)(base64.b64decode(request["body_base64"])))
    # Both keys have 32 digits: the lengths in the headers of items stay right. The DSN is in the first line.
    first, newline, rest = body.replace(SENTRY_KEY.encode(), key.encode()).partition(b"\n")
    if "/envelope/" in request["path"]:
        first = first.replace(b'/42"', f'/{number}"'.encode())
    query = "?" + keys(request["query"]) if request["query"] else ""
    # Two client reports were recorded while the server refused with 503.
    status = 200 if request["status"] == 503 else request["status"]
    path = request["path"].replace("/42/", f"/{number}/") + query
    packed = PACK.get(encoding, bytes)(first + newline + rest)
    return Recorded(f"{file.parent.name}/{file.stem}", request["method"], path, headers, packed, status)


def layers(content: bytes) -> Iterator[bytes]:
    """Yield some bytes, and the content of each zstd frame and gzip stream within them."""
    yield content
    for magic, unpack in ((ZSTD, _unzstd), (GZIP, _ungzip)):
        start = content.find(magic)
        while start >= 0:
            yield unpack(content[start:])
            start = content.find(magic, start + 1)


def _unzstd(content: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except zstandard.ZstdError:
        return b""


def _ungzip(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content)
    except zlib.error:
        return b""
