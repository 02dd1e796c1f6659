"""Documents of the version before: the rows and the index that it wrote are searched beside new ones."""

import json
from typing import Any, Final

import msgspec
import pytest

from app.records import EventSummary
from app.stores.search.contract import Search
from app.stores.search.days import day_of, make_days
from app.stores.search.elastic_documents import id_of, version_of
from app.stores.search.elastic_schema import index_of
from app.stores.search.postgres import PostgresSearch
from tests.contract.test_search_contract import offsets
from tests.support.documents import ALL, NOW, document
from tests.support.elastic_parts import Refreshed

OLD: Final = document(
    5, title="PayError: card declined", user="ada", unhandled=True, url="http://shop/x", tags={"browser": "Firefox"},
    text="PayError\ncard declined\nchargeCard\nshop.pay\nshop/pay.py",
)  # fmt: skip
LISTED: Final = list(msgspec.to_builtins(OLD.summary))[:19]
"""The fields that a summary had; those added since are at its end."""

WORDS: Final = (
    "'pay':1A,15,22,24 'error':2A,16 'payerror':1A,2A,15,16 'card':3A,17,20 'declined':4A,18 'charge':19,36 "
    "'chargecard':19,20 'shop':21,23,38,61,99 'py':25 'in':37 'billing':39 'ada':50 '1':62,87 '0':63,64 "
    "'production':75 'web':86 'http':98 'x':100 'firefox':111 '=release=shop@1.0.0' '=environment=production' "
    "'=level=error' '=type=payerror' '=user=ada' '=platform=python' '=group=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' "
    "'=url=http://shop/x' '=unhandled=true' '=culprit=charge in shop.billing' '=server=web-1' "
    "'=sdk=sentry.python 2.0' '=event=00000000000000000000000000000005' '=tag.browser=firefox'"
)
FACETS: Final = {"browser": "Firefox", "release": "shop@1.0.0", "environment": "production", "user": "ada"}
VOID: Final = " _ _ _ _ _ _ _ _ _ _ "
BODY: Final[dict[str, Any]] = {
    "project": 1, "event": OLD.summary.event_id, "group": "a" * 32, "time": NOW - 1000, "received": NOW,
    "topic": "1.crashes", "partition": 0, "offset": 5, "found": json.dumps(LISTED),
    "title": "pay error card declined", "title_joined": "payerror payerror",
    "words": VOID.join((
        "pay error card declined", "pay error card declined charge card shop pay shop pay py", "charge in shop billing",
        "ada", "shop 1 0 0", "production", "web 1", "http shop x", "firefox",
    )),
    "joined": f"payerror payerror _ _{VOID}payerror payerror _ _ chargecard chargecard",
    "release": "shop@1.0.0", "environment": "production", "level": "error", "type": "payerror", "user": "ada",
    "platform": "python", "url": "http://shop/x", "unhandled": "true", "culprit": "charge in shop.billing",
    "server": "web-1", "sdk": "sentry.python 2.0", "tags": {"browser": ["firefox"]}, "facets": FACETS,
    "facet_keys": list(FACETS),
}  # fmt: skip
KEYWORD: Final = {"type": "keyword", "ignore_above": 512}
TEXT: Final = {"type": "text", "analyzer": "whitespace", "norms": False}
MAPPING: Final = {
    "dynamic": False,
    "_source": {"excludes": ["words", "joined", "title", "title_joined"]},
    "properties": {
        "project": {"type": "long"}, "time": {"type": "long"}, "partition": {"type": "integer"},
        "offset": {"type": "long"}, "received": {"type": "date", "format": "epoch_millis"},
        "found": {"type": "object", "enabled": False},
        **dict.fromkeys(("words", "joined", "title", "title_joined"), TEXT),
        **dict.fromkeys(
            ("event", "group", "topic", "release", "environment", "level", "type", "user", "platform", "url",
             "unhandled", "culprit", "server", "sdk"), KEYWORD,
        ),
        "tags": {"type": "flattened", "doc_values": False, "ignore_above": 512},
        "facets": {"type": "flattened", "index": False, "ignore_above": 512},
        "facet_keys": {**KEYWORD, "index": False},
    },
}  # fmt: skip
"""Version 1 of the mapping."""


