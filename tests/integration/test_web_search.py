"""The search page: histogram, highlighted words, completion."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site, running_site


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(database, tmp_path) as running:
        for event in (crash(user="ann"), crash(user="<b>"), other()):
            await running.send(event)
        await running.pipeline.step()
        yield running


async def shown(site: Site, **query: Any) -> str:  # noqa: ANN401  any query
    path = f"{site.url}/projects/{site.project.id}/search"
    async with site.http.get(path, params=query, headers=site.bearer) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_bars_of_the_histogram_open_their_part_of_the_range(site: Site) -> None:
    text = await shown(site, q="price", range="24h")
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1"><title[^>]*>(\d+) from', text)
    assert sum(int(number) for _, number in bars) == 2
    async with site.http.get(site.url + html.unescape(bars[-1][0]), headers=site.bearer) as answer:
        assert f'<b><data value="{bars[-1][1]}"' in await answer.text()
    assert "bytime" not in await shown(site, q="nothingofthekind")


async def test_the_words_of_the_query_are_marked(site: Site) -> None:
    text = await shown(site, q="stock", range="1h")
    assert "<b><mark>Stock</mark>Error</b>: no <mark>stock</mark>" in text
    assert "<mark>" not in await shown(site, q="type:StockError", range="1h")


async def test_the_range_stays_in_the_address(site: Site) -> None:
    text = await shown(site, q="stock", range="6h")
    assert '<input type="hidden" name="range" value="6h">' in text
    ends = {"from": "2020-01-01T00:00:00Z", "to": "2035-01-01T00:00:00Z"}
    text = await shown(site, q="stock", **ends)
    assert all(f'<input type="hidden" name="{name}" value="{value}">' in text for name, value in ends.items())
    assert "StockError" in text.replace("<mark>", "").replace("</mark>", "")


async def test_values_complete_the_fields(site: Site) -> None:
    values = await site.get(f"/projects/{site.project.id}/values.json", range="1h")
    assert {'release:"shop@1.0.0"', 'environment:"production"', 'user:"ann"', 'user:"<b>"'} <= set(values)
    for value in values:
        assert (await site.get(f"{site.api}/search", q=value))["total"] >= 1, value
