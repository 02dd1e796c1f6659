"""The log of every process: one record a line, to stderr; for people on a terminal, ``key=value`` (logfmt) elsewhere.

Lines of structlog and of the libraries' own loggers (Faust, aiokafka, aiohttp, asyncio) pass the same formatter.
"""

import logging
import sys
from typing import Final

import stamina.instrumentation
import structlog
from stamina.instrumentation import RetryDetails
from structlog.typing import Processor

from app.log.kafka.quiet import quieten

FIRST_KEYS: Final = ("timestamp", "level", "logger", "event")
"""The keys that begin each line, in this order."""

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

log = structlog.get_logger()


def configure(level: str = "info") -> None:
    """Send what this process logs from ``level`` on (a name of the standard library's, any case) to stderr.

    May be called again, with the level of the settings once these are read.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(sys.stderr.isatty())],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    _bound_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    stamina.instrumentation.set_on_retry_hooks([_log_retry])


def _renderers(terminal: bool) -> list[Processor]:
    """Return what makes a line of a record. Tracebacks have no local variables: these may hold what SDKs sent."""
    if terminal:
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.LogfmtRenderer(key_order=FIRST_KEYS, drop_missing=True, bool_as_flag=False),
    ]


def _bound_libraries() -> None:
    # aiohttp's lines about requests that cannot be parsed quote them, keys and payloads included; handlers log for
    # themselves.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    level = logging.getLogger().level
    if level > logging.DEBUG:  # each service of Faust's logs its steps as information
        for name in ("faust", "mode", "asyncio"):
            logging.getLogger(name).setLevel(max(level, logging.WARNING))
        quieten(max(level, logging.WARNING))


def _log_retry(details: RetryDetails) -> None:
    """Log that stamina calls a store again; without the arguments of the call, which may be a payload or a key."""
    log.warning(
        "store_away", call=details.name, attempt=details.retry_num, again_in_seconds=round(details.wait_for, 2),
        error=repr(details.caused_by),
    )  # fmt: skip
