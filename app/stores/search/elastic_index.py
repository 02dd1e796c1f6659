"""Writes documents into the daily indices of Elasticsearch and deletes old days."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import structlog
from elasticsearch import AsyncElasticsearch, BadRequestError, NotFoundError
from elasticsearch.helpers import async_streaming_bulk

from app.stores.errors import SearchUnavailable, StoreUnavailable
from app.stores.search.contract import Document
from app.stores.search.elastic_client import translated
from app.stores.search.elastic_documents import LEAST, WHOLE, IndexedDocument, indexed
from app.stores.search.elastic_schema import MAPPING, PRIORITY, VERSION, day_of_index, index_of, template

BULK: Final = 500
"""Documents of one request at most."""

BULK_BYTES: Final = 4 << 20
"""Bytes of one request; Elasticsearch refuses requests above 100 MB (``http.max_content_length``)."""

RETRIES: Final = 4
FIRST_BACKOFF: Final = 0.2
"""Seconds, doubled each time: documents that are refused with 429 or 503 are sent again for 3 s in all. After that the
batch is retried as a whole."""

SHARD_SECONDS: Final = "1s"
"""How long Elasticsearch waits for a missing shard before it answers: less than our own request's time."""

CONFLICT: Final = 409
BAD: Final = 400
CONTENT: Final = frozenset({"document_parsing_exception", "mapper_parsing_exception", "illegal_argument_exception"})
"""Errors of status 400 whose cause is the document; others are the cluster's (too many shards, say)."""

_log: Final = structlog.get_logger(__name__)

DocumentKey = tuple[str, str]
"""Index and ``_id``."""


