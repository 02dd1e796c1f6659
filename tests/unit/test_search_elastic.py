"""The pure part of search on Elasticsearch: the setting, names, versions, documents and queries."""

from datetime import date
from typing import Any

import msgspec
import pytest

from app.cli.show import _mask
from app.model import Address
from app.settings import Settings, SettingsError
from app.stores.search.elastic_client import NAME, Options, Server, server_of
from app.stores.search.elastic_documents import LEAST, SIMPLE, id_of, indexed, version_of
from app.stores.search.elastic_query import matching, within
from app.stores.search.elastic_schema import MAPPING, day_of_index, index_of
from app.stores.search.open import open_search
from app.stores.search.query import parse
from tests.support.documents import document


@pytest.mark.parametrize(
    ("setting", "server"),
    [
        ("http://127.0.0.1:9200", Server(["http://127.0.0.1:9200"], None, Options())),
        ("http://[::1]:9200/", Server(["http://[::1]:9200"], None, Options())),
        (
            "https://faultline:p%40ss@one:9200,two:9201?index=crashes&shards=3",
            Server(["https://one:9200", "https://two:9201"], ("faultline", "p@ss"), Options("crashes", 3)),
        ),
        (
            "https://one:443?api_key=abc%3D&ca_certs=/etc/ca.pem",
            Server(["https://one:443"], None, Options(NAME, 1, "abc=", "/etc/ca.pem")),
        ),
    ],
)
def test_the_setting_is_read(setting: str, server: Server) -> None:
    assert server_of(setting) == server


@pytest.mark.parametrize(
    "setting",
    [
        "https://one", "https://", "https://one:x", "https://one:9200,two", "http://one:9200?shard=3",
        "http://one:9200?shards=0", "http://one:9200?index=UPPER", "http://one:9200?index=*",
    ],
)  # fmt: skip
def test_bad_settings_are_refused(setting: str) -> None:
    with pytest.raises(SettingsError, match="search: "):
        server_of(setting)


async def test_an_unknown_store_is_refused() -> None:
    pool: Any = None
    with pytest.raises(SettingsError, match="solr"):
        async with open_search(Settings(search="solr://one:1"), pool):
            pass


def test_keys_and_passwords_are_masked() -> None:
    assert _mask("https://one:9200?api_key=secret&shards=3") == "https://one:9200?api_key=…&shards=3"
    assert _mask("https://me:secret@one:9200") == "https://me:…@one:9200"


def test_a_later_generation_is_newer_than_any_offset_of_an_earlier_one() -> None:
    versions = [
        version_of(Address(topic, 0, offset))
        for topic, offset in (
            ("crashes", 5),
            ("1.crashes", 0),
            ("1.crashes", 1),
            ("1.crashes", 2**60),
            ("2.crashes", 0),
        )
    ]
    assert versions == sorted(set(versions))
    assert version_of(Address("999999999999.crashes", 0, 2**63 - 1)) == 2**63 - 1


def test_ids_are_unique_by_project_and_event_and_short_enough() -> None:
    ids = [
        id_of(document(0, event_id=event_id, project=project).summary)
        for event_id, project in (
            ("ab", 1),
            ("ab", 2),
            ("AB", 1),
            ("x" * 5000, 1),
            ("x" * 5001, 1),
            ("", 1),
            ("\x00", 1),
        )
    ]
    assert ids[:2] == ["1-ab", "2-ab"]
    assert len(set(ids)) == 7
    assert max(len(document_id.encode()) for document_id in ids) <= 512


def test_the_day_is_read_back_from_the_name_of_an_index() -> None:
    assert index_of("x", date(1970, 1, 2)) == "x-19700102"
    assert day_of_index("x", "x-19700102") == date(1970, 1, 2)
    for name in ("x", "x-", "y-19700102", "x-19701302", "x-1970010", "x-197001022", "x-foo-19700102"):
        assert day_of_index("x", name) is None


