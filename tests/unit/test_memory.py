"""Freed memory returns to the operating system, also from between blocks that are in use."""

import subprocess
import sys

import pytest

from app.runtime import allocator

FREED = """
import os
from app.runtime import allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if not allocator.settle():
    raise SystemExit("the allocator is not glibc's")
kept = [bytes(4000) for _ in range(20_000)]
kept = kept[::100]
before = resident()
allocator.trim()
print(before - resident())
"""


def test_free_pages_between_used_blocks_are_returned() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], check=False, capture_output=True, text=True)
    if "not glibc" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert int(done.stdout) > 40 << 20, done.stderr


async def test_trimming_ends_with_its_block() -> None:
    async with allocator.bounded():
        allocator.trim()
