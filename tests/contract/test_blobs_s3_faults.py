"""S3 that refuses, hangs, is slow, breaks off or is away: calls are bounded and retried."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.objects import s3, s3_calls
from app.stores.objects.contract import ObjectStore
from app.stores.objects.open import open_objects
from app.stores.objects.s3 import S3Objects
from app.stores.objects.s3_address import bucket_of
from tests import servers
from tests.contract.tcp_proxy import TcpProxy, tcp_proxy_to

DATA = bytes(range(256)) * 100
LARGE = bytes(range(251)) * 80_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "READ_SECONDS", 0.5)
    monkeypatch.setattr(s3_calls, "ATTEMPT_SECONDS", 1.5)
    monkeypatch.setattr(s3_calls, "FIRST_WAIT", 0.002)


@pytest.fixture
async def proxy(s3_url: str) -> AsyncIterator[TcpProxy]:
    address = urlsplit(bucket_of(s3_url).options.endpoint)
    assert address.hostname
    assert address.port
    async with tcp_proxy_to(address.hostname, address.port) as proxy:
        yield proxy


@asynccontextmanager
async def through(proxy: TcpProxy, s3_url: str) -> AsyncIterator[ObjectStore]:
    region = bucket_of(s3_url).options.region
    bucket, _, _ = s3_url.partition("?")
    async with open_objects(f"{bucket}?endpoint=http://127.0.0.1:{proxy.port}&region={region}&path_style=1") as blobs:
        yield blobs


async def names(blobs: ObjectStore) -> list[str]:
    return [name async for name in blobs.list("")]


@pytest.mark.parametrize("fault", ["refuse", "hang", "busy", "cut"])
async def test_calls_that_fail_are_repeated(proxy: TcpProxy, s3_url: str, fault: str) -> None:
    proxy.cut_after = 300
    for action in ("put", "get", "list", "delete"):
        async with through(proxy, s3_url) as blobs:
            before = proxy.connections
            proxy.faults = [fault, fault]
            if action == "put":
                await blobs.put("a/b", DATA)
            elif action == "get":
                assert await blobs.get("a/b", 5, 1000) == DATA[5:1005]
            elif action == "list":
                assert await names(blobs) == ["a/b"]
            else:
                await blobs.delete("a/b")
            assert proxy.connections >= before + 3
            assert proxy.faults == []
    async with open_objects(s3_url) as blobs:
        assert await names(blobs) == []


async def test_a_body_that_breaks_off_is_read_again(proxy: TcpProxy, s3_url: str) -> None:
    async with open_objects(s3_url) as blobs:
        await blobs.put("a", LARGE)
    proxy.cut_after = 200_000
    proxy.faults = ["torn", "torn"]
    async with through(proxy, s3_url) as blobs:
        assert await blobs.get("a", 0, 3_000_000) == LARGE[:3_000_000]
    assert proxy.faults == []


async def test_a_slow_answer_is_waited_for(proxy: TcpProxy, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "ATTEMPT_SECONDS", 9.0)  # it takes one second, on a busy machine more
    async with open_objects(s3_url) as blobs:
        await blobs.put("a", LARGE)
    proxy.faults = ["slow"]
    async with through(proxy, s3_url) as blobs:
        assert await blobs.get("a", 0, 3_000_000) == LARGE[:3_000_000]
    assert proxy.connections == 1


@pytest.mark.parametrize("fault", ["refuse", "hang", "busy"])
async def test_a_lasting_fault_raises_and_calls_succeed_after_it(proxy: TcpProxy, s3_url: str, fault: str) -> None:
    async with through(proxy, s3_url) as blobs:
        await blobs.put("a", b"1")
        proxy.drop()
        proxy.faults = [fault] * 100
        calls = (blobs.put("a", b"2"), blobs.get("a", 0, 1), blobs.size("a"), names(blobs), blobs.delete("a"))
        for error in await asyncio.gather(*calls, blobs.ping(), return_exceptions=True):
            assert isinstance(error, StoreUnavailable), error
            assert "127.0.0.1" not in str(error)
        proxy.faults = []
        proxy.drop()
        assert await blobs.get("a", 0, 1) == b"1"


async def test_one_deadline_bounds_all_attempts(proxy: TcpProxy, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "ATTEMPT_SECONDS", 600.0)
    monkeypatch.setattr(s3_calls, "CALL_SECONDS", 0.3)
    proxy.faults = ["hang"] * 10
    async with through(proxy, s3_url) as blobs:
        with pytest.raises(StoreUnavailable, match="in time"):
            await blobs.get("a", 0, 1)


@pytest.mark.parametrize("cut_after", [1_000_000, 9_000_000, 17_000_000])
async def test_a_failed_upload_leaves_the_old_object_and_no_parts(proxy: TcpProxy, s3_url: str, cut_after: int) -> None:
    async with through(proxy, s3_url) as blobs:
        await blobs.put("a", b"old")
        proxy.drop()
        proxy.cut_after = cut_after
        proxy.faults = ["cut"] + ["busy"] * 100
        with pytest.raises(StoreUnavailable):
            await blobs.put("a", LARGE)
        proxy.faults = []
        assert await blobs.get("a", 0, 9) == b"old"
        assert await names(blobs) == ["a"]
        await blobs.put("a", LARGE)
        assert await blobs.size("a") == len(LARGE)


async def test_old_uploads_of_killed_writers_are_aborted(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = bucket_of(s3_url)
    async with s3_calls.open_client(bucket) as client, S3Objects(bucket) as blobs:
        await client.create_multipart_upload(Bucket=bucket.name, Key=f"{bucket.prefix}half")
        assert await blobs.clean() == 0
        monkeypatch.setattr(s3, "STALE", timedelta(hours=-1))
        assert await blobs.clean() == 1
        assert await blobs.clean() == 0


@pytest.mark.parametrize(
    ("bucket", "code"),
    [("no-such-bucket", "NoSuchBucket"), ("faultline", "SignatureDoesNotMatch")],
)
async def test_errors_that_an_operator_must_mend_are_not_retried(
    s3_url: str, bucket: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code == "SignatureDoesNotMatch":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    async with open_objects(s3_url.replace("s3://faultline/", f"s3://{bucket}/")) as blobs:
        for action in (blobs.put("a", b"1"), blobs.get("a", 0, 1), blobs.size("a"), names(blobs)):
            with pytest.raises(StoreUnavailable, match=code):
                await action


async def test_missing_credentials_are_named(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
