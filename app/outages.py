"""The sentences about what does not work: commands, readiness probes, pages and errors of the API use the same. Pure.

A sentence names the server, then what waits for it and what is safe.
"""

from typing import Final

from app.settings import Settings

STORE: Final = "store_unavailable"
LOG: Final = "log_unavailable"
FILES: Final = "files_unavailable"
SEARCH: Final = "search_unavailable"

_REFUSED: Final = "New events are refused until it does; accepted events are safe."

TEXTS: Final = {
    "log_full": "The disk of the log is nearly full. Free space, or shorten what is kept.",
    "log_sealed": "The log is being moved. New events are accepted again when that is done.",
    "append_timeout": f"{{log}} did not confirm an append in time. {_REFUSED}",
    "log_error": f"{{log}} refuses new records. {_REFUSED}",
    LOG: f"{{log}} does not answer. {_REFUSED}",
    STORE: "PostgreSQL does not answer. {database}",
    FILES: "{files} Reports stay in the log meanwhile, and are read from there.",
    SEARCH: "{search} does not answer. Search catches up when it is back; all numbers are complete.",
}
"""Code of ``/readyz`` -> sentence; names in braces are the servers of the settings."""


def sentence(code: str, settings: Settings) -> str:
    """Return the sentence for a code of ``/readyz``; the code itself where it has none."""
    on_kafka = settings.log.startswith("kafka:")
    waits = "Events are still accepted; numbers and pages wait for it." if on_kafka else _REFUSED
    in_bucket = settings.files_url.startswith("s3:")
    return TEXTS.get(code, code).format(
        log="Kafka" if on_kafka else "PostgreSQL",
        database=waits,
        files="S3 does not answer." if in_bucket else "The folder of raw reports cannot be used.",
        search="PostgreSQL" if settings.search.startswith("database:") else "Elasticsearch",
    )
