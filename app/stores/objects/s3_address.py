"""The address of a bucket, read from the setting ``files``."""

from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

from app.settings import SettingsError
from app.stores.objects.names import is_name


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options after ``?`` in the setting."""

    endpoint: Annotated[str, Meta(pattern=r"^(https?://[^/?#@]+/?)?$")] = ""
    """Address of a server that is not Amazon's."""
    region: Annotated[str, Meta(pattern="^[a-z0-9-]*$")] = ""
    """Empty: the region of the environment's AWS configuration."""
    path_style: bool = False
    """Whether the bucket is part of the path instead of the host's name."""
    ca_certs: str = ""
    """File of CA certificates, for a server whose certificate the system's do not verify."""


class Bucket(msgspec.Struct, frozen=True):
    """A bucket, the prefix of all our keys in it ("", or ending in ``/``), and how to reach it."""

    name: str
    prefix: str
    options: Options


def bucket_of(url: str) -> Bucket:
    """Read ``s3://bucket[/prefix][?endpoint=…&region=…&path_style=1&ca_certs=…]``. Raises SettingsError.

    The account's key and secret come from the environment (AWS_ACCESS_KEY_ID and the like), never from the setting.
    """
    try:
        parts = urlsplit(url)
        options = msgspec.convert(dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))), Options, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"files: {url}: {error}") from error
    prefix = unquote(parts.path).strip("/")
    if not is_name(parts.netloc) or "/" in parts.netloc or (prefix and not is_name(prefix)) or parts.fragment:
        raise SettingsError(
            f"files: expected s3://bucket/prefix of letters, digits, '.', '_' and '-', received {url!r}"
        )
    return Bucket(parts.netloc, prefix and f"{prefix}/", options)
