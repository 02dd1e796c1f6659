"""The contract of search stores. The fixture ``search`` runs every test on each implementation."""

import random
from typing import Any

import pytest

from app.stores.search.contract import Document, Search
from tests.support.documents import ALL, DAY, NOW, document


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
