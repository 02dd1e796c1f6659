"""What the daily indices in Elasticsearch are: their names, template, mapping and settings. Pure.

Only what every distribution of Elasticsearch 9 has is used. Fields are named explicitly; unknown ones are kept and not
indexed. ``found`` is the event as it came, JSON in a text, so that nothing in it meets the mapping.
"""

from datetime import UTC, date, datetime
from typing import Any, Final

VERSION: Final = 1
"""Of the template: an older Faultline leaves a newer one alone."""

PRIORITY: Final = 200
MAX_KEYWORD: Final = 512
"""UTF-16 units; values are cut to 200 characters before."""

WORDS: Final = {"type": "text", "analyzer": "whitespace", "norms": False}
"""Words come cut (``app.stores.search.text``), so that they are the same on every store."""

KEYWORD: Final = {"type": "keyword", "ignore_above": MAX_KEYWORD}
NAMED: Final = (
    "release", "environment", "level", "type", "user", "platform", "url", "unhandled", "culprit", "server", "sdk",
)  # fmt: skip

MAPPING: Final[dict[str, Any]] = {
    "dynamic": False,
    "_source": {"excludes": ["words", "joined", "title", "title_joined"]},
    "properties": {
        "project": {"type": "long"},
        "event": KEYWORD,
        "group": KEYWORD,
        "time": {"type": "long"},
        "received": {"type": "date", "format": "epoch_millis"},
        "topic": KEYWORD,
        "partition": {"type": "integer"},
        "offset": {"type": "long"},
        "found": {"type": "object", "enabled": False},
        **dict.fromkeys(("words", "joined", "title", "title_joined"), WORDS),
        **dict.fromkeys(NAMED, KEYWORD),
        "tags": {"type": "flattened", "doc_values": False, "ignore_above": MAX_KEYWORD},
        "facets": {"type": "flattened", "index": False, "ignore_above": MAX_KEYWORD},
        "facet_keys": {**KEYWORD, "index": False},
    },
}

SORT: Final[list[dict[str, str]]] = [{"time": "desc"}, {"topic": "desc"}, {"partition": "desc"}, {"offset": "desc"}]
"""Newest first; the address makes the order total."""


def index_of(name: str, day: date) -> str:
    """Give the name of the index of a day."""
    return f"{name}-{day:%Y%m%d}"


def day_of_index(name: str, index: str) -> date | None:
    """Give the day of an index, None where it is none of ours."""
    text = index.removeprefix(f"{name}-")
    if index == text or len(text) != len("YYYYMMDD") or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def template(name: str, shards: int) -> dict[str, Any]:
    """Give the template of the indices ``<name>-YYYYMMDD``, all behind the alias ``name``."""
    return {
        "settings": {
            "index.number_of_shards": shards,
            "index.auto_expand_replicas": "0-1",  # green on one node, a copy of everything on two
            "index.refresh_interval": "1s",
            "index.translog.durability": "request",
            "index.codec": "best_compression",
        },
        "mappings": MAPPING,
        "aliases": {name: {}},
    }
