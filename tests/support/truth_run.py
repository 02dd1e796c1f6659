"""Sends events of known truth to an installation and compares every figure that it then returns."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import asyncpg

from tests.support.site import Site
from tests.support.truth import LABELS, Cell, Sent, Truth, Window
from tests.support.truth_parts import SIZES, Request
from tests.support.truth_timings import TimingsChecker

SENDERS = 24
COMPLETE_SECONDS = 180
SPANS = {"1m": 4 * 3600, "1h": 5 * 86_400, "1d": 31 * 86_400}
"""How far back each size of window is read, seconds."""


async def send(url: Callable[[], str], requests: Sequence[Request], during: Callable[[], Awaitable[None]]) -> None:
    """Send all, several at a time, while ``during`` runs; a request that got no answer, or a 503, is sent again."""
    todo = iter(requests)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        senders = [asyncio.create_task(_send_each(session, url, todo)) for _ in range(SENDERS)]
        await asyncio.gather(during(), *senders)


async def _send_each(session: aiohttp.ClientSession, url: Callable[[], str], todo: Any) -> None:  # noqa: ANN401  an iterator
    for request in todo:
        while not await _accepted(session, url, request):
            await asyncio.sleep(0.2)


async def _accepted(session: aiohttp.ClientSession, url: Callable[[], str], request: Request) -> bool:
    try:
        async with session.post(url() + request.path, data=request.body, headers=request.headers) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError, FileNotFoundError, json.JSONDecodeError):
        assert request.retry, "a request that may not be repeated got no answer"
        return False
    assert answer.status in (200, 202, 503), f"{answer.status}: {text}"
    return answer.status != 503


async def complete(installation: Site, since: float) -> None:
    """Wait until everything received before ``since`` (epoch seconds) is in the numbers."""
    path, end = f"/api/v1/projects/{installation.project['id']}/rates", time.monotonic() + COMPLETE_SECONDS
    while _seconds((await asyncio.to_thread(installation.get, path))["complete_until"]) < since:
        assert time.monotonic() < end, "complete_until stays behind"
        await asyncio.sleep(0.3)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Checker:
    """Compares the figures of an installation with the truth."""

    def __init__(self, installation: Site, truth: Truth) -> None:
        self._api, self._truth = installation, truth
        self._base = f"/api/v1/projects/{installation.project['id']}"
        self._timings = TimingsChecker(truth.timings, self._base)
        self._session: aiohttp.ClientSession

    async def check(self) -> dict[str, int]:
        """Compare everything; return the counts of what was compared."""
        headers = {"Authorization": f"Bearer {self._api.token}"}
        async with aiohttp.ClientSession(self._api.url, headers=headers) as self._session:
            documents = await self._searched()
            found = await self._payloads(documents)
            groups = self._groups(found)
            await self._first_events(documents)
            received = {sent.event_id: await self._received(doc) for sent, doc in found if sent.shift is not None}
            compared = await self._windows(groups, received)
            timings = await self._timings.check(self._json)
        self._groups_found, self._received_found = groups, received
        return {"events": len(documents), "groups": len(groups), "windows": compared, "timings": timings}

    async def rows(self, database: str) -> int:
        """Compare the counts of every window's row in PostgreSQL, after ``check``; return how many there are."""
        truth = self._truth.windows(self._received_found)
        ids = {"": "", **self._groups_found}
        want = {
            (*_row_of(cell, ids[cell.label]), size, start): _counts(window)
            for cell, windows in truth.items()
            for (size, start), window in windows.items()
            if cell.label in ids
        }
        connection = await asyncpg.connect(database)
        found = await connection.fetch(
            "select kind::text, grp, release, size, start, counts from windows where kind in ('c', 'e')"
        )
        timings = await self._timings.rows(connection)
        await connection.close()
        got = {(*key, size, start): _of_row(counts) for *key, size, start, counts in found}
        got = {key: counts for key, counts in got.items() if any(counts)}
        assert got == want, sorted(key for key in got.keys() | want.keys() if got.get(key) != want.get(key))[:8]
        return len(got) + timings

    async def points(self, until: float) -> dict[tuple[str, ...], list[Any]]:
        """Return, after ``check``, the API's points of every cell by size of window, up to ``until``."""
        headers = {"Authorization": f"Bearer {self._api.token}"}
        found: dict[tuple[str, ...], list[Any]] = {}
        async with aiohttp.ClientSession(self._api.url, headers=headers) as self._session:
            for cell in sorted(self._truth.windows(self._received_found)):
                if cell.label in ("", *self._groups_found):
                    for size in SIZES:
                        found[*cell, size] = await self._points(size, cell, self._groups_found, until)
            for release, size_of, start in sorted({key[1:] for key in self._timings.windows}):
                rows = await self._timings.points(self._json, release, size_of, start)
                found["timings", release, f"{size_of} {start}"] = rows
        return found

    async def _points(self, size: str, cell: Cell, groups: dict[str, str], now: float) -> list[Any]:
        query = {"window": size, "from": _iso(now - SPANS[size]), "to": _iso(now + 120)}
        asked = {"group": groups.get(cell.label), "release": cell.release, "environment": cell.environment}
        query |= {name: value for name, value in asked.items() if value}
        points: list[Any] = (await self._json(f"{self._base}/rates?{urlencode(query)}"))["points"]
        return points

    async def _searched(self) -> list[dict[str, Any]]:
        """Wait until search lists each event once; it follows later than the numbers."""
        documents, end = list[dict[str, Any]](), time.monotonic() + COMPLETE_SECONDS
        while len(documents) < len(self._truth.events):
            assert time.monotonic() < end, f"{len(documents)} of {len(self._truth.events)} events can be found"
            documents = [doc async for doc in self._pages()]
            ids = Counter(doc["event_id"] for doc in documents)
            assert max(ids.values(), default=1) == 1, f"listed more than once: {ids.most_common(3)}"
        assert len(documents) == len(self._truth.events)
        return documents

    async def _pages(self) -> AsyncIterator[dict[str, Any]]:
        now, cursor = time.time(), ""
        while True:
            query = {"from": _iso(now - 31 * 86_400), "to": _iso(now + 3600), "limit": "100", "cursor": cursor}
            page = await self._json(f"{self._base}/search?{urlencode(query)}")
            for doc in page["events"]:
                yield doc
            cursor = page["next"]
            if not cursor:
                return

    async def _payloads(self, documents: list[dict[str, Any]]) -> list[tuple[Sent, dict[str, Any]]]:
        """Read each payload from the file server; each must be equal to what was sent."""
        by_payload = {sent.payload: sent for sent in self._truth.events}
        assert len(by_payload) == len(self._truth.events)
        limit = asyncio.Semaphore(16)

        async def fetch(doc: dict[str, Any]) -> tuple[Sent, dict[str, Any]]:
            path = "/files/{topic}/{partition}/{offset}".format(**doc["address"])
            async with limit, self._session.get(self._api.files_url + path) as answer:
                body = await answer.read()
            assert answer.status == 200, f"{answer.status} {body[:200]!r}"
            return by_payload.pop(body), doc

        return list(await asyncio.gather(*map(fetch, documents)))

    def _groups(self, found: list[tuple[Sent, dict[str, Any]]]) -> dict[str, str]:
        """Assert that labels and groups correspond one to one; return label -> group id."""
        groups: dict[str, set[str]] = defaultdict(set)
        for sent, doc in found:
            groups[str(sent.label)].add(doc["group"])
        assert all(len(ids) == 1 for ids in groups.values()), f"split: {groups}"
        single = {label: next(iter(ids)) for label, ids in groups.items()}
        assert len(set(single.values())) == len(single), f"lumped: {single}"
        return single

    async def _first_events(self, documents: list[dict[str, Any]]) -> None:
        """Assert that each group has the text of its first event by time and address, and what any of them says."""
        of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for doc in documents:
            of[doc["group"]].append(doc)
        for group, own in of.items():
            first = min(own, key=lambda doc: (_seconds(doc["time"]), *doc["address"].values()))
            row = await self._json(f"/api/v1/groups/{group}")
            assert row["sample"] == {"event_id": first["event_id"], "address": first["address"]}, group
            assert (row["title"], row["first_seen"]) == (first["title"], first["time"]), group
            assert (row["first_release"] or "", row["level"]) == (first["release"] or "", first["level"]), group
            assert row["unhandled"] is any(doc["unhandled"] for doc in own), group

    async def _received(self, doc: dict[str, Any]) -> float:
        return _seconds((await self._json(f"/api/v1/events/{doc['event_id']}"))["received"])

    async def _windows(self, groups: dict[str, str], received: dict[str, float]) -> int:
        truth, compared = self._truth.windows(received), 0
        del groups[str(LABELS)]  # messages: a group, but no crashes
        releases, environments = ({cell[place] for cell in truth} for place in (1, 2))
        cells = [Cell("", release, where) for release in releases for where in environments]
        cells += [Cell(label, release, "") for label in groups for release in releases]
        for cell in sorted(cells):
            compared += await self._cell(cell, groups, truth.get(cell, {}))
        return compared

    async def _cell(self, cell: Cell, groups: dict[str, str], expected: dict[tuple[int, int], Window]) -> int:
        compared, sessions = 0, not cell.label
        for size, seconds in SIZES.items():
            points = await self._points(size, cell, groups, time.time())
            got = {int(_seconds(point["start"])): _figures(point, sessions=sessions) for point in points}
            want = {
                start: _expected(window, sessions=sessions)
                for (width, start), window in expected.items()
                if width == seconds
            }
            got = {start: figures for start, figures in got.items() if any(figures)}
            assert got == want, _difference(cell, size, got, want)
            compared += len(want)
        return compared

    async def _json(self, path: str) -> Any:  # noqa: ANN401  JSON of whatever shape
        async with self._session.get(path) as answer:
            body = await answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body[:300]!r}"
        return json.loads(body)


