"""Reads archive objects from where they are kept: an index, or some of the blocks."""

from collections.abc import Sequence
from typing import Final

import zstandard

from app.files.names import parse_name
from app.files.pack import FOOTER, Index, Row, TornObject, checked, index_length, read_index
from app.records import Stored, decode_stored
from app.stores.objects.contract import ObjectStore

END_BYTES: Final = 64 << 10
"""Read from an object's end at first: the footer, and most indexes, by one ranged read."""

MAX_BLOCK: Final = 256 << 20
"""Bytes that a block may unpack to: above any batch, below what would harm."""


async def load_index(blobs: ObjectStore, name: str) -> tuple[Index, int]:
    """Read an object's index and its size in bytes. Raises FileNotFoundError, TornObject."""
    size = await blobs.size(name)
    end = await blobs.get(name, max(0, size - END_BYTES), END_BYTES)
    needed = index_length(end[-FOOTER.size :]) + FOOTER.size
    if needed > len(end) and needed <= size:
        end = await blobs.get(name, size - needed, needed)
    index = read_index(end)
    if index.data_bytes + needed != size or parse_name(name) != (index.source, index.span):
        raise TornObject(f"{name} is not the object that its index describes")
    return index, size


async def load_blocks(blobs: ObjectStore, name: str, rows: Sequence[Row]) -> list[list[Stored]]:
    """Read blocks that lie side by side, by one ranged read; of each the reports that count.

    Raises FileNotFoundError, TornObject.
    """
    start = rows[0].start
    data = memoryview(await blobs.get(name, start, rows[-1].start + rows[-1].length - start))
    return [unpack(row, data[row.start - start : row.start - start + row.length]) for row in rows]


def unpack(row: Row, data: bytes | memoryview) -> list[Stored]:
    """Give the reports of one block that count. Raises TornObject."""
    checked(row, data)
    try:
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BLOCK)
    except zstandard.ZstdError as error:
        raise TornObject(f"the block of {row.first}..{row.last} cannot be unpacked") from error
    return [report for report in decode_stored(plain) if row.first <= report.offset <= row.last]
