"""Objects above a few MiB go to S3 in parts; they become an object at once, when the last call puts them together."""

import asyncio
import base64
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from app.stores.errors import StoreUnavailable
from app.stores.objects.s3_calls import call

PART_BYTES: Final = 8 << 20
"""S3 takes no part below 5 MiB but the last; larger ones take longer to send again."""

PARTS_AT_ONCE: Final = 3
"""Each is a copy of its bytes: 24 MiB."""

STALE: Final = timedelta(hours=1)
"""An upload of this age is of a writer that was killed: no put takes so long."""

ABORT_SECONDS: Final = 3.0
"""For a courtesy: what is not aborted now is cleaned by a later writer."""


def checksum(data: bytes | memoryview) -> str:
    """Give the checksum that S3 compares with what it got: base64 of CRC-32, most significant byte first."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


async def put_in_parts(client: Any, bucket: str, key: str, data: bytes) -> None:  # noqa: ANN401  has no types
    """Write a whole object by parts. Raises StoreUnavailable: the object is as it was, or whole and new."""
    place = {"Bucket": bucket, "Key": key}
    begun = await call(lambda: client.create_multipart_upload(**place, ChecksumAlgorithm="CRC32"))
    place["UploadId"] = begun["UploadId"]
    try:
        parts = await _send(client, place, data)
        # Where the answer to this is lost the upload is gone at the second try: the caller puts the object again.
        await call(lambda: client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts}))
    except BaseException:
        with suppress(StoreUnavailable, FileNotFoundError, TimeoutError):
            async with asyncio.timeout(ABORT_SECONDS):
                await call(partial(client.abort_multipart_upload, **place))
        raise


async def clean(client: Any, bucket: str, prefix: str) -> int:  # noqa: ANN401  has no types
    """Abort the uploads that killed writers left, an hour old at least, and count them."""
    limit, count, markers = datetime.now(UTC) - STALE, 0, dict[str, str]()
    while True:
        listing = partial(client.list_multipart_uploads, Bucket=bucket, Prefix=prefix, **markers)
        page = await call(listing)
        for upload in page.get("Uploads", []):
            if upload["Initiated"] < limit:
                place = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
                with suppress(StoreUnavailable):  # another cleaned it first
                    await call(partial(client.abort_multipart_upload, **place))
                    count += 1
        if not page.get("IsTruncated"):
            return count
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


async def _send(client: Any, place: dict[str, str], data: bytes) -> list[dict[str, Any]]:  # noqa: ANN401  has no types
    limit = asyncio.Semaphore(PARTS_AT_ONCE)

    async def send(number: int) -> dict[str, Any]:
        async with limit:
            part = data[(number - 1) * PART_BYTES : number * PART_BYTES]
            told = checksum(part)
            upload = partial(client.upload_part, **place, PartNumber=number, Body=part, ChecksumCRC32=told)
            return {"PartNumber": number, "ETag": (await call(upload))["ETag"], "ChecksumCRC32": told}

    count = -(-len(data) // PART_BYTES)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(number)) for number in range(1, count + 1)]
    except* StoreUnavailable as errors:
        raise StoreUnavailable(str(errors.exceptions[0])) from errors
    return [task.result() for task in tasks]
