"""What glibc's allocator keeps of freed memory is bounded: a process is about as large as what it holds.

Left alone it gives each thread a heap of its own, and learns from one large block that was freed (a merged archive
object, a fetch of 4 MiB) to keep blocks of up to 32 MiB, and 64 MiB at the end of a heap. Other libraries than glibc
have no such calls; nothing is done there. What an operator sets by glibc's own variables is left as it is.
"""

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from app.tasks import beside

GIVE_BACK_SECONDS: Final = 60.0
"""One look through all heaps takes some milliseconds of a thread beside the event loop."""


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
    """Set glibc's allocator, best before the process works; tells whether it is glibc's."""
    library = _library()
    if library is None:
        return False
    for option in OPTIONS:
        if option.variable not in os.environ and "glibc.malloc" not in os.environ.get("GLIBC_TUNABLES", ""):
            library.mallopt(option.number, option.value)
    return True


def give_back() -> None:
    """Give free pages in the midst of heaps back to the operating system; what is in use stays where it is."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """Settle, and give back time and again while the block runs."""
    if not settle():
        yield
        return
    async with beside(_keep_giving_back()):
        yield


async def _keep_giving_back() -> None:
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        await asyncio.to_thread(give_back)


def _library() -> Any:  # noqa: ANN401  functions of a C library
    try:
        library = ctypes.CDLL(None)
        library.mallopt, library.malloc_trim  # noqa: B018  looked up here, so that what is missing is known
    except (OSError, AttributeError):
        return None
    return library
