"""The contract of search stores. The fixture ``search`` runs every test on each implementation."""

import random
from typing import Any

import pytest

from app.stores.search.contract import Document, MatchingGroups, Search
from app.stores.search.postgres import PostgresSearch
from app.stores.search.states import GroupFilter
from tests.support.documents import ALL, DAY, NOW, document
from tests.support.elastic_parts import Refreshed


@pytest.fixture(params=["postgres_search", "elastic_search"])
def search(request: pytest.FixtureRequest) -> Search:
    store: Search = request.getfixturevalue(request.param)
    return store


async def offsets(search: Search, query: str, **options: Any) -> list[int]:  # noqa: ANN401  options of search
    hits = await search.search(1, query, *ALL, **options)
    assert hits.total == len(hits.documents)
    return sorted(hit.address.offset for hit in hits.documents)


async def test_a_document_comes_back_as_it_was(search: Search) -> None:
    tags = {"browser": "Chrome", "odd key=': \\": "a'b\\c\x00d", "empty": ""}
    one = document(
        5, user="alice@example.com", text="x\x00y 支払い", tags=tags, url="http://shop/x?y=1", title="O'No\\: \x00"
    )
    await search.index([one])
    assert (await search.search(1, "", *ALL)).documents == [one]
    assert await search.event(one.summary.event_id) == [one]
    assert await search.event(one.summary.event_id.upper(), 1) == [one]
    assert await search.event(one.summary.event_id, 2) == []


async def test_a_thousand_documents_redelivered_in_other_cuts_are_listed_once(search: Search) -> None:
    documents = [document(at, time=NOW - at * 1000, received=NOW - at * 8 * 60_000) for at in range(1000)]
    cuts = random.Random(3)
    at = 0
    while at < 1000:
        size = cuts.randint(1, 300)
        await search.index(documents[max(0, at - cuts.randint(0, 100)) : at + size])
        at += size
    await search.index(cuts.sample(documents, 1000))
    found, cursor = list[Document](), ""
    while True:
        hits = await search.search(1, "", *ALL, limit=87, cursor=cursor)
        assert hits.total == 1000
        found += hits.documents
        if hits.next is None:
            break
        cursor = hits.next
    assert found == documents


async def test_pages_of_events_with_the_same_time_neither_repeat_nor_skip_any(search: Search) -> None:
    documents = [document(at, partition=at % 3) for at in range(50)]
    await search.index(documents)
    first = await search.search(1, "", *ALL, limit=20)
    await search.index([document(at, time=NOW) for at in range(100, 110)])
    seen, cursor = list(first.documents), first.next
    while cursor is not None:
        hits = await search.search(1, "", *ALL, limit=20, cursor=cursor)
        seen += hits.documents
        cursor = hits.next
    assert sorted(item.address.offset for item in seen) == list(range(50))


async def test_the_greatest_offset_of_an_event_wins(search: Search) -> None:
    late, early = (document(at, event_id="e" * 32, title=f"Offset{at}") for at in (9, 4))
    await search.index([late])
    await search.index([early])
    assert await search.event("e" * 32) == [late]
    await search.index([early, document(11, event_id="e" * 32), late])
    assert [hit.address.offset for hit in await search.event("e" * 32)] == [11]
    newer = document(0, event_id="e" * 32, topic="10.crashes")
    await search.index([newer])
    await search.index([document(12, event_id="e" * 32, topic="9.crashes")])
    assert await search.event("e" * 32) == [newer]
    assert (await search.search(1, "", *ALL)).total == 1


async def test_an_id_that_comes_again_after_a_day_is_an_event_of_its_own(search: Search) -> None:
    first = document(1, event_id="e" * 32, received=NOW - DAY - 1, time=NOW - DAY - 1)
    again = document(2, event_id="e" * 32)
    await search.index([first, again])
    await search.index([again, first])
    assert (await search.search(1, "", *ALL)).documents == [again, first]
    assert await search.event("e" * 32) == [again]


