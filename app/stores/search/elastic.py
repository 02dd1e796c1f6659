"""Search in Elasticsearch: daily indices behind an alias, written in bulk.

Documents are found within a second after they were written: the refresh interval of the indices.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from typing import Any, Final

from elasticsearch import ApiError, AsyncElasticsearch

from app.stores.errors import SearchUnavailable
from app.stores.search.contract import Document, Hits, MatchingGroups
from app.stores.search.cursor import cursor_after, read_cursor
from app.stores.search.elastic_client import connected, read, server_of
from app.stores.search.elastic_documents import document_of
from app.stores.search.elastic_index import IndexWriter
from app.stores.search.elastic_query import Query, matching, within
from app.stores.search.elastic_schema import SORT
from app.stores.search.query import parse
from app.stores.search.states import NO_STATES, States
from app.stores.search.text import value

MAX_LIMIT: Final = 1000
TOTAL_CAP: Final = 1_000_000
"""Totals are exact up to this and stop there, as on PostgreSQL."""

MAX_GROUPS: Final = 10_000
FACET_EVENTS: Final = 10_000
"""Facets count this many events of a group, the newest; at most ``index.max_result_window``, which is 10,000."""

FACET_KEYS: Final = 60
FACET_VALUES: Final = 10
FACET_SHARD_VALUES: Final = 1000
"""Values that each shard returns: counts are exact where no day has more."""

MAX_PROJECTS: Final = 1000
"""Projects whose event of one id is returned at most."""

SECONDS: Final = "8s"
"""Elasticsearch gives up a search that takes longer, before our own request times out (``REQUEST_SECONDS``)."""


class ElasticSearch:
    """``app.stores.search.contract.Search`` over a server of Elasticsearch 9.

    ``name`` is the alias and the template, and begins the indices' names; a new day's index has ``shards`` shards.
    """

    def __init__(self, client: AsyncElasticsearch, name: str, shards: int = 1) -> None:
        self._client = client
        self._name = name
        self._writer = IndexWriter(client, name, shards)

    async def index(self, documents: Sequence[Document]) -> None:
        """Write documents, durable on return; of one event and day the greatest offset stays."""
        await self._writer.write(documents)

    async def retain(self, days: int) -> list[date]:
        """Delete the days received over ``days`` days ago and return them; safe from several processes."""
        return await self._writer.retain(days)

    async def search(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        *,
        groups: Sequence[str] = (),
        states: States = NO_STATES,
        limit: int = 50,
        cursor: str = "",
    ) -> Hits:
        """Return events with start <= time < end (ms), newest first.

        Raises ValueError, with a text for people, for a query that is refused or a cursor that no search returned.
        """
        limit = min(max(limit, 1), MAX_LIMIT)
        body: dict[str, Any] = {"query": matching(within(project, start, end, groups), parse(query), states)}
        if cursor:
            last = read_cursor(cursor)
            body["search_after"] = [last.time, last.topic, last.partition, last.offset]
        # One document more than the page tells whether another page follows.
        answer = await self._search(**body, sort=SORT, size=limit + 1, track_total_hits=TOTAL_CAP, source=["found"])
        hits = answer["hits"]["hits"]
        documents = [document_of(hit) for hit in hits[:limit]]
        total = min(answer["hits"]["total"]["value"], TOTAL_CAP)
        return Hits(documents, total, cursor_after(documents[-1]) if len(hits) > limit else None)

    async def by_time(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        step: int,
        *,
        groups: Sequence[str] = (),
        states: States = NO_STATES,
    ) -> dict[int, int]:
        """Count the events that ``search`` finds by steps of ``step`` ms."""
        steps = {"steps": {"histogram": {"field": "time", "interval": step, "min_doc_count": 1}}}
        counts = await self._count(matching(within(project, start, end, groups), parse(query), states), steps)
        return {int(at): events for at, events in counts.get("steps", [])}

    async def groups(
        self, project: int, query: str, start: int, end: int, *, states: States = NO_STATES, limit: int = 1000
    ) -> MatchingGroups:
        """Return the groups of the events that ``search`` finds."""
        limit = min(max(limit, 1), MAX_GROUPS)
        found = matching(within(project, start, end), parse(query), states)
        # Each shard returns all that are asked for and more: no group of a page is missed, though its place may differ.
        terms = {"field": "group", "size": limit + 1, "shard_size": limit + FACET_SHARD_VALUES}
        counts = (await self._count(found, {"groups": {"terms": terms}})).get("groups", [])
        ranked = sorted(counts, key=lambda counted: (-counted[1], counted[0]))
        return MatchingGroups(dict(ranked[:limit]), len(counts) > limit)

    async def exists(self, project: int, query: str, start: int, end: int) -> bool:
        """Return whether ``search`` finds any event. Raises ValueError for a query that is refused."""
        found = matching(within(project, start, end), parse(query))
        answer = await self._search(query=found, size=1, track_total_hits=False, terminate_after=1, source=False)
        return bool(answer["hits"]["hits"])

    async def event(self, event_id: str, project: int | None = None) -> list[Document]:
        """Return the events of an id, one a project: the newest, where the id came again after a day."""
        filters: list[Query] = [{"term": {"event": value(event_id.strip().replace("-", ""))}}]
        if project is not None:
            filters.append({"term": {"project": project}})
        answer = await self._search(
            query=matching(filters),
            collapse={"field": "project"},
            sort=[{"received": "desc"}, *SORT],
            size=MAX_PROJECTS,
            source=["found"],
        )
        documents = [document_of({**hit, "sort": hit["sort"][1:]}) for hit in answer["hits"]["hits"]]
        return sorted(documents, key=lambda document: document.summary.project)

    async def facets(
        self, project: int, groups: Sequence[str], start: int, end: int
    ) -> dict[str, list[tuple[str, int]]]:
        """Return the 10 most frequent values of each facet (``app.stores.search.lexemes``) of some groups' events.

        Counts the newest 10,000 events. Keys that most events have come first.
        """
        filters = within(project, start, end, groups)
        # Aggregations have no limit of events: the time of the oldest one that counts becomes a filter.
        oldest = await self._search(
            query=matching(filters), sort=SORT, from_=FACET_EVENTS - 1, size=1, track_total_hits=False, source=False
        )
        for hit in oldest["hits"]["hits"]:
            filters.append({"range": {"time": {"gte": hit["sort"][0]}}})
        keys = await self._count(matching(filters), {"keys": _values_of("facet_keys", FACET_KEYS)})
        names = [name for name, _ in keys.get("keys", [])]
        if not names:
            return {}
        # Aggregations are named by number: the name of a tag may hold signs that Elasticsearch refuses there.
        aggregations = {str(at): _values_of(f"facets.{name}", FACET_VALUES) for at, name in enumerate(names)}
        counts = await self._count(matching(filters), aggregations)
        return {name: counts[str(at)] for at, name in enumerate(names) if counts.get(str(at))}

    async def _count(self, query: Query, aggregations: dict[str, Any]) -> dict[str, list[tuple[Any, int]]]:
        """Return the (key, events) of each aggregation's buckets; {} where there is no index."""
        answer = await self._search(query=query, aggs=aggregations, size=0, track_total_hits=False)
        buckets = {name: result["buckets"] for name, result in answer.get("aggregations", {}).items()}
        return {name: [(bucket["key"], bucket["doc_count"]) for bucket in every] for name, every in buckets.items()}

    async def _search(self, **body: Any) -> Mapping[str, Any]:  # noqa: ANN401  the client's own arguments
        """Search all days; without an index there are no hits. Raises StoreUnavailable rather than return a part."""

        async def search() -> Mapping[str, Any]:
            with _too_many_terms_refused():
                answer = await self._client.search(
                    index=self._name,
                    ignore_unavailable=True,
                    allow_partial_search_results=False,
                    timeout=SECONDS,
                    **body,
                )
            body_of_answer: Mapping[str, Any] = answer.body
            return body_of_answer

        answer = await read(search)
        if answer["timed_out"]:
            raise SearchUnavailable(f"search: Elasticsearch gave up after {SECONDS}")
        return answer


def _values_of(field: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size, "shard_size": FACET_SHARD_VALUES}}


@contextmanager
def _too_many_terms_refused() -> Iterator[None]:
    """Raise ValueError, with a text for people, where a phrase's last word is the prefix of thousands of words."""
    try:
        yield
    except ApiError as error:
        if "too many terms" not in str(error.body):
            raise
        raise ValueError("Too many words begin like the last one of the phrase: give more of its letters.") from error


@asynccontextmanager
async def opened(setting: str) -> AsyncIterator[ElasticSearch]:
    """Open search on the servers that the setting names. Raises SettingsError."""
    server = server_of(setting)
    async with connected(server) as client:
        yield ElasticSearch(client, server.options.index, server.options.shards)
