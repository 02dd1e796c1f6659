"""The archive's writer killed with -9 at moments it does not choose: what it acknowledged is there, exactly once."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import asyncpg
import pytest

from app.files.archiver import Archiver
from app.files.catalogue import Catalogue
from app.files.names import OffsetSpan
from app.files.read import ObjectArchive
from app.stores.objects.open import open_objects
from app.topics import Source
from tests.agents.archive_parts import flatten, processed, reports

ROUNDS = 6


async def killed_after(child: Process, lines: int, more: float) -> int:
    """Kill the child and return the last offset that it acknowledged."""
    assert child.stdout is not None
    for _ in range(lines):
        last = await child.stdout.readline()
        assert last
    await asyncio.sleep(more)
    child.kill()
    rest, _ = await child.communicate()
    return int((last + rest).split()[-1])


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("s3_url")) if request.param == "s3" else f"file://{tmp_path}"


async def test_killed_at_any_moment(database: str, files: str) -> None:
    moments = random.Random(9)
    acknowledged = -1
    for _ in range(ROUNDS):
        first = max(0, acknowledged + 1 - moments.randint(0, 9))  # what was not committed comes again, cut differently
        arguments = ("-m", "tests.agents.archive_child", database, files, str(first))
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
        acknowledged = await killed_after(child, moments.randint(1, 60), moments.random() / 50)
    async with open_objects(files) as blobs, asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        reader = ObjectArchive(blobs, pool, 1 << 20)
        assert await flatten(reader.stream("1.crashes", 0, 0, acknowledged)) == reports(0, acknowledged)

        async def log_start(_: Source) -> int:
            return 0

        await Archiver(blobs, Catalogue(pool), log_start, 6000).store([processed(acknowledged, acknowledged + 50)])
        assert await flatten(reader.stream("1.crashes", 0, 0, 10**6)) == reports(0, acknowledged + 50)
        assert await reader.gaps("1.crashes", 0, 0, acknowledged + 60) == [
            OffsetSpan(acknowledged + 51, acknowledged + 60)
        ]
        rows = await pool.fetch("select name from objects order by name")
        assert [row["name"] for row in rows] == [name async for name in blobs.list("")]
