"""Where a bucket is: what the setting ``files`` says of it."""

from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

from app.settings import SettingsError
from app.stores.objects.names import is_name


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand after ``?`` in the setting."""

    endpoint: Annotated[str, Meta(pattern=r"^(https?://[^/?#@]+/?)?$")] = ""
    """Address of a server that is not Amazon's."""
    region: Annotated[str, Meta(pattern="^[a-z0-9-]*$")] = ""
    """Empty: as the AWS configuration of the environment says."""
    path_style: bool = False
    """Whether the bucket stands in the path, and not in the host's name."""
    ca_certs: str = ""
    """File of the certificates that vouch for the server, where the system's do not."""


class Place(msgspec.Struct, frozen=True):
    """A bucket, what all names in it start with (empty, or ending in ``/``), and how to reach it."""

    bucket: str
    prefix: str
    options: Options


def place_of(url: str) -> Place:
    """Read ``s3://bucket[/prefix][?endpoint=…&region=…&path_style=1&ca_certs=…]``. Raises SettingsError.

    The account's key and secret are not in it: they come from the environment (AWS_ACCESS_KEY_ID and the like).
    """
    try:
        parts = urlsplit(url)
        options = msgspec.convert(dict(parse_qsl(parts.query, strict_parsing=bool(parts.query))), Options, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"files: {url}: {error}") from error
    prefix = unquote(parts.path).strip("/")
    if not is_name(parts.netloc) or "/" in parts.netloc or (prefix and not is_name(prefix)) or parts.fragment:
        raise SettingsError(f"files: {url}: is not s3://bucket/prefix, of letters, digits, '.', '_' and '-'")
    return Place(parts.netloc, prefix and f"{prefix}/", options)