def test_parts_and_wholes_have_the_same_positions() -> None:
    body = indexed(
        document(
            1, title="KeyError: a", text="the PaymentService HTTPServerError", release="", messages=["b c"],
            functions=["pay", "payNow"], files=["shop/pay.py"],
        )
    ).body  # fmt: skip
    assert body["title"].split() == ["key", "error", "a", *["_"] * 10, "b", "c"]
    assert body["title_joined"].split() == ["keyerror", "keyerror"]
    assert body["functions"].split() == ["pay", "_", "pay", "now"]
    assert body["functions_joined"].split() == ["_", "_", "paynow", "paynow"]
    assert body["files"].split() == ["shop", "pay", "py"]
    assert "files_joined" not in body
    words, joined = body["words"].split(), body["joined"].split()
    assert [(at, word) for at, word in enumerate(joined) if word != "_"] == [
        (words.index("payment"), "paymentservice"), (words.index("service"), "paymentservice"),
        (words.index("http"), "httpservererror"), (words.index("server") + 1, "httpservererror"),
    ]  # fmt: skip
    assert words[:5] == ["the", "payment", "service", "http", "server"]
    assert words[6:16] == ["_"] * 10


def test_values_fit_the_mapping_which_has_all_fields() -> None:
    long = "É" * 5000
    names = ("user", "release", "environment", "server", "url", "sdk", "platform", "level")
    values: dict[str, Any] = dict.fromkeys(names, long)
    odd = {long: long, "A\x00": "\x00", "type": "E\nF"}
    whole = indexed(
        document(
            1, time=2**63, received=-1, tags={long: long, "A\x00": "\x00"}, fields=odd, text="aB", functions=["aB"],
            files=["aB"], **values,
        )
    )  # fmt: skip
    assert set(whole.body) == set(MAPPING["properties"])
    assert whole.body["fields"] == {"é" * 200: ["é" * 200], "a\ufffd": ["\ufffd"]}
    assert whole.body["type"] == ["valueerror", "e", "f"]
    assert whole.day == date(1970, 1, 1)
    assert (whole.body["time"], whole.body["received"]) == (2**62, 0)
    assert whole.body["tags"] == {"é" * 196: ["é" * 200], "a\ufffd": ["\ufffd"]}
    assert all(whole.body[name] == ["é" * 200] for name in values)
    assert {len(key) for key in whole.body["facets"]} == {200, 2, 7, 11, 4}
    simple, least = (set(indexed(document(1), extent).body) for extent in (SIMPLE, LEAST))
    assert set(whole.body) - simple >= {"tags", "fields", "facets", "facet_keys"}
    assert least == {"project", "event", "group", "time", "received", "topic", "partition", "offset", "found"}


def test_every_query_is_filters_alone() -> None:
    query = matching(within(1, -(2**70), 2**70, ["a"]), parse('a "b c" d* -level:x tag.k:v k:v message:m'))
    text = msgspec.json.encode(query)
    assert b'must"' not in text
    assert b"script" not in text
    assert query["bool"]["filter"][1] == {"range": {"time": {"gte": -(2**62), "lt": 2**62}}}
    assert query["bool"]["must_not"] == [{"term": {"level": {"value": "x"}}}]


def test_a_phrase_looks_for_each_word_in_parts_and_wholes() -> None:
    [condition] = matching([], parse("PaymentSer*"))["bool"]["filter"]
    phrase, whole, joined, *others = condition["bool"]["should"]
    assert (whole, joined) == (
        {"prefix": {"words": {"value": "paymentser"}}},
        {"prefix": {"joined": {"value": "paymentser"}}},
    )
    assert len(others) == 9  # the same for files, functions and messages
    first, last = phrase["intervals"]["words"]["all_of"]["intervals"]
    assert first["any_of"]["intervals"] == [
        {"match": {"query": "payment", "use_field": name}} for name in ("words", "joined")
    ]
    assert last["any_of"]["intervals"] == [
        {"prefix": {"prefix": "ser", "use_field": name}} for name in ("words", "joined")
    ]
