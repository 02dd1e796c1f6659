"""The ``processed`` record of one batch: what was found out of each event, and the scrubbed reports in blocks."""

from collections.abc import Iterator, Sequence
from typing import Final

import zstandard

from app.model import Event, Grouped
from app.normalise import words
from app.records import SCHEMA, Block, EventSummary, Processed, Stored, encode_stored
from app.topics import Source

BLOCK_BYTES: Final = 64 << 10
"""Of a compressed block at most, but where one report alone is more: one ranged GET reads one report (DESIGN.md 5)."""

RAW_BYTES: Final = 256 << 10
"""Reports that are tried as one block: JSON of reports packs to less than a quarter, and reading one unpacks all."""

LEVEL: Final = 3

_compressor = zstandard.ZstdCompressor(level=LEVEL)


def summary_of(event: Event, grouped: Grouped, offset: int) -> EventSummary:
    """Return what search needs of an event."""
    return EventSummary(
        offset,
        event.event_id,
        event.project,
        event.received,
        event.time,
        grouped.group,
        grouped.title,
        grouped.culprit,
        event.level,
        event.platform,
        event.release,
        event.environment,
        event.user.identity,
        event.unhandled,
        event.server,
        event.url,
        f"{event.sdk_name} {event.sdk_version}".strip(),
        event.tags,
        words(event),
    )


def processed_of(
    source: Source, a: int, b: int, received: int, found: list[EventSummary], stored: Sequence[Stored]
) -> Processed:
    """Return the record of the span ``a..b``; reports and findings in the order of their offsets."""
    return Processed(SCHEMA, source.topic, source.partition, a, b, received, found, list(blocks(stored)))


def blocks(stored: Sequence[Stored]) -> Iterator[Block]:
    """Compress reports into blocks; a report is never split."""
    start, size = 0, 0
    for index, report in enumerate(stored):
        if size and size + len(report.payload) > RAW_BYTES:
            yield from _packed(stored[start:index])
            start, size = index, 0
        size += len(report.payload)
    if start < len(stored):
        yield from _packed(stored[start:])


def _packed(reports: Sequence[Stored]) -> Iterator[Block]:
    data = _compressor.compress(encode_stored(reports))
    if len(data) <= BLOCK_BYTES or len(reports) == 1:
        yield Block(reports[0].offset, reports[-1].offset, len(reports), data)
        return
    middle = len(reports) // 2
    yield from _packed(reports[:middle])
    yield from _packed(reports[middle:])
