"""Everything that an installation says of its first project: numbers, groups, reports and pages, read from outside.

Two readings of the same data are equal, whenever they are made: what depends on the present time is left out.
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from tests.support.site import Site

SPANS: Final = {"1m": 4 * 3600, "1h": 5 * 86_400, "1d": 31 * 86_400}
"""How far back each size of window is read, seconds."""
AHEAD: Final = 86_400
CONSUMED_SECONDS: Final = 240
TO_GO: Final = re.compile(r"(\w+): (\d+) records of \S+ to go")
TITLE: Final = re.compile(rb"<title>(.*?)</title>", re.DOTALL)


def wait_consumed(site: Site) -> None:
    """Wait until no role is behind, as ``faultline doctor`` lists them."""
    end = time.monotonic() + CONSUMED_SECONDS
    while any((left := to_go(site.command("doctor", check=False))).values()) or not left:
        assert time.monotonic() < end, f"still behind after {CONSUMED_SECONDS} s: {left}"
        time.sleep(0.2)


def to_go(doctor: str) -> dict[str, int]:
    """Return by role how many records it has not consumed, from the output of ``faultline doctor``."""
    return {role: int(count) for role, count in TO_GO.findall(doctor)}


def observe(site: Site, now: float) -> dict[str, Any]:
    """Return what the API and the pages say of what was sent until ``now`` (s since the epoch)."""
    base = f"/api/v1/projects/{site.project['id']}"
    month = {"from": _iso(now - SPANS["1d"]), "to": _iso(now + AHEAD)}
    groups = list(_pages(site, f"{base}/groups", "groups", {**month, "limit": "100"}))
    hits = list(_pages(site, f"{base}/search", "events", {**month, "limit": "100"}))
    releases = site.get(f"{base}/releases?{urlencode(month)}")["releases"]
    names = ["", *(row["release"] for row in releases if row["release"])]
    environments = [row["environment"] for row in site.get(f"{base}/environments?{urlencode(month)}")["environments"]]
    hours = {"from": _iso(now - 3600), "to": _iso(now + 3600)}
    return {
        "rates": {f"{size} {release}": _points(site, base, size, now, {"release": release})
                  for size in SPANS for release in names},
        "rates_by_group": {row["id"]: _points(site, base, "1d", now, {"group": row["id"]}) for row in groups},
        "environments": {f"{size} {where} {release}":
                         _points(site, base, size, now, {"environment": where, "release": release})
                         for size in SPANS for where in environments for release in names},
        "groups": {row["id"]: row for row in groups},
        "releases": {row["release"]: row for row in releases},
        "timings": site.get(f"{base}/timings?{urlencode({**month, 'limit': '200'})}")["timings"],
        "ledger": site.get(f"/api/v1/ledger?{urlencode({**hours, 'project': str(site.project['id'])})}")["minutes"],
        "events": {hit["event_id"]: hit for hit in hits},
        "reports": {hit["event_id"]: site.read(f"/api/v1/events/{hit['event_id']}/raw").decode() for hit in hits},
        "details": {hit["event_id"]: site.get(f"/api/v1/events/{hit['event_id']}") for hit in hits},
        "dead_letters": sorted(site.command("dead-letters", "list").splitlines()[1:]),
        "titles": _titles(site, [row["id"] for row in groups], [hit["event_id"] for hit in hits]),
    }  # fmt: skip


def _points(site: Site, base: str, size: str, now: float, of: dict[str, str]) -> list[dict[str, Any]]:
    """Return the windows of a cell that hold a figure."""
    query = {"window": size, "from": _iso(now - SPANS[size]), "to": _iso(now + 3600)}
    query |= {name: value for name, value in of.items() if value}
    points: list[dict[str, Any]] = site.get(f"{base}/rates?{urlencode(query)}")["points"]
    return [point for point in points if any(value for name, value in point.items() if name != "start")]


def _pages(site: Site, path: str, name: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        reply = site.get(f"{path}?{urlencode({**query, 'cursor': cursor})}")
        yield from reply[name]
        cursor = reply["next"]
        if not cursor:
            return


def _titles(site: Site, groups: list[str], events: list[str]) -> dict[str, str]:
    """Return the title of each page; each must be answered with 200."""
    browser = site.browser()
    project = f"/projects/{site.project['id']}"
    paths = ["/", "/pipeline", "/settings", *(project + page for page in ("", "/search", "/releases", "/performance"))]
    paths += [f"/groups/{group}" for group in groups] + [f"/events/{event}" for event in events]
    titles = {}
    for path in paths:
        with browser.open(site.url + path, timeout=30) as answer:
            assert answer.status == 200, path
            title = TITLE.search(answer.read())
        assert title is not None, path
        titles[path] = " ".join(title[1].decode().split())
    return titles


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
