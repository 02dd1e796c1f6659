"""A process that archives until it is killed: ``python -m tests.agents.archive_child DATABASE FILES FIRST``.

It prints the last offset of each batch after the batch was acknowledged.
"""

import asyncio
import os
import random
import sys

import asyncpg

from app.files.archiver import Archiver
from app.files.catalogue import Catalogue
from app.stores.objects.open import open_objects
from app.topics import Source
from tests.agents.archive_parts import processed


async def main(url: str, files: str, first: int) -> None:
    async def log_start(_: Source) -> int:
        return 0

    cuts = random.Random(first)
    async with open_objects(files) as blobs, asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        archiver = Archiver(blobs, Catalogue(pool), log_start, 6000)
        while True:
            last = first + cuts.randint(0, 4)
            await archiver.store([processed(first, last)])
            os.write(1, b"%d\n" % last)
            first = last + 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