def _figures(point: dict[str, Any], *, sessions: bool) -> tuple[int, ...]:
    names = ["crashes", "unhandled", "users", *(["sessions", "crashed_sessions"] if sessions else [])]
    return tuple(point[name] or 0 for name in names)


def _expected(window: Window, *, sessions: bool) -> tuple[int, ...]:
    more = (window.sessions, window.crashed_sessions) if sessions else ()
    return (window.crashes, window.unhandled, len(window.users), *more)


def _row_of(cell: Cell, group: str) -> tuple[str, str, str]:
    """Return kind, group and release of the cell's rows in PostgreSQL."""
    return ("e", cell.environment.replace(":", "%3A"), cell.release) if cell.environment else ("c", group, cell.release)


def _counts(window: Window) -> tuple[int, ...]:
    return (window.crashes, window.unhandled, window.sessions, window.crashed_sessions)


def _of_row(counts: str) -> tuple[int, ...]:
    values = json.loads(counts)
    return tuple(values.get(name, 0) for name in ("crashes", "unhandled", "sessions", "crashed_sessions"))


def _difference(cell: Cell, size: str, got: dict[int, Any], want: dict[int, Any]) -> str:
    starts = sorted(start for start in got.keys() | want.keys() if got.get(start) != want.get(start))
    rows = [f"{_iso(start)}: got {got.get(start)}, sent {want.get(start)}" for start in starts[:8]]
    return f"{cell} {size}: {len(starts)} windows differ\n" + "\n".join(rows)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