class IndexWriter:
    """Writes into ``<name>-YYYYMMDD`` by received day; idempotent: of an event and day the greatest offset stays.

    One index a day, so that retention deletes whole indices and a search skips those outside of its range.
    """

    def __init__(self, client: AsyncElasticsearch, name: str, shards: int) -> None:
        self._client = client
        self._name = name
        self._shards = shards
        self._days: set[date] = set()

    async def write(self, documents: Sequence[Document]) -> None:
        """Write documents, durable on return. Raises StoreUnavailable."""
        with translated():
            for start in range(0, len(documents), BULK):
                chunk = documents[start : start + BULK]
                try:
                    await self._write(chunk, WHOLE)
                except DayGone:  # another process deleted it since this one created it: create it again
                    self._days.clear()
                    await self._write(chunk, WHOLE)

    async def retain(self, days: int) -> list[date]:
        """Delete the indices of days over ``days`` days ago and return the days."""
        first = datetime.now(UTC).date() - timedelta(days=days)
        with translated():
            pattern = f"{self._name}-*"
            indices = await self._client.indices.get(index=pattern, features="aliases", expand_wildcards="all")
            days_of = [(day_of_index(self._name, name), name) for name in indices]
            old = sorted((day, name) for day, name in days_of if day is not None and day < first)
            for _, name in old:
                await self._client.indices.delete(index=name, ignore_unavailable=True)
        dropped = [day for day, _ in old]
        self._days -= set(dropped)
        if dropped:
            _log.info("search_days_dropped", days=[str(day) for day in dropped])
        return dropped

    async def _write(self, documents: Sequence[Document], extent: int) -> None:
        """Write one request's documents; write those that are refused for their content again, with less of it."""
        rows = await asyncio.to_thread(_newest, documents, extent)
        await self._prepare({row.day for row, _ in rows})
        refused = await self._send([row for row, _ in rows])
        if not refused:
            return
        if extent == LEAST:
            reason = next(iter(refused.values()))
            raise SearchUnavailable(f"search: Elasticsearch refuses {len(refused)} documents ({reason})")
        for (index, document_id), error in refused.items():
            _log.error("search_document_refused", index=index, id=document_id, error=error, extent=extent)
        again = [document for row, document in rows if (index_of(self._name, row.day), row.id) in refused]
        await self._write(again, extent + 1)

    async def _prepare(self, days: set[date]) -> None:
        """Create the indices of days that this process has not seen, after the template.

        Without a template Elasticsearch would guess the type of every field.
        """
        missing = days - self._days
        if not missing:
            return
        await self._put_template()
        for day in sorted(missing):
            name = index_of(self._name, day)
            try:
                await self._client.indices.create(index=name, timeout=SHARD_SECONDS)
            except BadRequestError as error:
                if error.error != "resource_already_exists_exception":
                    raise SearchUnavailable(f"search: the index of {day} cannot be created: {error.error}") from error
                await self._extend(name)
            self._days.add(day)

    async def _extend(self, index: str) -> None:
        """Add to an index that an older Faultline made the fields that it lacks; the others stay as they are."""
        mappings = await self._client.indices.get_mapping(index=index)
        existing = mappings[index]["mappings"].get("properties", {})
        if missing := {name: kind for name, kind in MAPPING["properties"].items() if name not in existing}:
            await self._client.indices.put_mapping(index=index, properties=missing)
            _log.info("search_day_extended", index=index, fields=sorted(missing))

    async def _put_template(self) -> None:
        """Write this version's template, unless a newer Faultline has written its own."""
        try:
            templates = await self._client.indices.get_index_template(name=self._name)
            version = max(entry["index_template"].get("version", 0) for entry in templates["index_templates"])
        except NotFoundError:
            version = 0
        if version <= VERSION:
            await self._client.indices.put_index_template(
                name=self._name,
                index_patterns=[f"{self._name}-*"],
                template=template(self._name, self._shards),
                priority=PRIORITY,
                version=VERSION,
            )

    async def _send(self, rows: Sequence[IndexedDocument]) -> dict[DocumentKey, str]:
        """Send documents; return those whose content is refused, with the error. Raises StoreUnavailable."""
        answered, refused = 0, dict[DocumentKey, str]()
        results = async_streaming_bulk(
            self._client,
            self._actions(rows),
            chunk_size=BULK,
            max_chunk_bytes=BULK_BYTES,
            raise_on_error=False,
            max_retries=RETRIES,
            initial_backoff=FIRST_BACKOFF,
            retry_on_status=(429, 503),
            timeout=SHARD_SECONDS,
        )
        async with aclosing(results) as items:  # type: ignore[type-var]  # an async generator, typed as an iterable
            async for _, item in items:
                answered += 1
                result = item["index"]
                if error := _refusal(result):
                    refused[result["_index"], result["_id"]] = error
        if answered < len(rows):
            raise SearchUnavailable(f"search: Elasticsearch answered for {answered} of {len(rows)} documents")
        return refused

    def _actions(self, rows: Sequence[IndexedDocument]) -> Iterator[dict[str, Any]]:
        for row in rows:
            yield {
                "_index": index_of(self._name, row.day),
                "_id": row.id,
                "version": row.version,
                "version_type": "external",
                "_source": row.body,
            }


class DayGone(StoreUnavailable):
    """The index of a day does not exist (any more)."""


def _newest(documents: Sequence[Document], extent: int) -> list[tuple[IndexedDocument, Document]]:
    """Return the documents to write: of each event and day the one with the greatest version."""
    rows: dict[tuple[date, str], tuple[IndexedDocument, Document]] = {}
    for document in documents:
        row = indexed(document, extent)
        known = rows.get((row.day, row.id))
        if known is None or known[0].version < row.version:
            rows[row.day, row.id] = row, document
    return list(rows.values())


def _refusal(result: Mapping[str, Any]) -> str:
    """Return why a document's content was refused, "" where it is written. Raises StoreUnavailable otherwise."""
    status = result["status"]
    if status < BAD or status == CONFLICT:  # a conflict: the stored version is the same or greater
        return ""
    kind = result["error"]["type"]
    if status == BAD and kind in CONTENT:
        return str(kind)
    if kind == "index_not_found_exception":
        raise DayGone(f"search: index {result['_index']} does not exist")
    raise SearchUnavailable(f"search: Elasticsearch refuses a document with status {status} ({kind})")
