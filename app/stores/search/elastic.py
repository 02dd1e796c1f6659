"""Search in Elasticsearch: daily indices behind an alias, written in bulk, read by the language of search_query.

What is written can be found within a second (the indices' refresh). All methods raise StoreUnavailable.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from typing import Any, Final

from elasticsearch import ApiError, AsyncElasticsearch

from app.stores.errors import StoreUnavailable
from app.stores.search.contract import Document, Hits
from app.stores.search.cursor import cursor_after, read_cursor
from app.stores.search.elastic_client import connected, read, server_of
from app.stores.search.elastic_documents import document_of
from app.stores.search.elastic_index import Writer
from app.stores.search.elastic_query import Query, matching, within
from app.stores.search.elastic_schema import SORT
from app.stores.search.query import parse
from app.stores.search.text import value

MAX_LIMIT: Final = 1000
TOTAL_CAP: Final = 1_000_000
"""Totals are exact up to this and stop there, as on PostgreSQL."""

FACET_EVENTS: Final = 10_000
"""Facets count the newest events of a group, this many (at most ``index.max_result_window``)."""

FACET_KEYS: Final = 60
FACET_VALUES: Final = 10
FACET_SHARD_VALUES: Final = 1000
"""Values that each shard tells of: counts are exact where a day has no more of them."""

MAX_PROJECTS: Final = 1000
SECONDS: Final = "8s"
"""A search that takes longer is given up, so that it does not go on for nobody."""


class Search:
    """``app.stores.search.contract.Search`` over a server of Elasticsearch 9."""

    def __init__(self, client: AsyncElasticsearch, name: str, shards: int = 1) -> None:
        """Take a client, the name of the alias, and how many shards a day's index gets."""
        self._client = client
        self._name = name
        self._writer = Writer(client, name, shards)

    async def index(self, documents: Sequence[Document]) -> None:
        """Make documents findable, durable on return; of one event and day the greatest offset stays."""
        await self._writer.write(documents)

    async def retain(self, days: int) -> list[date]:
        """Delete the days received over ``days`` days ago, and give them; safe from several processes."""
        return await self._writer.retain(days)

    async def search(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        *,
        groups: Sequence[str] = (),
        limit: int = 50,
        cursor: str = "",
    ) -> Hits:
        """Find events with start <= time < end (ms), newest first.

        Raises ValueError, with a text for people, for a query over a limit or a cursor that is none.
        """
        limit = min(max(limit, 1), MAX_LIMIT)
        body: dict[str, Any] = {"query": matching(within(project, start, end, groups), parse(query))}
        if cursor:
            last = read_cursor(cursor)
            body["search_after"] = [last.time, last.topic, last.partition, last.offset]
        found = (await self._ask(**body, sort=SORT, size=limit + 1, track_total_hits=TOTAL_CAP, source=["found"]))[
            "hits"
        ]
        documents = [document_of(hit) for hit in found["hits"][:limit]]
        more = len(found["hits"]) > limit
        return Hits(documents, min(found["total"]["value"], TOTAL_CAP), cursor_after(documents[-1]) if more else None)

    async def by_time(
        self, project: int, query: str, start: int, end: int, step: int, *, groups: Sequence[str] = ()
    ) -> dict[int, int]:
        """Count what ``search`` finds by steps of ``step`` ms."""
        wanted = {"steps": {"histogram": {"field": "time", "interval": step, "min_doc_count": 1}}}
        counted = await self._counted(matching(within(project, start, end, groups), parse(query)), wanted)
        return {int(at): events for at, events in counted.get("steps", [])}

    async def event(self, event_id: str, project: int | None = None) -> list[Document]:
        """Give the events of this id, one a project, the newest where it came again after a day."""
        filters: list[Query] = [{"term": {"event": value(event_id.strip().replace("-", ""))}}]
        if project is not None:
            filters.append({"term": {"project": project}})
        found = await self._ask(
            query=matching(filters),
            collapse={"field": "project"},
            sort=[{"received": "desc"}, *SORT],
            size=MAX_PROJECTS,
            source=["found"],
        )
        hits = [document_of({**hit, "sort": hit["sort"][1:]}) for hit in found["hits"]["hits"]]
        return sorted(hits, key=lambda hit: hit.summary.project)

    async def facets(
        self, project: int, groups: Sequence[str], start: int, end: int
    ) -> dict[str, list[tuple[str, int]]]:
        """Give the 10 most frequent values of each tag, release, environment and user of some groups' events.

        Counts the newest 10,000 events; keys that most events have come first.
        """
        filters = within(project, start, end, groups)
        oldest = await self._ask(
            query=matching(filters), sort=SORT, from_=FACET_EVENTS - 1, size=1, track_total_hits=False, source=False
        )
        for hit in oldest["hits"]["hits"]:
            filters.append({"range": {"time": {"gte": hit["sort"][0]}}})
        keys = await self._counted(matching(filters), {"keys": _values_of("facet_keys", FACET_KEYS)})
        names = [name for name, _ in keys.get("keys", [])]
        if not names:
            return {}
        wanted = {str(at): _values_of(f"facets.{name}", FACET_VALUES) for at, name in enumerate(names)}
        counted = await self._counted(matching(filters), wanted)
        return {name: counted[str(at)] for at, name in enumerate(names) if counted.get(str(at))}

    async def _counted(self, query: Query, wanted: dict[str, Any]) -> dict[str, list[tuple[Any, int]]]:
        """Count values, or steps of one; no index, no counts."""
        found = await self._ask(query=query, aggs=wanted, size=0, track_total_hits=False)
        buckets = {name: counts["buckets"] for name, counts in found.get("aggregations", {}).items()}
        return {name: [(each["key"], each["doc_count"]) for each in every] for name, every in buckets.items()}

    async def _ask(self, **body: Any) -> Mapping[str, Any]:  # noqa: ANN401  the client's own arguments
        """Search all days: whole answers only; where there is no index yet there are no events."""

        async def ask() -> Mapping[str, Any]:
            with _limits_told():
                answer = await self._client.search(
                    index=self._name,
                    ignore_unavailable=True,
                    allow_partial_search_results=False,
                    timeout=SECONDS,
                    **body,
                )
            found: Mapping[str, Any] = answer.body
            return found

        found = await read(ask)
        if found["timed_out"]:
            raise StoreUnavailable(f"search: Elasticsearch gave up after {SECONDS}")
        return found


def _values_of(field: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size, "shard_size": FACET_SHARD_VALUES}}


@contextmanager
def _limits_told() -> Iterator[None]:
    """Raise ValueError, with a text for people, where a phrase's last word is the beginning of thousands."""
    try:
        yield
    except ApiError as error:
        if "too many terms" not in str(error.body):
            raise
        raise ValueError("Too many words begin like the last one of the phrase: give more of its letters.") from error


@asynccontextmanager
async def opened(setting: str) -> AsyncIterator[Search]:
    """Open search on the server that the setting names. Raises SettingsError."""
    server = server_of(setting)
    async with connected(server) as client:
        yield Search(client, server.options.index, server.options.shards)
