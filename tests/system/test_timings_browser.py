"""raygun4js measures a page in Chromium, unmodified but for its address: each duration is counted, under its name."""

import asyncio
import json
import time
from collections import defaultdict
from typing import Any

from tests.support.site import Site
from tests.system.recorder import Recorder
from tests.system.sdk_check import PATIENCE_SECONDS, Api
from tests.system.sdk_run import run_page, sdk_environment

KINDS = {"p": "page", "v": "view", "x": "request", "c": "asset", "e": "cached", "w": "vital"}
SLACK = 0.011
"""The accuracy of 1 %, and the error of rounding."""


async def test_raygun4js_measures_pages_and_requests(installation: Site) -> None:
    api = Api(installation, installation.new_project("pulse"))
    async with Recorder(installation.ingest_url) as recorder:

        async def all_sent() -> None:
            while not {"page", "asset", "request"} <= set(_durations(recorder)):
                await asyncio.sleep(0.05)

        await run_page("shop_raygun_pulse.html", sdk_environment(recorder.url, api.project), all_sent)
        found = await _counted(api, recorder)
        sent = _durations(recorder)
    assert {answer.status for answer in recorder.sent} <= {200, 202}
    names = {(row["kind"], row["name"]) for row in found}
    packages = "/node_modules/raygun4js"
    assert {
        ("page", "/"),
        ("asset", f"{packages}/dist/raygun.umd.js"),
        ("request", f"{packages}/package.json"),
    } <= names
    for kind, durations in sent.items():
        rows = [row for row in found if row["kind"] == kind]
        assert sum(row["count"] for row in rows) == len(durations)
        for row in rows:
            assert any(abs(row["p99"] - each) <= SLACK * each + SLACK for each in durations), row


def _durations(recorder: Recorder) -> dict[str, list[float]]:
    """Return what was sent by now, by kind."""
    found: dict[str, list[float]] = defaultdict(list)
    for sent in recorder.sent:
        for event in json.loads(sent.unpacked)["eventData"] if sent.path == "/events" and sent.body else []:
            for item in json.loads(event.get("data") or "[]"):
                found[KINDS[item["timing"]["t"]]].append(float(item["timing"]["du"]))
    return found


async def _counted(api: Api, recorder: Recorder) -> list[dict[str, Any]]:
    """Wait until all that was sent is counted, once."""
    rows, end = list[dict[str, Any]](), time.monotonic() + PATIENCE_SECONDS
    while sum(row["count"] for row in rows) != sum(map(len, _durations(recorder).values())):
        assert time.monotonic() < end, (rows, _durations(recorder))
        await asyncio.sleep(0.1)
        rows = (await api.get(f"{api.base}/timings?limit=200"))["timings"]
    return rows
