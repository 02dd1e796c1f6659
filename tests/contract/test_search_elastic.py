"""Search on Elasticsearch alone: template, daily indices, documents fitted to the mapping, parity with PostgreSQL."""

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.search import elastic_documents
from app.stores.search.contract import Search
from app.stores.search.days import day_of
from app.stores.search.elastic import ElasticSearch
from app.stores.search.elastic_schema import VERSION
from tests.contract.test_search_contract import offsets
from tests.support.documents import ALL, DAY, NOW, document
from tests.support.elastic_parts import Refreshed


async def test_documents_are_found_without_an_explicit_refresh(elastic_search: Refreshed) -> None:
    await ElasticSearch(elastic_search._client, elastic_search._name).index([document(1)])
    for _ in range(100):
        if await elastic_search.event(f"{1:032x}"):
            break
        await asyncio.sleep(0.1)
    assert await elastic_search.event(f"{1:032x}") == [document(1)]


async def test_days_are_indices_of_the_template_behind_the_alias(elastic_search: Refreshed) -> None:
    await elastic_search.index([document(1), document(2, received=NOW - DAY)])
    indices = (await elastic_search._client.indices.get(index=elastic_search._name)).body
    assert sorted(indices) == [f"{elastic_search._name}-{day_of(NOW - back * DAY):%Y%m%d}" for back in (1, 0)]
    for index in indices.values():
        assert index["mappings"]["dynamic"] == "false"
        assert index["settings"]["index"]["refresh_interval"] == "1s"
    fields = [set(index["mappings"]["properties"]) for index in indices.values()]
    await elastic_search.index([document(3, tags={"odd": "1"}), document(4, received=NOW - DAY, tags={"even": "2"})])
    indices = (await elastic_search._client.indices.get(index=elastic_search._name)).body
    assert [set(index["mappings"]["properties"]) for index in indices.values()] == fields


async def test_a_newer_template_is_left_alone(elastic_search: Refreshed) -> None:
    put = elastic_search._client.indices.put_index_template
    await put(name=elastic_search._name, index_patterns=[f"{elastic_search._name}-*"], version=VERSION + 1)
    await elastic_search.index([])
    await elastic_search.index([document(1)])
    templates = await elastic_search._client.indices.get_index_template(name=elastic_search._name)
    assert [entry["index_template"]["version"] for entry in templates["index_templates"]] == [VERSION + 1]


async def test_no_index_yet(elastic_search: Refreshed) -> None:
    assert (await elastic_search.search(1, "x", *ALL)).total == 0
    assert await elastic_search.event("e" * 32) == []
    assert await elastic_search.facets(1, ["a" * 32], *ALL) == {}
    assert await elastic_search.retain(1) == []


async def test_old_days_are_deleted_and_created_again_when_needed(elastic_search: Refreshed) -> None:
    today = int(time.time() * 1000)
    documents = [document(back, received=today - back * DAY, time=today - back * DAY) for back in range(12)]
    await elastic_search.index(documents)
    await elastic_search._client.indices.create(index=f"{elastic_search._name}-20010101-not-ours")
    dropped = await elastic_search.retain(7)
    first = datetime.now(UTC).date() - timedelta(days=7)
    assert dropped
    assert all(day < first for day in dropped)
    assert (await elastic_search.search(1, "", today - 20 * DAY, today + 1)).total == 12 - len(dropped)
    assert await elastic_search.retain(7) == []
    await elastic_search.index(documents[-1:])
    assert (await elastic_search.search(1, "", today - 20 * DAY, today + 1)).total == 13 - len(dropped)
    assert await elastic_search._client.indices.exists(index=f"{elastic_search._name}-20010101-not-ours")


async def test_a_day_that_another_process_deleted_is_created_again(elastic_search: Refreshed) -> None:
    today = int(time.time() * 1000)
    old = document(1, received=today - 9 * DAY, time=today - 9 * DAY)
    await elastic_search.index([old])
    await Refreshed(elastic_search._client, elastic_search._name).retain(7)
    await elastic_search.index([old])
    assert await elastic_search.event(old.summary.event_id) == [old]
    assert (await elastic_search.search(1, "release:shop@1.0.0", today - 20 * DAY, today)).total == 1


async def test_a_refused_event_is_written_again_from_its_newest_document(
    elastic_search: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_documents, "_body", broken("no object"))
    newest, older = document(2, event_id="e" * 32), document(1, event_id="e" * 32)
    await elastic_search.index([newest, older])
    assert await elastic_search.event("e" * 32) == [newest]


async def test_several_processes_create_the_same_days_at_once(elastic_search: Refreshed) -> None:
    documents = [document(at, received=NOW - at % 5 * DAY) for at in range(100)]
    await asyncio.gather(*(Refreshed(elastic_search._client, elastic_search._name).index(documents) for _ in range(4)))
    assert (await elastic_search.search(1, "", *ALL)).total == 100


