"""Data folders of earlier versions: this version starts on each, consumes the rest, and says what was said then.

``tests/support/make_fixture.py`` makes them.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.data_folder import ARCHIVE, EXPECTED, KEPT, unpack
from tests.support.installation import Installation
from tests.support.observed import observe, wait_consumed
from tests.support.truth_run import complete

FOLDERS = sorted(Path(__file__).parents[1].glob("fixtures/data-*"))
NUMBERS = (
    "rates", "rates_by_group", "groups", "releases", "timings", "ledger", "events", "details", "dead_letters",
    "environments",
)  # fmt: skip


@pytest.fixture(scope="module", params=FOLDERS, ids=[folder.name for folder in FOLDERS])
def read(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Start on a folder that was moved here and wait until all is consumed; yield what is said, and what must be."""
    data = tmp_path_factory.mktemp("moved") / "data"
    unpack(request.param / ARCHIVE, data)
    expected = json.loads((request.param / EXPECTED).read_text())
    with Installation(data, KEPT) as site:
        asyncio.run(complete(site, time.time()))
        wait_consumed(site)
        yield observe(site, expected["now"]), expected


def missing(expected: object, said: object, at: str = "") -> Iterator[str]:
    """Yield where something expected is not said; a later version may say more of each thing, but list no other."""
    if isinstance(expected, dict) and isinstance(said, dict):
        for name, value in expected.items():
            yield from missing(value, said.get(name), f"{at}.{name}")
    elif isinstance(expected, list) and isinstance(said, list) and len(expected) == len(said):
        for number, (value, other) in enumerate(zip(expected, said, strict=True)):
            yield from missing(value, other, f"{at}[{number}]")
    elif expected != said:
        yield f"{at}: expected {expected!r}, received {said!r}"


@pytest.mark.parametrize("what", ["reports", "titles"])
def test_each_report_has_its_bytes_and_each_page_its_title(
    read: tuple[dict[str, Any], dict[str, Any]], what: str
) -> None:
    said, expected = read
    assert len(expected[what]) > 100
    assert said[what] == expected[what]


@pytest.mark.parametrize("what", NUMBERS)
def test_each_number_is_what_it_was(read: tuple[dict[str, Any], dict[str, Any]], what: str) -> None:
    said, expected = read
    if what not in expected:
        pytest.skip(f"the version that made this folder had no {what}")
    assert expected[what]
    assert len(said[what]) == len(expected[what])
    assert list(missing(expected[what], said[what])) == []


def test_a_part_was_left_for_this_version_to_consume(read: tuple[dict[str, Any], dict[str, Any]]) -> None:
    _, expected = read
    assert all(expected["left"][role] > 10 for role in ("crashes", "sessions", "timings"))
