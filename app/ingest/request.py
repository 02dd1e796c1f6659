"""The requests that handlers get: the application's own, or one that did not pass through its router."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from aiohttp import web
from yarl import URL


class DirectRequest(web.BaseRequest):
    """A request with what the router would have found in its path: ``match_info``, the variable parts by name."""

    ATTRS = web.BaseRequest.ATTRS | {"match_info"}
    match_info: Mapping[str, str]


Request = web.Request | DirectRequest

PARSED: Final = 1024
MAX_PARSED: Final = 512
"""Queries that are remembered, and their characters at most: a client sends the same one with every request."""

NO_PARTS: Final[Mapping[str, str]] = {}
"""Of a path without variable parts, or a query without fields."""


def query_of(request: Request) -> Mapping[str, str]:
    """Return the query of a request."""
    raw = request.rel_url.raw_query_string
    if not raw:
        return NO_PARTS
    return _parsed(raw) if len(raw) <= MAX_PARSED else request.query


@lru_cache(PARSED)
def _parsed(raw: str) -> Mapping[str, str]:
    return URL.build(query_string=raw, encoded=True).query