def broken(facets: object, fields: object = None) -> Any:  # noqa: ANN401  stands in for a function of the module
    whole = elastic_documents._body

    def body(item: Any, extent: int) -> dict[str, Any]:  # noqa: ANN401  a document
        made = whole(item, extent)
        if item.address.offset == 2:
            made |= {"facets": facets} if extent == elastic_documents.WHOLE else {}
            made |= {"release": fields} if fields and extent < elastic_documents.LEAST else {}
        return made

    return body


async def test_a_document_that_is_refused_for_its_tags_is_found_by_words_and_fields(
    elastic_search: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_documents, "_body", broken("no object"))
    documents = [document(at, text="payment declined") for at in (1, 2, 3)]
    await elastic_search.index(documents)
    assert await offsets(elastic_search, "payment release:shop@1.0.0") == [1, 2, 3]
    assert await elastic_search.event(f"{2:032x}") == [documents[1]]


async def test_a_document_that_is_refused_for_its_fields_is_found_by_id_group_and_time(
    elastic_search: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_documents, "_body", broken("no object", {"no": "keyword"}))
    documents = [document(at, text="payment declined") for at in (1, 2, 3)]
    await elastic_search.index(documents)
    assert await offsets(elastic_search, "payment") == [1, 3]
    assert await offsets(elastic_search, "", groups=["a" * 32]) == [1, 2, 3]
    assert await elastic_search.event(f"{2:032x}") == [documents[1]]


async def test_a_document_that_can_never_be_written_is_not_skipped(
    elastic_search: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic_documents, "_body", lambda *_: {"release": {"no": "keyword"}})
    with pytest.raises(StoreUnavailable, match="document_parsing_exception"):
        await elastic_search.index([document(1)])


async def test_a_prefix_of_too_many_words_in_a_phrase_is_refused(elastic_search: Refreshed) -> None:
    words = [" ".join(f"z{at}z{word}" for word in range(2900)) for at in range(8)]
    await elastic_search.index([document(at, text=text) for at, text in enumerate(words)])
    assert await offsets(elastic_search, "z*") == list(range(8))
    try:
        assert await offsets(elastic_search, "nothing.z*") == []
    except ValueError as error:
        assert "Too many words" in str(error)  # noqa: PT017  a server with a larger heap takes it


WORDS = (
    "card",
    "Card",
    "paymentService",
    "PaymentService",
    "HTTPServer",
    "http",
    "server",
    "service",
    "pay",
    "支払",
    "x1",
)
SIGNS = (" ", ".", " ", "/", ": ", "_", "::")
FIELDS = ("release", "env", "user", "tag.browser", "browser", "message", "type", "culprit", "tag.Odd Key", "url", "id")


def _text(dice: random.Random, most: int) -> str:
    return "".join(dice.choice(WORDS) + dice.choice(SIGNS) for _ in range(dice.randint(0, most))).strip()


def _query(dice: random.Random) -> str:
    text = _text(dice, 3) or "card"
    cut = text[: dice.randint(1, len(text))] + "*"
    form = dice.choice(("{0}", '"{0}"', "{1}", "-{0}", '{2}:"{0}"', "{2}:{1}", '-{2}:"{0}"', "{3} {4}", '{3} -"{0}"'))
    return form.format(text, cut, dice.choice(FIELDS), dice.choice(WORDS), dice.choice(WORDS))


def _fields(dice: random.Random) -> Mapping[str, Any]:
    return {
        "title": f"{dice.choice(WORDS)}: {_text(dice, 3)}",
        "text": _text(dice, 8),
        "culprit": _text(dice, 2),
        "release": _text(dice, 1),
        "user": _text(dice, 1),
        "url": _text(dice, 2),
        "tags": {key: _text(dice, 2) for key in dice.sample(("browser", "Browser", "Odd Key", "a.b"), 2)},
    }


async def test_the_same_queries_find_the_same_events_as_on_postgresql(
    elastic_search: Refreshed, postgres_search: Search
) -> None:
    dice = random.Random(11)
    documents = [document(at, **_fields(dice), time=NOW - dice.randint(0, 20)) for at in range(120)]
    for search in (elastic_search, postgres_search):
        await search.index(documents)
    hits = 0
    for query in [_query(dice) for _ in range(250)]:
        expected, got = [
            await search.search(1, query, *ALL, limit=1000) for search in (postgres_search, elastic_search)
        ]
        assert got == expected, query
        hits += expected.total
    assert hits > 3000
    groups = [["a" * 32], ["b" * 32]]
    for ids in groups:
        assert await elastic_search.facets(1, ids, *ALL) == await postgres_search.facets(1, ids, *ALL)


async def test_cursors_are_the_same_as_on_postgresql(elastic_search: Refreshed, postgres_search: Search) -> None:
    documents = [document(at, partition=at % 3, time=NOW - at % 4) for at in range(40)]
    for search in (elastic_search, postgres_search):
        await search.index(documents)
    cursor = ""
    for search in (elastic_search, postgres_search, elastic_search):
        hits = await search.search(1, "", *ALL, limit=11, cursor=cursor)
        assert hits == await postgres_search.search(1, "", *ALL, limit=11, cursor=cursor)
        cursor = hits.next or ""
        assert cursor
