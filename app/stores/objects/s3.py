"""Objects in a bucket of S3, or of a server that speaks its protocol.

An object is put by one call, or as a multipart upload that one last call completes: it is visible whole or not at all.
The bucket may be shared by several processes and, by the prefix, with other applications.
"""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from app.stores.errors import StoreUnavailable
from app.stores.objects.names import checked_name, checked_prefix, is_name
from app.stores.objects.s3_address import Bucket
from app.stores.objects.s3_calls import CONNECTIONS, call, code_of, open_client

BEYOND_THE_END: Final = "InvalidRange"

PART_BYTES: Final = 8 << 20
"""Larger objects are uploaded in parts of this size. S3 takes no part below 5 MiB but the last; larger parts take
longer to send again."""

PARTS_AT_ONCE: Final = 3
"""Parts of one upload in flight: each is a copy of its bytes, 24 MiB in all."""

STALE: Final = timedelta(hours=1)
"""An upload of this age belongs to a killed writer: a put ends within ``CALL_SECONDS`` a part."""

ABORT_SECONDS: Final = 3.0
"""To abort a failed upload, best effort: what is left over, a later writer's ``clean`` aborts."""


class S3Objects:
    """``app.stores.objects.contract.ObjectStore`` in a bucket, while it is open (``async with``)."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client: Any = None  # aiobotocore publishes no types
        self._opened = AsyncExitStack()
        self._limit = asyncio.Semaphore(CONNECTIONS)
        self._cleaned = False

    async def __aenter__(self) -> Self:
        """Open the client."""
        self._client = await self._opened.enter_async_context(open_client(self._bucket))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the client's connections."""
        await self._opened.aclose()

    async def put(self, name: str, data: bytes) -> None:
        """Write an object; it is visible whole or not at all. Raises BadName, StoreUnavailable.

        The first call also aborts the uploads that killed writers left.
        """
        key = self._key(name)
        async with self._limit:
            if not self._cleaned:
                self._cleaned = True
                await self.clean()
            if len(data) > PART_BYTES:
                await self._put_in_parts(key, data)
            else:
                put = partial(self._client.put_object, Body=data, ChecksumCRC32=_checksum(data))
                await call(partial(put, Bucket=self._bucket.name, Key=key))

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``start``. Raises FileNotFoundError, BadName, StoreUnavailable."""
        data, _ = await self._read(name, start, length)
        return data

    async def size(self, name: str) -> int:
        """Return an object's size in bytes. Raises FileNotFoundError, BadName, StoreUnavailable.

        Reads a byte: the answer to HEAD is the same for a missing object and a missing bucket.
        """
        _, size = await self._read(name, 0, 1)
        return size

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order; keys that are no names, of others, are skipped."""
        token = dict[str, str]()
        listing = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix + checked_prefix(prefix)}
        while True:
            async with self._limit:
                page = await call(partial(self._client.list_objects_v2, **listing, **token))
            for entry in page.get("Contents", []):
                name = entry["Key"].removeprefix(self._bucket.prefix)
                if is_name(name):
                    yield name
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, name: str) -> None:
        """Delete an object; a missing one is no error. Raises BadName, StoreUnavailable."""
        key = self._key(name)
        async with self._limit:
            with suppress(FileNotFoundError):
                await call(partial(self._client.delete_object, Bucket=self._bucket.name, Key=key))

    async def ping(self) -> None:
        """List one name of the prefix. Raises StoreUnavailable."""
        listing = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix, "MaxKeys": 1}
        async with self._limit:
            await call(partial(self._client.list_objects_v2, **listing))

    async def clean(self) -> int:
        """Abort the uploads that killed writers left, of ``STALE`` age at least, and count them.

        Raises StoreUnavailable.
        """
        limit, count, markers = datetime.now(UTC) - STALE, 0, dict[str, str]()
        listing = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix}
        while True:
            page = await call(partial(self._client.list_multipart_uploads, **listing, **markers))
            for upload in page.get("Uploads", []):
                if upload["Initiated"] < limit:
                    stale = {"Bucket": self._bucket.name, "Key": upload["Key"], "UploadId": upload["UploadId"]}
                    with suppress(StoreUnavailable):  # another process has aborted it
                        await call(partial(self._client.abort_multipart_upload, **stale))
                        count += 1
            if not page.get("IsTruncated"):
                return count
            markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    async def _put_in_parts(self, key: str, data: bytes) -> None:
        """Write a whole object in parts. Raises StoreUnavailable: the object is unchanged, or whole and new."""
        target = {"Bucket": self._bucket.name, "Key": key}
        begun = await call(partial(self._client.create_multipart_upload, **target, ChecksumAlgorithm="CRC32"))
        upload = {**target, "UploadId": begun["UploadId"]}
        try:
            parts = {"Parts": await self._send_parts(upload, data)}
            # If the answer is lost, the second attempt finds no upload and fails: the caller puts the object again.
            await call(partial(self._client.complete_multipart_upload, **upload, MultipartUpload=parts))
        except BaseException:  # also where the put is cancelled
            with suppress(StoreUnavailable, FileNotFoundError, TimeoutError):
                async with asyncio.timeout(ABORT_SECONDS):
                    await call(partial(self._client.abort_multipart_upload, **upload))
            raise

    async def _send_parts(self, upload: dict[str, str], data: bytes) -> Sequence[Mapping[str, Any]]:
        limit = asyncio.Semaphore(PARTS_AT_ONCE)

        async def send(number: int) -> dict[str, Any]:
            async with limit:
                part = data[(number - 1) * PART_BYTES : number * PART_BYTES]
                checksum = _checksum(part)
                request = partial(self._client.upload_part, **upload, Body=part, ChecksumCRC32=checksum)
                etag = (await call(partial(request, PartNumber=number)))["ETag"]
                return {"PartNumber": number, "ETag": etag, "ChecksumCRC32": checksum}

        count = -(-len(data) // PART_BYTES)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(send(number)) for number in range(1, count + 1)]
        except* StoreUnavailable as errors:
            raise StoreUnavailable(str(errors.exceptions[0])) from errors
        return [task.result() for task in tasks]

    async def _read(self, name: str, start: int, length: int) -> tuple[bytes, int]:
        """Return a range's bytes and the object's size."""
        key = self._key(name)

        async def read() -> tuple[bytes, int]:
            try:
                wanted = f"bytes={start}-{start + max(length, 1) - 1}"
                reply = await self._client.get_object(Bucket=self._bucket.name, Key=key, Range=wanted)
            except ClientError as error:
                if code_of(error) == BEYOND_THE_END:
                    return b"", 0
                raise
            async with reply["Body"] as body:
                return _cut(await body.read(), reply.get("ContentRange"), start, length)

        async with self._limit:
            return await call(read)

    def _key(self, name: str) -> str:
        return self._bucket.prefix + checked_name(name)


def _checksum(data: bytes | memoryview) -> str:
    """Return the checksum that S3 compares with what it received: base64 of CRC-32, most significant byte first."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def _cut(data: bytes, content_range: str | None, start: int, length: int) -> tuple[bytes, int]:
    """Return the requested bytes of a reply and the object's size; without a range a reply is the whole object.

    ``content_range`` is ``bytes 5-9/100`` (RFC 9110, 14.4). Raises StoreUnavailable for a reply of other bytes.
    """
    if content_range is None:
        return data[start : start + length], len(data)
    offsets, _, size = content_range.removeprefix("bytes ").partition("/")
    first, _, last = offsets.partition("-")
    if int(first) != start or int(last) - start + 1 != len(data):
        raise StoreUnavailable(
            f"files: expected the bytes from {start}, received {len(data)} bytes as {content_range!r}"
        )
    return data[:length], int(size)
