"""The contract of object stores. The fixture ``blobs`` runs the tests on each implementation."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import SettingsError
from app.stores.errors import StoreUnavailable
from app.stores.objects.contract import ObjectStore
from app.stores.objects.folder import HIDDEN, FolderObjects
from app.stores.objects.names import BadName
from app.stores.objects.open import open_objects

LARGE = bytes(range(251)) * 80_000
"""Three parts of an upload to S3."""


@pytest.fixture(params=["folder", "s3"])
def blobs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return f"file://{tmp_path}/a%20folder/objects"
    return str(request.getfixturevalue("s3_url"))


@pytest.fixture
async def blobs(blobs_url: str) -> AsyncIterator[ObjectStore]:
    async with open_objects(blobs_url) as opened:
        yield opened


async def names(blobs: ObjectStore, prefix: str) -> list[str]:
    return [name async for name in blobs.list(prefix)]


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


async def test_an_object_comes_back_whole_and_by_ranges(blobs: ObjectStore) -> None:
    data = bytes(range(256)) * 300
    await blobs.put("1.crashes/0001/a.flt", data)
    assert await blobs.size("1.crashes/0001/a.flt") == len(data)
    assert await blobs.get("1.crashes/0001/a.flt", 0, len(data)) == data
    assert await blobs.get("1.crashes/0001/a.flt", 1000, 77) == data[1000:1077]
    assert await blobs.get("1.crashes/0001/a.flt", len(data) - 5, 100) == data[-5:]
    assert await blobs.get("1.crashes/0001/a.flt", len(data) + 5, 100) == b""


async def test_an_empty_object_exists(blobs: ObjectStore) -> None:
    await blobs.put("empty", b"")
    assert (await blobs.size("empty"), await blobs.get("empty", 0, 10)) == (0, b"")


async def test_a_large_object_comes_back_whole(blobs: ObjectStore) -> None:
    await blobs.put("a/large", LARGE)
    assert await blobs.size("a/large") == len(LARGE)
    assert await blobs.get("a/large", 0, len(LARGE)) == LARGE
    assert await blobs.get("a/large", (8 << 20) - 7, 15) == LARGE[(8 << 20) - 7 : (8 << 20) + 8]


@pytest.mark.parametrize("ticks", [1, 3, 10, 100])
async def test_a_cancelled_put_leaves_the_old_or_the_new_object(blobs: ObjectStore, ticks: int) -> None:
    await blobs.put("a/large", b"old")
    putting = asyncio.create_task(blobs.put("a/large", LARGE))
    for _ in range(ticks):
        await asyncio.sleep(0)
    putting.cancel()
    await asyncio.wait([putting])
    assert await blobs.size("a/large") in {3, len(LARGE)}
    assert await names(blobs, "") == ["a/large"]
    await blobs.put("a/large", b"newer")
    assert await blobs.get("a/large", 0, 100) == b"newer"


async def test_many_objects_at_once(blobs: ObjectStore) -> None:
    wanted = [f"{number % 7}/{number:03d}" for number in range(60)]
    await asyncio.gather(*(blobs.put(name, name.encode()) for name in wanted))
    assert await names(blobs, "") == sorted(wanted)
    assert await asyncio.gather(*(blobs.get(name, 0, 99) for name in wanted)) == [name.encode() for name in wanted]


async def test_a_store_opens_again(blobs_url: str) -> None:
    store = open_objects(blobs_url)
    for data in (b"1", b"2"):
        async with store as blobs:
            await blobs.put("x", data)
            assert await blobs.get("x", 0, 9) == data


async def test_ping_succeeds_before_and_after_the_first_put(blobs: ObjectStore) -> None:
    await blobs.ping()
    await blobs.put("x/y", b"1")
    await blobs.ping()


async def test_ping_raises_where_the_folder_cannot_exist(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with open_objects(f"file://{tmp_path}/file/files") as blobs:
        with pytest.raises(StoreUnavailable, match="Not a directory"):
            await blobs.ping()


async def test_ping_raises_for_a_missing_bucket(s3_url: str) -> None:
    bucket, _, options = s3_url.partition("?")
    async with open_objects(f"s3://no-such-bucket-{Path(bucket).name}?{options}") as blobs:
        with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
            await blobs.ping()


async def test_a_second_put_replaces(blobs: ObjectStore) -> None:
    await blobs.put("x", b"first, and longer")
    await blobs.put("x", b"second")
    assert await blobs.get("x", 0, 100) == b"second"


async def test_missing_objects(blobs: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.get("none/at/all", 0, 1)
    with pytest.raises(FileNotFoundError):
        await blobs.size("none")
    await blobs.delete("none")
    assert await names(blobs, "") == []


async def test_a_deleted_object_is_gone(blobs: ObjectStore) -> None:
    await blobs.put("x/y", b"1")
    await blobs.delete("x/y")
    with pytest.raises(FileNotFoundError):
        await blobs.size("x/y")
    assert await names(blobs, "") == []


async def test_names_come_in_order_by_prefix(blobs: ObjectStore) -> None:
    wanted = ["a-b/1", "a.b", "a/0", "a/10", "a/9", "a/9.x", "b/c/d", "b/c/e", "b/cc", "z/y"]
    for name in reversed(wanted):
        await blobs.put(name, b"")
    assert await names(blobs, "") == wanted == sorted(wanted)
    assert await names(blobs, "a/") == ["a/0", "a/10", "a/9", "a/9.x"]
    assert await names(blobs, "a/9") == ["a/9", "a/9.x"]
    assert await names(blobs, "b/c") == ["b/c/d", "b/c/e", "b/cc"]
    assert await names(blobs, "b/c/e") == ["b/c/e"]
    assert await names(blobs, "none/") == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../x",
        "a/./x",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "a\x00b",
        "a\\b",
        "ä",
        "a\n",
        "x" * 201,
    ],
)
async def test_names_that_leave_the_store_are_refused(blobs: ObjectStore, name: str) -> None:
    with pytest.raises(BadName):
        await blobs.put(name, b"x")
    with pytest.raises(BadName):
        await blobs.get(name, 0, 1)
    with pytest.raises(BadName):
        await blobs.delete(name)


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a\x00"])
async def test_prefixes_that_leave_the_store_are_refused(blobs: ObjectStore, prefix: str) -> None:
    with pytest.raises(BadName):
        await names(blobs, prefix)


async def test_files_of_others_and_of_killed_writers_are_no_objects(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not ours")
    root = tmp_path / "root"
    blobs = FolderObjects(root)
    await blobs.put("a/b", b"1")
    (root / "a" / f"{HIDDEN}0123").write_bytes(b"half")
    (root / "with space").write_bytes(b"")
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(root)
    assert await names(blobs, "") == ["a/b"]


async def test_only_old_leftovers_are_cleaned(tmp_path: Path) -> None:
    blobs = FolderObjects(tmp_path)
    await blobs.put("a/b", b"1")
    old, new = tmp_path / "a" / f"{HIDDEN}old", tmp_path / "a" / f"{HIDDEN}new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert await blobs.clean() == 1
    assert (old.exists(), new.exists(), await names(blobs, "")) == (False, True, ["a/b"])


async def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    blobs = FolderObjects(tmp_path)
    await blobs.put("a/b", b"1")
    with pytest.raises(StoreUnavailable):
        await blobs.put("a/b/c", b"below a file")
    with pytest.raises(StoreUnavailable):
        await blobs.put("a", b"over a folder")
    assert everything_in(tmp_path) == ["a", "b"]


async def test_only_the_owner_can_read_files(tmp_path: Path) -> None:
    await FolderObjects(tmp_path / "new").put("a/b", b"1")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new/a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new/a/b").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a/path",
        "file://host/path",
        "file:",
        "s3://",
        "s3://bucket/../x",
        "s3://bucket?endpoint=ftp://host",
        "s3://bucket?path_style=perhaps",
        "s3://bucket?key=secret",
        "s3://bucket/x?endpoint",
    ],
)
def test_an_error_in_the_setting_names_it(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^files: .*"):
        open_objects(url)
