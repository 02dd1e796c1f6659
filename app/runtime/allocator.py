"""Bounds what glibc's allocator keeps of freed memory, so that a process is about as large as what it holds.

By default glibc gives each thread a heap of its own, and learns from one large block that was freed (a merged archive
object, a fetch of 4 MiB) to keep blocks of up to 32 MiB, and 64 MiB at the end of a heap. Other C libraries have no
such calls; nothing is done there. An option that an operator sets by glibc's own variables is left as it is.
"""

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from app.tasks import beside

TRIM_SECONDS: Final = 60.0
"""A trim walks all heaps: some milliseconds of a thread beside the event loop."""


class _Option(NamedTuple):
    number: int
    """As ``malloc.h`` defines it."""
    value: int
    variable: str


OPTIONS: Final = (
    _Option(-8, 2, "MALLOC_ARENA_MAX"),  # one heap beside the event loop's is enough for threads that share Python
    _Option(-3, 1 << 20, "MALLOC_MMAP_THRESHOLD_"),
    _Option(-1, 1 << 20, "MALLOC_TRIM_THRESHOLD_"),
)


def settle() -> bool:
    """Set the options of glibc's allocator, best before the process works; return whether it is glibc's."""
    library = _library()
    if library is None:
        return False
    for option in OPTIONS:
        if option.variable not in os.environ and "glibc.malloc" not in os.environ.get("GLIBC_TUNABLES", ""):
            library.mallopt(option.number, option.value)
    return True


def trim() -> None:
    """Return free pages in the middle of heaps to the operating system; blocks in use do not move."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """Set the options, and trim once a minute while the block runs."""
    if not settle():
        yield
        return
    async with beside(_keep_trimming()):
        yield


async def _keep_trimming() -> None:
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(trim)


def _library() -> Any:  # noqa: ANN401  functions of a C library
    try:
        library = ctypes.CDLL(None)
        library.mallopt, library.malloc_trim  # noqa: B018  looked up here: AttributeError where the library has none
    except (OSError, AttributeError):
        return None
    return library
