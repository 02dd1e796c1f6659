"""Finds the keys of a request, in each of the forms that SDKs use. Pure.

Source: Relay's ``extractors/request_meta.rs``; the first valid key decides (WIRE.md, "Keys").
"""

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

PARSED: Final = 256
"""Requests whose keys are remembered, at most 24 KiB of text each: a client sends the same text every time."""

SENTRY_KEY: Final = re.compile(r'\bsentry_key\s*=\s*"?([^,\s"]+)', re.IGNORECASE)


def sentry_keys(headers: Mapping[str, str], query: Mapping[str, str], path_key: str = "") -> list[str]:
    """Return what may be the key of a Sentry request, in order of precedence.

    A site's own Basic authentication, which browsers and proxies add, is among them: it is no known key.
    """
    listed, authorization = headers.get("X-Sentry-Auth", ""), headers.get("Authorization", "")
    return list(_sentry_keys(listed, authorization, query.get("sentry_key", ""), path_key))


@lru_cache(PARSED)
def _sentry_keys(listed: str, authorization: str, queried: str, path_key: str) -> tuple[str, ...]:
    return tuple(_different(_key_of_list(listed), _key_of_authorization(authorization), queried, path_key))


def dsn_key(dsn: str) -> str:
    """Return the key in a DSN, as an envelope's header may have it; '' for none."""
    try:
        return urlsplit(dsn).username or ""
    except ValueError:
        return ""


def raygun_keys(headers: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
    """Return what may be the key of a Raygun request, in order of precedence."""
    return _different(headers.get("X-ApiKey", "").strip(), query.get("apikey", ""))


def _different(*keys: str) -> list[str]:
    return [key for key in dict.fromkeys(keys) if key]


def _key_of_list(header: str) -> str:
    match = SENTRY_KEY.search(header)
    return match[1] if match else ""


def _key_of_authorization(header: str) -> str:
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "sentry":
        return _key_of_list(rest)
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip()).decode("ascii").partition(":")[0]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
