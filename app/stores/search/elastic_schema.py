"""The daily indices in Elasticsearch: names, template, mapping and settings. Pure.

Only features of every distribution of Elasticsearch 9 are used. All fields are named in the mapping; unknown ones are
stored and not indexed. ``found`` is the event's summary, JSON in a text, so that the mapping cannot refuse any of it.

Version 2 of the mapping has texts of functions and files, and ``fields``. Version 1 had all words in ``words`` and
``joined``, the title's in ``title`` as well: queries that search all texts find its documents. An index of version 1
gets the fields that it lacks when a process first writes a document of its day.
"""

from datetime import UTC, date, datetime
from typing import Any, Final

from app.stores.search.lexemes import FILE, FUNCTION, MESSAGE, REST, Kind

VERSION: Final = 2
"""Version of the template: an older Faultline leaves a newer one alone."""

PRIORITY: Final = 200
"""Above 100, the priority of Elasticsearch's own templates: of those that match a name the greatest counts."""

MAX_KEYWORD: Final = 512
"""UTF-16 units, above which a value is not indexed; values are cut to 200 characters, 400 units, before."""

WORDS: Final = {"type": "text", "analyzer": "whitespace", "norms": False}
"""Words are cut by ``app.stores.search.text``, so that they are the same on every store."""

KEYWORD: Final = {"type": "keyword", "ignore_above": MAX_KEYWORD}
FLATTENED: Final = {"type": "flattened", "doc_values": False, "ignore_above": MAX_KEYWORD}
TEXTS: Final[dict[Kind, tuple[str, str]]] = {
    MESSAGE: ("title", "title_joined"),
    FUNCTION: ("functions", "functions_joined"),
    FILE: ("files", "files_joined"),
    REST: ("words", "joined"),
}
"""Kind of words -> the texts of their parts and of their wholes."""

_TEXT_NAMES: Final = [name for names in TEXTS.values() for name in names]
OWN: Final = (
    "release", "environment", "level", "type", "user", "platform", "group", "url", "unhandled", "culprit", "server",
    "sdk", "event",
)  # fmt: skip
"""Fields of a query that have a field of the index each; the others are keys of ``fields``."""

MAPPING: Final[dict[str, Any]] = {
    "dynamic": False,
    "_source": {"excludes": _TEXT_NAMES},
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
        **dict.fromkeys(_TEXT_NAMES, WORDS),
        **dict.fromkeys(OWN, KEYWORD),
        "tags": FLATTENED,
        "fields": FLATTENED,
        "facets": {"type": "flattened", "index": False, "ignore_above": MAX_KEYWORD},
        "facet_keys": {**KEYWORD, "index": False},
    },
}

SORT: Final[list[dict[str, str]]] = [{"time": "desc"}, {"topic": "desc"}, {"partition": "desc"}, {"offset": "desc"}]
"""Newest first; the address makes the order total, so that pages neither overlap nor skip."""


def index_of(name: str, day: date) -> str:
    """Return the name of a day's index, which the template matches and ``day_of_index`` reads back."""
    return f"{name}-{day:%Y%m%d}"


def day_of_index(name: str, index: str) -> date | None:
    """Return the day of an index, None for an index that is not Faultline's."""
    text = index.removeprefix(f"{name}-")
    if index == text or len(text) != len("YYYYMMDD") or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def template(name: str, shards: int) -> dict[str, Any]:
    """Return the template of the indices ``<name>-YYYYMMDD``, all behind the alias ``name``."""
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
