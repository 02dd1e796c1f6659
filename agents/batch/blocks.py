"""The ``processed`` record of one batch: the summary of each event, and the scrubbed reports in blocks."""

from collections.abc import Iterator, Sequence
from typing import Final

import zstandard

from app.model import Event, Grouped
from app.normalise import search_fields, words
from app.records import PROCESSED_SCHEMA, Block, EventSummary, Processed, Stored, encode_stored
from app.topics import Source

BLOCK_BYTES: Final = 64 << 10
"""Bytes of a compressed block at most, except of a single larger report: one ranged GET reads one report."""

RAW_BYTES: Final = 256 << 10
"""Bytes of reports that are tried as one block: JSON packs to less than a quarter, and reading one unpacks all."""

LEVEL: Final = 3

_compressor = zstandard.ZstdCompressor(level=LEVEL)


def summary_of(event: Event, grouped: Grouped, offset: int) -> EventSummary:
    """Return the searchable fields of an event; its offset is in the source partition."""
    texts = words(event, grouped.title)
    return EventSummary(
        offset=offset,
        event_id=event.event_id,
        project=event.project,
        received=event.received,
        time=event.time,
        group=grouped.group,
        title=grouped.title,
        culprit=grouped.culprit,
        level=event.level,
        platform=event.platform,
        release=event.release,
        environment=event.environment,
        user=event.user.identity,
        unhandled=event.unhandled,
        server=event.server,
        url=event.url,
        sdk=f"{event.sdk_name} {event.sdk_version}".strip(),
        tags=event.tags,
        text=texts.text,
        cause=grouped.cause,
        messages=texts.messages,
        functions=texts.functions,
        files=texts.files,
        fields=search_fields(event),
    )


def processed_of(
    source: Source, first: int, last: int, received: int, summaries: list[EventSummary], stored: Sequence[Stored]
) -> Processed:
    """Return the record of the span ``first..last``; reports and summaries are in the order of their offsets."""
    return Processed(
        schema=PROCESSED_SCHEMA,
        topic=source.topic,
        partition=source.partition,
        first=first,
        last=last,
        received=received,
        summaries=summaries,
        blocks=list(blocks(stored)),
    )


def blocks(stored: Sequence[Stored]) -> Iterator[Block]:
    """Yield reports in compressed blocks; a report is never split."""
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
