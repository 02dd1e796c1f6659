"""Checks what SDKs sent: found in search, groups and rates, complete in the event, and equal in the raw report."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.support.site import Site

PATIENCE_SECONDS = 90
"""Seconds until a test fails, for a busy machine; the promise of 2 s has a test of its own."""
FILTERED = "[Filtered]"


class Want(NamedTuple):
    """One event that an SDK sent: its exceptions' types, the cause first, and its other expected properties."""

    types: tuple[str, ...]
    text: str
    level: str = "error"
    unhandled: bool = False


class Seen(NamedTuple):
    """One event as the API returns it."""

    full: dict[str, Any]
    raw: bytes


class Api:
    """Reads one project of an installation."""

    def __init__(self, installation: Site, project: dict[str, Any]) -> None:
        self._installation = installation
        self.project = project
        self.base = f"/api/v1/projects/{project['id']}"

    async def get(self, path: str) -> Any:  # noqa: ANN401  JSON of whatever shape
        """Read JSON."""
        return await asyncio.to_thread(self._installation.get, path)

    async def read(self, path: str) -> bytes:
        """Read bytes."""
        return await asyncio.to_thread(self._installation.read, path)

    async def crashes(self) -> int:
        """Return the crashes of the last day, from the windows."""
        return sum(point["crashes"] for point in await self.points())

    async def points(self) -> list[dict[str, Any]]:
        """Return the minute windows."""
        points: list[dict[str, Any]] = (await self.get(f"{self.base}/rates?window=1m"))["points"]
        return points

    async def groups(self) -> list[dict[str, Any]]:
        """Return all groups."""
        groups: list[dict[str, Any]] = (await self.get(f"{self.base}/groups?limit=100"))["groups"]
        return groups

    async def found(self) -> list[dict[str, Any]]:
        """Return all events that search finds."""
        events: list[dict[str, Any]] = (await self.get(f"{self.base}/search?limit=100"))["events"]
        return events

    async def wait_visible(self, events: int, crashes: int, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until search lists so many events and rates and groups count so many crashes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            counted = sum(group["count"] for group in await self.groups())
            if len(await self.found()) >= events and await self.crashes() >= crashes and counted >= crashes:
                return True
            await asyncio.sleep(0.05)
        return False

    async def seen(self) -> list[Seen]:
        """Read each event and its raw report; both servers must return the same bytes at its address."""
        return [await self._open(hit) for hit in await self.found()]

    async def _open(self, hit: dict[str, Any]) -> Seen:
        path, query = f"/api/v1/events/{hit['event_id']}", f"?project={self.project['id']}"
        full, raw = await self.get(path + query), await self.read(f"{path}/raw{query}")
        address = full["address"]
        stored = f"/files/{address['topic']}/{address['partition']}/{address['offset']}"
        assert await self.read(stored) == await asyncio.to_thread(self._installation.file, stored) == raw
        return Seen(full, raw)


def check_events(seen: Sequence[Seen], wanted: Sequence[Want]) -> None:
    """Compare the events with what the shop did."""
    got = sorted(_want(event.full) for event in seen)
    assert got == sorted(wanted), got
    for event in seen:
        _check_context(event.full)


def _want(full: dict[str, Any]) -> Want:
    raised = [item for item in full["exceptions"] if item["type"]]
    text = raised[-1]["value"] if raised else full["message"]
    return Want(tuple(item["type"] for item in raised), text, full["level"], full["unhandled"])


def _check_context(full: dict[str, Any]) -> None:
    """Assert the user, tag and release that every shop sends, and the shop's own frames in each error."""
    assert full["user"]["id"] == "user-7", full["user"]
    assert full["user"]["email"] == "ada@example.org"
    assert "gold" in json.dumps(full["tags"]), full["tags"]
    assert full["release"] in ("shop@1.2.0", "1.2.0")
    assert full["sdk"]["name"]
    for raised in full["exceptions"]:
        if raised["type"]:
            functions = [frame["function"].rpartition(".")[2] for frame in raised["frames"]]
            assert {"price", "checkout"} & set(functions), functions


async def check_titles(api: Api, seen: Sequence[Seen], place: str) -> None:
    """Assert that events and groups are named by what was raised, and by the function of the shop that raised it.

    ``place`` is how the module or file of the shop's frames ends.
    """
    raised: dict[str, bool] = {}
    for event in seen:
        types, text, *_ = _want(event.full)
        title = f"{types[-1]}: {text}" if types else text
        assert event.full["title"] == title
        raised[title] = bool(types)
    for named in [*(event.full for event in seen), *await api.groups()]:
        if raised[named["title"]]:
            assert named["culprit"].startswith("price in ")
            assert named["culprit"].endswith(place)


def check_breadcrumbs(seen: Sequence[Seen]) -> None:
    """Assert that each event has the breadcrumb of what the shop did before."""
    for event in seen:
        assert "added a pear" in [crumb["message"] for crumb in event.full["breadcrumbs"]]


def check_raw(seen: Sequence[Seen], sent: Sequence[bytes]) -> int:
    """Assert that each raw payload is one that was sent, but for scrubbed values; return how many were scrubbed."""
    left, scrubbed = list(sent), 0
    for event in seen:
        match = next((payload for payload in left if _same(payload, event.raw)), None)
        assert match is not None, event.raw[:500]
        left.remove(match)
        scrubbed += match != event.raw
    assert not left, f"{len(left)} events were sent and are not there"
    return scrubbed


def _same(payload: bytes, raw: bytes) -> bool:
    if payload == raw:
        return True
    return FILTERED.encode() in raw and _filtered(json.loads(payload), json.loads(raw))


def _filtered(before: Any, after: Any) -> bool:  # noqa: ANN401  any JSON
    """Return whether ``after`` is ``before`` with nothing but values filtered."""
    if isinstance(before, dict) and isinstance(after, dict):
        return list(before) == list(after) and all(_filtered(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_filtered, before, after))
    return before == after or FILTERED in str(after)