async def test_a_search_finds_events_of_its_project_alone(search: Search) -> None:
    mine, theirs = document(1, event_id="e" * 32), document(2, event_id="e" * 32, project=2)
    await search.index([mine, theirs])
    assert (await search.search(2, "", *ALL)).documents == [theirs]
    assert await search.event("e" * 32) == [mine, theirs]
    assert await search.event("e" * 32, 2) == [theirs]


async def test_ranges_are_half_open(search: Search) -> None:
    await search.index([document(at, time=NOW + at) for at in range(5)])
    hits = await search.search(1, "", NOW + 1, NOW + 4)
    assert [hit.summary.time - NOW for hit in hits.documents] == [3, 2, 1]


async def test_events_received_a_month_late_are_found_by_their_time(search: Search) -> None:
    old = document(1, time=NOW - 30 * DAY, received=NOW)
    await search.index([old, document(2)])
    assert (await search.search(1, "", NOW - 31 * DAY, NOW - 29 * DAY)).documents == [old]


async def test_groups(search: Search) -> None:
    await search.index([document(at, group=f"{at % 3:032x}") for at in range(9)])
    assert await offsets(search, "", groups=[f"{1:032x}"]) == [1, 4, 7]
    assert await offsets(search, "", groups=[f"{0:032x}", f"{2:032x}"]) == [0, 2, 3, 5, 6, 8]
    assert await offsets(search, "", groups=["\x00"]) == []


QUERIES = [
    ("", [1, 2, 3, 4]),
    ("declined", [1]),
    ("DECLINED card", [1]),
    ("declined basket", []),
    ('"card was declined"', [1]),
    ('"was card declined"', []),
    ('"declined basket"', []),
    ("payment", [1, 2]),
    ("paymentservice", [1, 2]),
    ("PaymentService.chargeCard", [1]),
    ("shop.PaymentService", [1, 2]),
    ('"paymentservice charge"', [1]),
    ("pay*", [1, 2]),
    ("PaymentSer*", [1, 2]),
    ("cart.py", [3]),
    ("views/cart", [3]),
    ("payment -declined", [2]),
    ('-payment -"views cart"', [4]),
    ("release:shop@1.0.0", [1, 3]),
    ("RELEASE:SHOP@1.0.0", [1, 3]),
    ("release:shop@1.*", [1, 2, 3]),
    ("-release:shop@1.*", [4]),
    ('release:"my app 2"', [4]),
    ("environment:staging", [2]),
    ("env:staging level:fatal", [2]),
    ("type:PaymentError", [1]),
    ("type:payment*", [1]),
    ("user:alice@example.com", [1]),
    ("alice", [1]),
    ("unhandled:true", [3, 4]),
    ("platform:javascript", [4]),
    ("server:web-2", [2]),
    ("message:declined", [1]),
    ('message:"was declined"', [1]),
    ("message:charge", []),
    ("group:bbbb*", [4]),
    ("url:http://shop.example/checkout", [4]),
    ("url:http://shop.example/*", [4]),
    ("tag.browser:firefox", [4]),
    ("browser:Firefox", [4]),
    ('tag."Error Log":TRUE', [2]),
    ("tag.browser:Fire*", [4]),
    ("browser:chrome", [3]),
    ("tag.browser:chrome", []),
    ("00000000000000000000000000000002", [2]),
    ("00000000-0000-0000-0000-000000000002", [2]),
    ("id:00000000-0000-0000-0000-000000000002", [2]),
    ("支払い", [3]),
    ("unhan*", []),
    ("releas*", []),
    ("'; drop table events; --", []),
    ("type:a'b\\", []),
    ("' | 'declined", [1]),
]


async def test_queries(search: Search) -> None:
    await search.index(
        [
            document(
                1, title="PaymentError: card was declined", user="alice@example.com",
                text="shop.PaymentService chargeCard",
            ),
            document(
                2, text="shop.PaymentService refund", release="shop@1.2", environment="staging", level="fatal",
                server="web-2", tags={"Error Log": "true"},
            ),
            document(3, text="/srv/app/views/cart.py browser chrome 支払い失敗", unhandled=True),
            document(
                4, title="TypeError: x is not a function", culprit="", release="my app 2", platform="javascript",
                unhandled=True, group="b" * 32, url="http://shop.example/checkout", tags={"Browser": "Firefox"},
            ),
        ]
    )  # fmt: skip
    assert [(query, await offsets(search, query)) for query, _ in QUERIES] == QUERIES


