"""Every recorded request of a real SDK, sent again, gets its SDK's success answer and becomes records, byte by byte."""

import base64
import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import brotli
import pytest

from app.model import Facts
from tests.integration.ingest_site import Site, running_ingest

SHARED = Path(os.environ.get("FAULTLINE_SHARED", Path(__file__).parents[3] / "shared"))
FILES = sorted((SHARED / "corpus").glob("*/*.json"))
DROPPED = {"host", "content-length", "transfer-encoding"}
KEPT = {"event": "sentry", "session": "session", "sessions": "sessions", "client": "client_report"}
KEPT_ITEM = re.compile(rb'^\{"type": ?"(?:event|sessions?|client_report)"', re.MULTILINE)

pytestmark = pytest.mark.skipif(not FILES, reason=f"no recorded requests in {SHARED}/corpus: set FAULTLINE_SHARED")


async def test_each_recorded_request(database: str) -> None:
    async with running_ingest(database) as site, aiohttp.ClientSession() as client:
        project = await site.projects.create(
            "recorded", sentry_key="0123456789abcdef0123456789abcdef", raygun_key="fake-raygun-key"
        )
        for file in FILES:
            request = json.loads(file.read_bytes())
            before = set(await site.records())
            await _send(client, site, project.id, request, file)
            after = await site.records()
            _check(file, request, [after[address] for address in after.keys() - before])


async def _send(client: aiohttp.ClientSession, site: Site, project: int, request: dict[str, Any], file: Path) -> None:
    headers = [(name, value) for name, value in request["headers"] if name.lower() not in DROPPED]
    path = request["path"].replace("/42/", f"/{project}/")
    async with client.request(
        request["method"],
        f"{site.url}{path}" + ("?" + request["query"] if request["query"] else ""),
        data=base64.b64decode(request["body_base64"]) or None,
        headers=headers,
        skip_auto_headers=["Content-Type", "User-Agent", "Accept-Encoding"],
    ) as reply:
        # Two client reports were recorded while the server refused with 503.
        assert reply.status == (200 if request["status"] == 503 else request["status"]), file
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


def _check(file: Path, request: dict[str, Any], stored: list[tuple[Facts, Any]]) -> None:
    body = _unpacked(request)
    kinds = Counter(facts.kind for facts, _ in stored)
    assert set(kinds) == _expected(file), file
    if "raygun" not in file.parent.name:
        assert sum(kinds.values()) - kinds["refused"] == len(KEPT_ITEM.findall(body)), file
    for facts, record in stored:
        assert record.value in body, file
        assert record.key is not None
        if facts.kind in ("raygun", "sentry"):
            assert json.loads(record.value), file
        if facts.kind == "raygun" and not file.stem.endswith("bulk"):
            assert record.value == body


def _expected(file: Path) -> set[str]:
    """Return the kinds of record that a file becomes, by its name."""
    kinds = file.stem.split("-", 1)[1].removesuffix("-br").split("+")
    words = {kind.split("-")[0] for kind in kinds}
    if "raygun" in file.parent.name:
        return {
            "event": {"raygun"},
            "bulk": {"raygun"},
            "rum": {"refused" if "session" in file.stem else "timing"},
        }.get(words.pop(), set())
    return {KEPT.get(word, "refused") for word in words}


def _unpacked(request: dict[str, Any]) -> bytes:
    body = base64.b64decode(request["body_base64"])
    encoding = {name.lower(): value for name, value in request["headers"]}.get("content-encoding", "")
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(encoding, bytes)
    return bytes(unpack(body))
