"""``faultline demo`` against a whole installation: everything it sends is counted, and one release crashes often."""

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.support.installation import Installation
from tests.support.site import press_sign_in
from tests.system.sdk_check import Api

EVENTS = 240
GROUPS = 14
"""Groups at most: one for each of six faults in each of two languages, and the warning of each language's logger."""
JUDGED_SECONDS = 60
"""Seconds until all groups are compared with each other, on a busy machine."""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running


def demo(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "faultline"), "demo", *arguments],
        env={**os.environ, "FAULTLINE_DATA": str(data), **environment},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


async def test_everything_it_sends_is_counted_and_it_prints_where_to_look(embedded: Installation) -> None:
    done = demo(embedded.data, "--events", str(EVENTS), "--rate", "80")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith(f"{EVENTS} of {EVENTS} sent") for line in lines)
    assert lines[-1].startswith(f"Sign in (once) by {embedded.url}/sign-in?code=")
    project = next(each for each in embedded.get("/api/v1/projects")["projects"] if each["name"] == "Demo shop")
    assert lines[-2] == f"Look at {embedded.url}/projects/{project['id']}"
    assert "crashes" in lines[-3]
    api = Api(embedded, project)
    # Most of it happened in the last day, too long ago for minutes.
    points = (await api.get(f"{api.base}/rates?window=1h"))["points"]
    assert len(points) > 10
    assert sum(point["crashes"] + point["messages"] + point["sessions"] for point in points) == EVENTS
    assert sum(point["crashed_sessions"] for point in points) > 0
    assert sum(timing["count"] for timing in (await api.get(f"{api.base}/timings"))["timings"]) > EVENTS
    found = await api.found()
    assert {event["environment"] for event in found} >= {"production", "staging"}
    if "Without the SDKs of Node" not in done.stdout:
        assert {event["sdk"].split()[0] for event in found} >= {"raygun-node", "sentry.javascript.node"}
    assert any("raygun4py" in event["sdk"] for event in found)
    assert any("sentry.python" in event["sdk"] for event in found)


async def test_a_fault_is_one_group_whichever_sdk_sent_it(embedded: Installation) -> None:
    project = next(each for each in embedded.get("/api/v1/projects")["projects"] if each["name"] == "Demo shop")
    since = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    end = time.monotonic() + JUDGED_SECONDS
    while True:
        groups = embedded.get(f"/api/v1/projects/{project['id']}/groups?limit=200&from={since}")["groups"]
        if len(groups) <= GROUPS or time.monotonic() > end:
            break
        await asyncio.sleep(0.5)
    assert 1 < len(groups) <= GROUPS, [(group["title"], group["culprit"]) for group in groups]
    assert sum(group["count"] + group["messages"] for group in groups) > GROUPS
    assert any(len(group["members"]) > 1 for group in groups)


def test_the_address_that_was_written_at_the_start_signs_a_browser_in(embedded: Installation) -> None:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    assert press_sign_in(browser, embedded.facts["sign_in"]) == embedded.url + "/"


def test_without_an_installation_it_prints_what_to_do(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("--events", "0"), ("--rate", "0"), ("--rate", "-1")])
def test_arguments_that_cannot_be_used(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = demo(tmp_path, *arguments)
    assert done.returncode == 2
    assert "--events" in done.stderr