PIECES = ("pay", "Card", "payCard", "CARD", "x", "7", "🚀", "é", "支", "/", "_")
NAMES = ("os.name", "logger", "type", "user.email")
FIELDS = {
    "type": "PaymentError\nIOError", "handled": "true", "user.id": "7", "user.email": "Ada@shop.example",
    "user.username": "ada", "user.ip": "10.0.0.7", "user.name": "Ada L", "transaction": "POST /pay",
    "logger": "shop.pay", "trace.trace_id": "0123456789abcdef0123456789abcdef", "os.name": "Android",
    "os.version": "14", "browser.name": "Chrome", "device.model": "Pixel 7", "app.Build Type": "release",
}  # fmt: skip
FIELD_QUERIES = [
    ("type:PaymentError", [1]),
    ("type:ioerror", [1]),
    ("type:IO*", [1]),
    ("type:ValueError", [2, 3]),
    ("message:declined", [1]),
    ('message:"broken pipe"', [1]),
    ('message:"declined broken"', []),
    ("message:charge", []),
    ("message:bro*", [1]),
    ('"broken pipe"', [1]),
    ("function:charge", [1]),
    ("function:ChargeCard", [1]),
    ("function:chargeC*", [1]),
    ("function:pay", []),
    ('function:"charge card open"', []),
    ("-function:charge", [2, 3]),
    ("file:cart.py", [1]),
    ("file:shop/cart.py", [1]),
    ("file:src/shop/cart.py", [1]),
    ('file:"py src"', []),
    ("file:charge", []),
    ("cart.py charge", [1]),
    ("user:7", [1]),
    ("user:ADA@shop.example", [1]),
    ("user:ada", [1]),
    ("user:10.0.0.7", [1]),
    ("user:10.0.*", [1]),
    ('user:"ada l"', [1]),
    ("user:bob", [2]),
    ("-user:ada", [2, 3]),
    ("user.id:7", [1]),
    ("user.id:ada", []),
    ("user.email:ada@shop.example", [1]),
    ("user.username:ada", [1]),
    ("user.ip:10.0.0.7", [1]),
    ("user.ip_address:10.0.0.7", [1]),
    ('transaction:"post /pay"', [1]),
    ("transaction:POST*", [1]),
    ("logger:shop.pay", [1]),
    ("trace:0123456789abcdef0123456789abcdef", [1]),
    ("trace:01234567-89ab-cdef-0123-456789abcdef", [1]),
    ("trace:0123*", [1]),
    ("os.name:android", [1]),
    ("OS.Name:Android", [1]),
    ("context.os.name:Android", [1]),
    ("tag.os.name:Android", []),
    ("os.name:Linux", [2]),
    ("context.os.name:Linux", []),
    ("os.name:*", [1, 2]),
    ("browser.name:chrome", [1]),
    ('device.model:"pixel 7"', [1]),
    ("device.model:Pixel*", [1]),
    ('context."app.build type":release', [1]),
    ("handled:true", [1]),
    ("handled:false", [2]),
    ("handled:unknown", [3]),
    ("-handled:false", [1, 3]),
    ("unhandled:true", [2]),
    ("🚀", [3]),
    ("message:🚀", [3]),
    ("launch🚀", [3]),
    ("🔥", []),
    ("€", [3]),
]


async def test_every_field_is_found(search: Search) -> None:
    await search.index(
        [
            document(
                1, title="PaymentError: the card was declined", user="7", messages=["broken pipe"], fields=FIELDS,
                functions=["chargeCard", "open"], files=["src/shop/cart.py", "src/pipe.py"],
            ),
            document(2, user="bob", unhandled=True, tags={"os.name": "Linux"}),
            document(3, title="ValueError: launch 🚀", text="5 €", fields={"handled": "unknown"}),
        ]
    )  # fmt: skip
    assert [(query, await offsets(search, query)) for query, _ in FIELD_QUERIES] == FIELD_QUERIES


