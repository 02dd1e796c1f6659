"""Opens the object store that the settings select."""

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.settings import SettingsError
from app.stores.objects.contract import ObjectStore
from app.stores.objects.folder import FolderObjects


def open_objects(url: str) -> AbstractAsyncContextManager[ObjectStore]:
    """Return the store that a URL names, open inside ``async with``; it may be opened again. Raises SettingsError."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from app.stores.objects.s3 import S3Objects  # noqa: PLC0415  loads AWS's client only where it is used
        from app.stores.objects.s3_address import bucket_of  # noqa: PLC0415  with it

        return S3Objects(bucket_of(url))
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return nullcontext(FolderObjects(Path(unquote(parts.path))))
    raise SettingsError(f"files: expected file:///path/of/a/folder or s3://bucket/prefix?endpoint=…, received {url!r}")
