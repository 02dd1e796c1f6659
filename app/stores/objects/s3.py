"""Objects in a bucket of S3, or of a server that speaks its protocol.

An object is put by one call, or in parts that one call puts together: it is there whole or not at all. The bucket may
be shared by several processes and, by the prefix, with others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from app.stores.errors import StoreUnavailable
from app.stores.objects.names import checked_name, checked_prefix, is_name
from app.stores.objects.s3_address import Place
from app.stores.objects.s3_calls import CONNECTIONS, call, code_of, open_client
from app.stores.objects.s3_upload import PART_BYTES, checksum, clean, put_in_parts

BEYOND_THE_END: Final = "InvalidRange"


class S3Objects:
    """``app.stores.objects.contract.ObjectStore`` in a bucket, while it is open (``async with``)."""

    def __init__(self, place: Place) -> None:
        """Take the bucket and the prefix. Nothing is asked of it yet."""
        self._place = place
        self._client: Any = None
        self._opened = AsyncExitStack()
        self._limit = asyncio.Semaphore(CONNECTIONS)
        self._cleaned = False

    async def __aenter__(self) -> Self:
        """Open it."""
        self._client = await self._opened.enter_async_context(open_client(self._place))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._opened.aclose()

    async def put(self, name: str, data: bytes) -> None:
        """Write a whole object, durable and visible at once or not at all. Raises BadName, StoreUnavailable.

        The first one also ends what killed writers left.
        """
        key = self._key(name)
        async with self._limit:
            if not self._cleaned:
                self._cleaned = True
                await self.clean()
            if len(data) > PART_BYTES:
                await put_in_parts(self._client, self._place.bucket, key, data)
            else:
                put = partial(self._client.put_object, Body=data, ChecksumCRC32=checksum(data))
                await call(partial(put, Bucket=self._place.bucket, Key=key))

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Read at most ``length`` bytes from ``start``. Raises FileNotFoundError, BadName, StoreUnavailable."""
        data, _ = await self._read(name, start, length)
        return data

    async def size(self, name: str) -> int:
        """Give an object's bytes. Raises FileNotFoundError, BadName, StoreUnavailable.

        Reads a byte: the answer to HEAD does not tell an object that is missing from a bucket that is.
        """
        _, size = await self._read(name, 0, 1)
        return size

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order; what others have in the bucket is passed over."""
        token = dict[str, str]()
        wanted = {"Bucket": self._place.bucket, "Prefix": self._place.prefix + checked_prefix(prefix)}
        while True:
            async with self._limit:
                page = await call(partial(self._client.list_objects_v2, **wanted, **token))
            for entry in page.get("Contents", []):
                name = entry["Key"].removeprefix(self._place.prefix)
                if is_name(name):
                    yield name
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no error. Raises BadName, StoreUnavailable."""
        key = self._key(name)
        async with self._limit:
            try:
                await call(partial(self._client.delete_object, Bucket=self._place.bucket, Key=key))
            except FileNotFoundError:
                return

    async def ping(self) -> None:
        """Ask for one name of the prefix. Raises StoreUnavailable."""
        wanted = {"Bucket": self._place.bucket, "Prefix": self._place.prefix, "MaxKeys": 1}
        async with self._limit:
            await call(partial(self._client.list_objects_v2, **wanted))

    async def clean(self) -> int:
        """End the uploads that killed writers left, an hour old at least, and count them. Raises StoreUnavailable."""
        return await clean(self._client, self._place.bucket, self._place.prefix)

    async def _read(self, name: str, start: int, length: int) -> tuple[bytes, int]:
        """Give a range's bytes and the object's size."""
        key = self._key(name)

        async def read() -> tuple[bytes, int]:
            try:
                wanted = f"bytes={start}-{start + max(length, 1) - 1}"
                reply = await self._client.get_object(Bucket=self._place.bucket, Key=key, Range=wanted)
            except ClientError as error:
                if code_of(error) == BEYOND_THE_END:
                    return b"", 0
                raise
            async with reply["Body"] as body:
                return _cut(await body.read(), reply.get("ContentRange"), start, length)

        async with self._limit:
            return await call(read)

    def _key(self, name: str) -> str:
        return self._place.prefix + checked_name(name)


def _cut(data: bytes, told: str | None, start: int, length: int) -> tuple[bytes, int]:
    """Give the wanted bytes of a reply and the object's size; a server may answer with all of an object.

    ``told`` is ``bytes 5-9/100`` (RFC 9110, 14.4). Raises StoreUnavailable for a reply of other bytes.
    """
    if told is None:
        return data[start : start + length], len(data)
    span, _, size = told.removeprefix("bytes ").partition("/")
    first, _, last = span.partition("-")
    if int(first) != start or int(last) - start + 1 != len(data):
        raise StoreUnavailable(f"files: S3 answered other bytes ({told}) than were asked for")
    return data[:length], int(size)