async def test_signs_alone_are_refused(search: Search) -> None:
    await search.index([document(1, text="what ?! -> ...")])
    for query in ("?!", "->", "*", '"..."', "-", "-'"):
        with pytest.raises(ValueError, match="no word"):
            await search.search(1, query, *ALL)
    assert await offsets(search, "what ?!") == [1]


async def test_states_name_groups(search: Search) -> None:
    await search.index([document(at, group=f"{at:032x}", text=f"word{at % 2}") for at in range(4)])
    of = [f"{at:032x}" for at in range(4)]
    states = {
        "resolved": GroupFilter([of[0], of[1]]),
        "unresolved": GroupFilter([of[0], of[1]], without=True),
        "regressed": GroupFilter([]),
    }
    for query, expected in (
        ("is:resolved", [0, 1]), ("is:unresolved", [2, 3]), ("-is:resolved", [2, 3]), ("-is:unresolved", [0, 1]),
        ("is:regressed", []), ("-is:regressed", [0, 1, 2, 3]), ("is:resolved word1", [1]),
        ("is:resolved is:unresolved", []),
    ):  # fmt: skip
        assert (query, await offsets(search, query, states=states)) == (query, expected)
        counted = await search.by_time(1, query, *ALL, DAY, states=states)
        assert sum(counted.values()) == len(expected)
        found = await search.groups(1, query, *ALL, states=states)
        assert (sorted(found.ids), found.cut) == ([of[at] for at in expected], False)
    with pytest.raises(KeyError):
        await search.search(1, "is:ignored", *ALL, states=states)


async def test_groups_of_matching_events_are_bounded(search: Search) -> None:
    await search.index([document(at, group=f"{at % 7:032x}", text=f"word{at % 3}") for at in range(40)])
    whole = await search.groups(1, "", *ALL)
    assert (whole.ids, whole.cut) == ([f"{at:032x}" for at in range(7)], False)
    assert sorted((await search.groups(1, "word1 -word2", *ALL)).ids) == sorted(whole.ids)
    cut = await search.groups(1, "", *ALL, limit=3)
    assert (cut.ids, cut.cut) == (whole.ids[:3], True)
    assert (
        await search.groups(1, "elsewhere", *ALL) == await search.groups(2, "", *ALL) == MatchingGroups({}, cut=False)
    )
    assert (await search.groups(1, "", NOW, NOW + DAY)).ids == []


async def test_whether_anything_is_found(search: Search) -> None:
    await search.index([document(1, tags={"Shop ID": "7"}, fields={"os.name": "Android"})])
    for query, expected in (
        ('tag."shop id":*', True), ("tag.shop:*", False), ("context.os.name:*", True), ("context.os:*", False),
        ('tag."*":*', False), ("tag.os.name:*", False), ("", True),
    ):  # fmt: skip
        assert (query, await search.exists(1, query, *ALL)) == (query, expected)
    assert not await search.exists(2, "", *ALL)
    assert not await search.exists(1, "", NOW, NOW + DAY)


def some_text(dice: random.Random, most: int) -> str:
    return dice.choice(["", " ", "."]).join(dice.choice(PIECES) for _ in range(dice.randint(1, most)))


def some_document(dice: random.Random, offset: int) -> Document:
    texts: dict[str, Any] = {
        name: [some_text(dice, 3) for _ in range(dice.randint(0, 3))] for name in ("messages", "functions", "files")
    }
    return document(
        offset, title=some_text(dice, 4), text=some_text(dice, 5), user=some_text(dice, 1), **texts,
        tags={some_text(dice, 1): some_text(dice, 2)},
        fields={dice.choice(NAMES): some_text(dice, 2) for _ in range(3)},
    )  # fmt: skip


def some_query(dice: random.Random) -> str:
    prefix = dice.choice(
        ["", "", "message:", "function:", "file:", "tag.pay:", "pay:", *(f"{name}:" for name in NAMES)]
    )
    text = some_text(dice, 2)
    written = f'"{text}"' if " " in text or dice.random() < 0.3 else text + dice.choice(["", "*"])
    return dice.choice(["", "", "-"]) + prefix + written


