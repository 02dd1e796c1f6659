"""Finds the key of a request, in each of the forms that SDKs use. Pure.

Source: Relay's ``extractors/request_meta.rs``; the first form that has a key wins (WIRE.md, "Keys").
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SENTRY_KEY: Final = re.compile(r'\bsentry_key\s*=\s*"?([^,\s"]+)', re.IGNORECASE)


def sentry_key(headers: Mapping[str, str], query: Mapping[str, str], path_key: str = "") -> str:
    """Return the key of a Sentry request, '' where no form has one."""
    return (
        _key_of_list(headers.get("X-Sentry-Auth", ""))
        or _key_of_authorization(headers.get("Authorization", ""))
        or query.get("sentry_key", "")
        or path_key
    )


def dsn_key(dsn: str) -> str:
    """Return the key in a DSN, as an envelope's header may have it; '' for none."""
    try:
        return urlsplit(dsn).username or ""
    except ValueError:
        return ""


def raygun_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return the key of a Raygun request, '' for none."""
    return headers.get("X-ApiKey", "").strip() or query.get("apikey", "")


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
