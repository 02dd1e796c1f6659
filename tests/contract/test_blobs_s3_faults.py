"""S3 that refuses, hangs, is slow, breaks off and goes away: bounded, told as the contract says, and well again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.objects import s3_calls, s3_upload
from app.stores.objects.contract import ObjectStore
from app.stores.objects.open import open_objects
from app.stores.objects.s3 import S3Objects
from app.stores.objects.s3_address import place_of
from tests import servers
from tests.contract.tcp_way import Way, way_to

DATA = bytes(range(256)) * 100
LARGE = bytes(range(251)) * 80_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "READ_SECONDS", 0.5)
    monkeypatch.setattr(s3_calls, "TRY_SECONDS", 1.5)
    monkeypatch.setattr(s3_calls, "AGAIN", (0.01, 0.02, 0.03))


@pytest.fixture
async def way(s3_url: str) -> AsyncIterator[Way]:
    address = urlsplit(place_of(s3_url).options.endpoint)
    assert address.hostname
    assert address.port
    async with way_to(address.hostname, address.port) as way:
        yield way


@asynccontextmanager
async def through(way: Way, s3_url: str) -> AsyncIterator[ObjectStore]:
    place = place_of(s3_url)
    bucket, _, _ = s3_url.partition("?")
    async with open_objects(
        f"{bucket}?endpoint=http://127.0.0.1:{way.port}&region={place.options.region}&path_style=1"
    ) as blobs:
        yield blobs


async def names(blobs: ObjectStore) -> list[str]:
    return [name async for name in blobs.list("")]


@pytest.mark.parametrize("fault", ["refuse", "hang", "busy", "cut"])
async def test_calls_that_fail_are_done_again(way: Way, s3_url: str, fault: str) -> None:
    way.cut_after = 300
    for action in ("put", "get", "list", "delete"):
        async with through(way, s3_url) as blobs:
            before = way.connections
            way.faults = [fault, fault]
            if action == "put":
                await blobs.put("a/b", DATA)
            elif action == "get":
                assert await blobs.get("a/b", 5, 1000) == DATA[5:1005]
            elif action == "list":
                assert await names(blobs) == ["a/b"]
            else:
                await blobs.delete("a/b")
            assert way.connections >= before + 3
            assert way.faults == []
    async with open_objects(s3_url) as blobs:
        assert await names(blobs) == []


async def test_a_body_that_breaks_off_is_read_again(way: Way, s3_url: str) -> None:
    async with open_objects(s3_url) as blobs:
        await blobs.put("a", LARGE)
    way.cut_after = 200_000
    way.faults = ["torn", "torn"]
    async with through(way, s3_url) as blobs:
        assert await blobs.get("a", 0, 3_000_000) == LARGE[:3_000_000]
    assert way.faults == []


async def test_slow_is_not_failed(way: Way, s3_url: str) -> None:
    async with open_objects(s3_url) as blobs:
        await blobs.put("a", LARGE)
    way.faults = ["slow"]
    async with through(way, s3_url) as blobs:
        assert await blobs.get("a", 0, 3_000_000) == LARGE[:3_000_000]
    assert way.connections == 1


@pytest.mark.parametrize("fault", ["refuse", "hang", "busy"])
async def test_what_does_not_pass_is_told_and_well_again(way: Way, s3_url: str, fault: str) -> None:
    async with through(way, s3_url) as blobs:
        await blobs.put("a", b"1")
        way.drop()
        way.faults = [fault] * 100
        tries = (blobs.put("a", b"2"), blobs.get("a", 0, 1), blobs.size("a"), names(blobs), blobs.delete("a"))
        for error in await asyncio.gather(*tries, blobs.ping(), return_exceptions=True):
            assert isinstance(error, StoreUnavailable), error
            assert "127.0.0.1" not in str(error)
        way.faults = []
        way.drop()
        assert await blobs.get("a", 0, 1) == b"1"


async def test_one_deadline_bounds_all_tries(way: Way, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "TRY_SECONDS", 600.0)
    monkeypatch.setattr(s3_calls, "CALL_SECONDS", 0.3)
    way.faults = ["hang"] * 10
    async with through(way, s3_url) as blobs:
        with pytest.raises(StoreUnavailable, match="in time"):
            await blobs.get("a", 0, 1)


@pytest.mark.parametrize("cut_after", [1_000_000, 9_000_000, 17_000_000])
async def test_a_half_done_upload_leaves_the_old_object_and_no_parts(way: Way, s3_url: str, cut_after: int) -> None:
    async with through(way, s3_url) as blobs:
        await blobs.put("a", b"old")
        way.drop()
        way.cut_after = cut_after
        way.faults = ["cut"] + ["busy"] * 100
        with pytest.raises(StoreUnavailable):
            await blobs.put("a", LARGE)
        way.faults = []
        assert await blobs.get("a", 0, 9) == b"old"
        assert await names(blobs) == ["a"]
        await blobs.put("a", LARGE)
        assert await blobs.size("a") == len(LARGE)


async def test_uploads_of_killed_writers_are_ended_once_old(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_of(s3_url)
    async with s3_calls.open_client(place) as client, S3Objects(place) as blobs:
        await client.create_multipart_upload(Bucket=place.bucket, Key=f"{place.prefix}half")
        assert await blobs.clean() == 0
        monkeypatch.setattr(s3_upload, "STALE", timedelta(hours=-1))
        assert await blobs.clean() == 1
        assert await blobs.clean() == 0


@pytest.mark.parametrize(
    ("bucket", "told"),
    [("no-such-bucket", "NoSuchBucket"), ("faultline", "SignatureDoesNotMatch")],
)
async def test_what_an_operator_must_mend_is_told_at_once(
    s3_url: str, bucket: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told == "SignatureDoesNotMatch":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    async with open_objects(s3_url.replace("s3://faultline/", f"s3://{bucket}/")) as blobs:
        for action in (blobs.put("a", b"1"), blobs.get("a", 0, 1), blobs.size("a"), names(blobs)):
            with pytest.raises(StoreUnavailable, match=told):
                await action


async def test_without_credentials(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in servers.S3_CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    async with open_objects(s3_url) as blobs:
        with pytest.raises(StoreUnavailable, match="set AWS_ACCESS_KEY_ID"):
            await blobs.get("a", 0, 1)


@pytest.fixture(scope="module")
def gateway() -> Iterator[servers.Server]:
    """A server of these tests' own, as they end it."""
    with servers.s3() as server:
        yield server


async def test_a_server_that_is_killed_stopped_and_paused_comes_back(s3: str, gateway: servers.Server) -> None:
    assert s3
    async with open_objects(gateway.address) as blobs:
        await blobs.put("a", DATA)
        for end in (gateway.kill, gateway.stop, gateway.pause):
            await asyncio.to_thread(end)
            with pytest.raises(StoreUnavailable):
                await blobs.put("a", b"lost")
            gateway.resume()
            await asyncio.to_thread(gateway.start)
            assert await blobs.size("a") in {len(DATA), 4}
            await blobs.put("a", DATA)
            assert await blobs.get("a", 0, len(DATA)) == DATA