async def test_both_stores_find_the_same(postgres_search: PostgresSearch, elastic_search: Refreshed) -> None:
    """Documents and queries are made of few words, so that most queries find some documents but not all."""
    dice = random.Random(5)
    every = [some_document(dice, at) for at in range(120)]
    await postgres_search.index(every)
    await elastic_search.index(every)
    some = 0
    for query in (f"{some_query(dice)} {some_query(dice) if dice.random() < 0.2 else ''}" for _ in range(400)):
        try:
            hits = await postgres_search.search(1, query, *ALL, limit=200)
        except ValueError:  # of signs alone
            with pytest.raises(ValueError, match="no word"):
                await elastic_search.search(1, query, *ALL, limit=200)
            continue
        assert (query, await elastic_search.search(1, query, *ALL, limit=200)) == (query, hits)
        some += 0 < hits.total < len(every)
    assert some > 200


async def test_bad_cursors_are_refused(search: Search) -> None:
    for cursor in ("x", "!!!!", "AAAA", "k80BcyQ", "'", "kwECAw", "lM9_____________oTEAAA", "é", "\x00"):
        with pytest.raises(ValueError, match="cursor"):
            await search.search(1, "", *ALL, cursor=cursor)


async def test_a_query_over_the_limits_is_refused(search: Search) -> None:
    with pytest.raises(ValueError, match="at most"):
        await search.search(1, "x" * 600, *ALL)


async def test_limits_are_capped(search: Search) -> None:
    await search.index([document(at) for at in range(3)])
    assert len((await search.search(1, "", *ALL, limit=10**9)).documents) == 3
    assert len((await search.search(1, "", *ALL, limit=0)).documents) == 1


@pytest.mark.filterwarnings("ignore:Sending a large body")  # aiohttp's advice from 1 MiB on; these documents have more
async def test_hostile_documents_are_indexed(search: Search) -> None:
    long = "x" * 3000
    documents = [
        document(1, text=" ".join(f"w{at}Ab" for at in range(9000)), tags={long + str(at): long for at in range(300)}),
        document(2, text="ﷺ" * 9000, title="支" * 9000, release="é" * 5000, tags={"k": "'" * 900, "": "\\"}),
        document(
            3, text="a\x00b' \\ \x01\x7f ' & | ! <->", event_id="\x00", group="\x00", received=-5, tags={"\x00": "\x00"}
        ),
        document(4, received=10**17, time=10**15),
    ]
    await search.index(documents)
    assert (await search.search(1, "", 0, 10**16)).documents[0] == documents[3]
    assert [len(await search.event(item.summary.event_id)) for item in documents] == [1, 1, 1, 1]


async def test_facets(search: Search) -> None:
    documents = [
        document(
            at, user=f"user{at % 15}", release=f"shop@{at % 2}", tags={"browser": "Chrome", "environment": "not this"}
        )
        for at in range(30)
    ]
    await search.index([*documents, document(99, group="b" * 32, user="other")])
    facets = await search.facets(1, ["a" * 32], *ALL)
    assert facets["browser"] == [("Chrome", 30)]
    assert facets["environment"] == [("production", 30)]
    assert facets["release"] == [("shop@0", 15), ("shop@1", 15)]
    assert len(facets["user"]) == 10
    assert all(times == 2 for _, times in facets["user"])
    assert await search.facets(1, ["c" * 32], *ALL) == {}


async def test_counts_by_time(search: Search) -> None:
    times = [NOW - 1, NOW, NOW + 59_999, NOW + 60_000, NOW + DAY, NOW - 500 * DAY]
    await search.index([document(at, time=time, text=f"word{at % 2}") for at, time in enumerate(times)])
    counted = await search.by_time(1, "", *ALL, 60_000)
    starts = [time - time % 60_000 for time in times[:4]]
    assert counted == {start: starts.count(start) for start in starts}
    assert sum((await search.by_time(1, "word1", *ALL, DAY)).values()) == 2
    assert await search.by_time(1, "", *ALL, DAY, groups=["b" * 32]) == {}
    assert await search.by_time(2, "", *ALL, DAY) == {}
