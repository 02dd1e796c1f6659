"""Reads archive objects from the object store: an index, or some of the blocks."""

from collections.abc import Sequence
from typing import Final

import zstandard

from app.files.names import parse_name
from app.files.pack import FOOTER, BlockEntry, Index, TornObject, index_length, read_index, verified_checksum
from app.records import Stored, decode_stored
from app.stores.objects.contract import ObjectStore

END_BYTES: Final = 64 << 10
"""Bytes read from an object's end at first: the footer, and an index of 2,000 blocks at some 30 bytes each."""

MAX_BLOCK: Final = 256 << 20
"""Bytes that a block may unpack to: far above any batch, so that a damaged block cannot exhaust the memory."""


async def load_index(blobs: ObjectStore, name: str) -> tuple[Index, int]:
    """Return an object's index and its size in bytes. Raises FileNotFoundError, TornObject."""
    size = await blobs.size(name)
    end = await blobs.get(name, max(0, size - END_BYTES), END_BYTES)
    needed = index_length(end[-FOOTER.size :]) + FOOTER.size
    if needed > len(end) and needed <= size:
        end = await blobs.get(name, size - needed, needed)
    index = read_index(end)
    if index.data_bytes + needed != size or parse_name(name) != (index.source, index.span):
        raise TornObject(
            f"{name}: {size} bytes; its index describes {index.source}, {index.span}, {index.data_bytes + needed} bytes"
        )
    return index, size


async def load_blocks(blobs: ObjectStore, name: str, blocks: Sequence[BlockEntry]) -> list[list[Stored]]:
    """Return the reports of adjacent blocks, by one ranged read. Raises FileNotFoundError, TornObject."""
    start = blocks[0].start
    data = memoryview(await blobs.get(name, start, blocks[-1].start + blocks[-1].length - start))
    return [unpack(block, data[block.start - start : block.start - start + block.length]) for block in blocks]


def unpack(block: BlockEntry, data: bytes | memoryview) -> list[Stored]:
    """Return the reports of one block, without those that an earlier block has. Raises TornObject."""
    verified_checksum(block, data)
    try:
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BLOCK)
    except zstandard.ZstdError as error:
        raise TornObject(f"block {block.first}..{block.last} cannot be decompressed: {error}") from error
    return [report for report in decode_stored(plain) if block.first <= report.offset <= block.last]
