"""Every setting: its name, default, unit and meaning.

``FAULTLINE_<NAME>`` in the environment wins over the TOML file named by ``FAULTLINE_SETTINGS``, which wins over the
default. ``faultline settings`` prints this list.
"""

import difflib
import logging
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from app.roles import ROLE_NAMES

PREFIX = "FAULTLINE_"
OTHERS: Final = frozenset({"SETTINGS", "READY_FD", "PARENT_FD", "SHARED", "CACHE", "CHROMIUM", "SINK_SECONDS"})
"""Other names that the environment may hold: the settings' file, what processes pass on, what tests read."""
OF_TESTS: Final = ("TEST_", "TRUTH_")
_AT: Final = re.compile(r" - at `\$\.(\w+)`$")

log = logging.getLogger("faultline")


class SettingsError(Exception):
    """A setting cannot be used; the text names it and what it takes."""

    code = "settings"


def doc(text: str, **limits: Any) -> Meta:  # noqa: ANN401  msgspec's own constraint values
    """Annotate a setting with its description for ``faultline settings``."""
    return Meta(description=text, **limits)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one process."""

    data: Annotated[str, doc("Folder of everything that is kept on this machine.")] = "./data"
    database: Annotated[str, doc("postgresql://… or embedded:///dir; empty: embedded in the data folder.")] = ""
    log: Annotated[str, doc("database: (tables in PostgreSQL) or kafka://host:9092,host:9092/prefix.")] = "database:"
    kafka_replication: Annotated[int, doc("Copies of each topic in Kafka; 0: 3, or as many as brokers.", ge=0)] = 0
    kafka_session: Annotated[
        float,
        doc(
            "Seconds without a sign of life after which Kafka gives a worker's work to others; "
            "no work may hold one up for so long.",
            ge=6,
        ),
    ] = 10.0
    search: Annotated[str, doc("database: (PostgreSQL) or https://user:word@host:9200 of Elasticsearch.")] = "database:"
    files: Annotated[str, doc("file:///dir or s3://bucket/prefix?endpoint=…; empty: a folder in data.")] = ""
    roles: Annotated[str, doc("Worker roles of this process, by comma.")] = ",".join(ROLE_NAMES)
    host: Annotated[str, doc("Address that the servers listen on.")] = "127.0.0.1"
    port: Annotated[int, doc("Port that the servers listen on; 0 picks a free one.", ge=0, le=65535)] = 8000
    url: Annotated[str, doc("The address that users see, in DSNs and links; empty: http://host:port.")] = ""
    reuse_port: Annotated[bool, doc("Share the port with other servers here: one per core (SO_REUSEPORT).")] = False
    worker_port: Annotated[int, doc("Port of a worker's /metrics, /readyz, /healthz; 0: none.", ge=0, le=65535)] = 0
    trusted_proxies: Annotated[str, doc("Networks whose X-Forwarded-For is believed, by comma.")] = ""
    partitions: Annotated[int, doc("Partitions of each topic, fixed when the topics are made.", ge=1, le=1024)] = 8
    retention_days: Annotated[int, doc("Days that the log keeps records.", ge=1)] = 7
    minute_days: Annotated[int, doc("Days that numbers by the minute are kept.", ge=1)] = 90
    hour_days: Annotated[int, doc("Days that numbers by the hour are kept; by the day: for ever.", ge=1)] = 400
    search_days: Annotated[int, doc("Days (received) that events can be searched.", ge=1)] = 90
    disk_reserve_mb: Annotated[int, doc("Below this much free disk, MiB, new events are refused with 503.", ge=0)] = 512
    body_memory_mb: Annotated[int, doc("Bodies of requests held in memory at once, MiB.", ge=1)] = 256
    read_timeout: Annotated[float, doc("Seconds that a client may take to send a request.", gt=0)] = 30.0
    batch_records: Annotated[int, doc("Records of one micro-batch at most.", ge=1)] = 1000
    batch_mb: Annotated[int, doc("MiB of one micro-batch at most.", ge=1)] = 4
    round_ms: Annotated[
        int,
        doc(
            "Milliseconds between two readings of the log by a worker role at least, so that events share "
            "transactions; 0: none.",
            ge=0,
            le=10_000,
        ),
    ] = 200
    drain_seconds: Annotated[float, doc("Seconds to finish batches before partitions move or a stop.", gt=0)] = 4.0
    rocksdb_mb: Annotated[int, doc("MiB of cache and write buffers of all state tables of a process.", ge=8)] = 64
    dead_letter_limit: Annotated[int, doc("Dead letters in a row that stop a worker.", ge=1)] = 10_000
    archive_object_mb: Annotated[int, doc("MiB at which an archive object is closed.", ge=1)] = 32
    file_cache_mb: Annotated[int, doc("MiB of the file server's local cache.", ge=1)] = 256
    log_level: Annotated[Literal["debug", "info", "warning", "error"], doc("debug, info, warning or error.")] = "info"

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return Path(self.data).expanduser().absolute()

    @property
    def database_url(self) -> str:
        """The database setting with its default filled in."""
        return self.database or f"embedded://{self.data_dir / 'postgres'}"

    @property
    def files_url(self) -> str:
        """The files setting with its default filled in."""
        return self.files or f"file://{self.data_dir / 'files'}"

    @property
    def role_names(self) -> tuple[str, ...]:
        """The selected worker roles, in order."""
        return tuple(name.strip() for name in self.roles.split(",") if name.strip())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError, naming the setting, for a value that cannot be used.

    Logs each name of the environment that is no setting. A process that ``up`` started leaves that to ``up``.
    """
    environ = os.environ if environ is None else environ
    if PREFIX + "PARENT_FD" not in environ:
        for text in unknown(environ):
            log.warning(text)
    values: dict[str, Any] = dict(_file(environ.get(PREFIX + "SETTINGS", "")))
    names = {field.name for field in msgspec.structs.fields(Settings)}
    values |= {name: environ[PREFIX + name.upper()] for name in names if PREFIX + name.upper() in environ}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_named(str(error))) from error


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Return a line for each ``FAULTLINE_*`` that is no setting: most likely one that is misspelt."""
    known = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    given = {name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX)}
    unread = sorted(name for name in given - known - OTHERS if not name.startswith(OF_TESTS))
    return [f"{PREFIX}{name} is no setting and changes nothing; {_near(name, known)}" for name in unread]


def _near(name: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name, sorted(known), n=1)
    return f"{PREFIX}{nearest[0]} is one" if nearest else "`faultline settings` lists those there are"


def _named(text: str) -> str:
    """Return msgspec's text after the name of the setting that it is about, with its meaning, where it tells which."""
    at = _AT.search(text)
    if at is None:
        return f"settings: {text}"
    [field] = [field for field in msgspec.structs.fields(Settings) if field.name == at[1]]
    return f"{PREFIX}{field.name.upper()}: {text[: at.start()]} ({meaning(field.type)})"


def meaning(annotation: Any) -> str:  # noqa: ANN401  an annotation, whatever its type
    """Return the description of a setting, from its annotation."""
    return next((meta.description or "" for meta in annotation.__metadata__ if isinstance(meta, Meta)), "")


def _file(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{PREFIX}SETTINGS={path}: {error}") from error
