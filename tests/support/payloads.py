"""The reports in the recorded requests of real SDKs, and short ways to facts for tests."""

import base64
import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import brotli

from app.model import Facts, Kind

SHARED = Path(os.environ.get("FAULTLINE_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = sorted((SHARED / "corpus").glob("*/*.json"))
ABSENT = f"no recorded requests in {SHARED}/corpus: set FAULTLINE_SHARED"
RECEIVED = 1_795_503_306_465
KINDS: dict[str, Kind] = {
    "event": "sentry", "session": "session", "sessions": "sessions", "client_report": "client_report",
}  # fmt: skip


class Report(NamedTuple):
    """One report of a recorded request."""

    name: str
    kind: Kind | None
    payload: bytes


@cache
def reports() -> list[Report]:
    return [report for file in CORPUS for report in _reports(file)]


def events() -> list[Report]:
    return [report for report in reports() if report.kind in ("sentry", "raygun")]


def facts(kind: Kind = "sentry", *, sent: int | None = None, peer: str = "", event_id: str = "a" * 32) -> Facts:
    return Facts(project=1, kind=kind, category="error", event_id=event_id, received=RECEIVED, sent=sent, peer=peer)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def _reports(file: Path) -> Iterator[Report]:
    request = json.loads(file.read_bytes())
    body = _unpacked(request)
    name = f"{file.parent.name}/{file.stem}"
    if "/envelope/" in request["path"]:
        for kind, payload in _items(body):
            yield Report(name, KINDS.get(kind), payload)
    elif request["path"] == "/entries/bulk":
        for entry in json.loads(body):
            yield Report(name, "raygun", encoded(entry))
    elif body:
        yield Report(name, "raygun" if request["path"] == "/entries" else None, body)


def _unpacked(request: dict[str, Any]) -> bytes:
    body = base64.b64decode(request["body_base64"])
    coding = {name.lower(): value for name, value in request["headers"]}.get("content-encoding")
    if coding == "gzip":
        return gzip.decompress(body)
    return bytes(brotli.decompress(body)) if coding == "br" else body


def _items(body: bytes) -> Iterator[tuple[str, bytes]]:
    _, _, rest = body.partition(b"\n")
    while rest:
        line, _, rest = rest.partition(b"\n")
        if line:
            header = json.loads(line)
            size = header.get("length", len(rest.partition(b"\n")[0]))
            yield header["type"], rest[:size]
            rest = rest[size + 1 :]