@pytest.fixture(params=["postgres_search", "elastic_search"])
def search(request: pytest.FixtureRequest) -> Search:
    store: Search = request.getfixturevalue(request.param)
    return store


async def write_old(store: Search) -> None:
    """Write the document as the version before did."""
    if isinstance(store, PostgresSearch):
        await write_row(store)
    else:
        assert isinstance(store, Refreshed)
        await write_index(store)


async def write_row(store: PostgresSearch) -> None:
    async with store._pool.acquire() as connection:
        await make_days(connection, [day_of(NOW)])
        await connection.execute(
            'insert into events (project, event_id, day, time, grp, generation, topic, partition, "offset", found,'
            " facets, words) values (1, $1, $2, $3, $4, 1, '1.crashes', 0, 5, $5, $6, $7::text::tsvector)",
            OLD.summary.event_id, day_of(NOW), OLD.summary.time, OLD.summary.group, msgspec.msgpack.encode(LISTED),
            json.dumps(FACETS), WORDS,
        )  # fmt: skip


async def write_index(store: Refreshed) -> None:
    client, index = store._client, index_of(store._name, day_of(NOW))
    await client.indices.create(index=index, mappings=MAPPING, aliases={store._name: {}})
    await client.index(
        index=index, id=id_of(OLD.summary), document=BODY, version=version_of(OLD.address), version_type="external"
    )
    await client.indices.refresh(index=index)


QUERIES = [
    ("", [5]), ("declined", [5]), ('"card declined"', [5]), ("chargeCard", [5]), ("shop/pay.py", [5]),
    ("type:PayError", [5]), ("message:declined", [5]), ("user:ada", [5]), ("-user:ada", []), ("browser:firefox", [5]),
    ("unhandled:true", [5]), ("handled:false", [5]), ("handled:true", []), ("url:http*", [5]), ("group:aaaa*", [5]),
    ("function:charge", []), ("file:pay.py", []), ("user.id:ada", []), ("os.name:x", []), ("-os.name:x", [5]),
]  # fmt: skip


async def test_documents_of_schema_1_are_read_and_found(search: Search) -> None:
    await write_old(search)
    assert (await search.search(1, "", *ALL)).documents == [OLD]
    assert await search.event(OLD.summary.event_id) == [OLD]
    assert [(query, await offsets(search, query)) for query, _ in QUERIES] == QUERIES
    assert (await search.groups(1, "declined", *ALL)).ids == ["a" * 32]
    assert (await search.facets(1, ["a" * 32], *ALL))["browser"] == [("Firefox", 1)]


async def test_new_documents_of_the_same_day_are_found_by_all_their_fields(search: Search) -> None:
    await write_old(search)
    new = document(6, messages=["broken pipe"], functions=["charge"], files=["a.py"], fields={"os.name": "Linux"})
    await search.index([new])
    for query in ('message:"broken pipe"', "function:charge", "file:a.py", "os.name:linux"):
        assert (query, await offsets(search, query)) == (query, [6])
    assert await offsets(search, "charge") == [5, 6]
    assert (await search.search(1, "", *ALL)).documents == [new, OLD]
    summary = msgspec.structs.replace(OLD.summary, files="b.py")
    replaced = msgspec.structs.replace(OLD, address=OLD.address._replace(offset=9), summary=summary)
    await search.index([replaced])
    assert await offsets(search, "file:b.py") == [9]
    assert (await search.search(1, "", *ALL)).total == 2


def test_a_summary_has_its_new_fields_at_its_end() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(LISTED), type=EventSummary) == OLD.summary
