"""The generations of the log: which log each one is on, and that the settings name that one (DESIGN 3).

Offsets start again with each generation. Were another log, or another count of partitions, taken for the same one,
what it holds would lie below every version and progress, and what was acknowledged to the former would not be read.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from app.log.kafka.log import KafkaLog
from app.log.open import on_kafka
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.log.postgres.connect import Connection, Pool

DATABASE: Final = "database"
KAFKA: Final = "kafka:"

_LATEST: Final = """
select generation, log, partitions, sealed is not null from log_generations order by generation desc limit 1"""
_NOTE: Final = "update log_generations set log = $2, partitions = $3 where generation = $1 and log is null"


class Generation(NamedTuple):
    """One generation. ``log`` and ``partitions`` are None until a process has worked on it."""

    number: int
    log: str | None
    partitions: int | None
    sealed: bool
    """The topics that events arrive on take no more: it is drained, and then another follows."""


async def latest(connection: "Connection | Pool") -> Generation:
    """Give the generation that is worked on. Raises asyncpg's errors."""
    [row] = await connection.fetch(_LATEST)
    return Generation(*row)


async def working_generation(connection: "Connection | Pool", settings: Settings) -> int:
    """Give the number of the generation that is worked on, after noting its log where that is not known yet.

    Raises SettingsError where the settings name another log or another count of partitions, LogUnavailable, and
    asyncpg's errors.
    """
    name = await name_of(settings)
    found = await latest(connection)
    if found.log is None:
        await connection.execute(_NOTE, found.number, name, settings.partitions)
        found = await latest(connection)  # another process may have been quicker
    refuse_other(found, name, settings)
    return found.number


async def name_of(settings: Settings) -> str:
    """Name the log of the settings as ``log_generations`` does. Raises SettingsError, LogUnavailable."""
    if not on_kafka(settings):
        return DATABASE
    async with KafkaLog(settings.log) as log:
        return f"{KAFKA}{await log.cluster()}/{log.address.prefix}"


def refuse_other(generation: Generation, name: str, settings: Settings) -> None:
    """Raise SettingsError, which says what to do, where the settings do not fit the generation."""
    number, log, partitions, sealed = generation
    if log is not None and log != name:
        todo = (
            "it is being moved: `faultline log move` says what is still to drain, and when to start with the new log"
            if sealed
            else "set it back; to move what is there, run `faultline log move NEW` with FAULTLINE_LOG as it was"
        )
        raise SettingsError(
            f"log: the log (generation {number}) is in {described(log)}, but FAULTLINE_LOG={settings.log} names "
            f"{described(name)}: {todo}"
        )
    if partitions is not None and partitions != settings.partitions:
        raise SettingsError(
            f"partitions: the log (generation {number}) has {partitions} partitions, and keeps them for good: "
            f"set FAULTLINE_PARTITIONS={partitions}, not {settings.partitions}"
        )


def described(name: str) -> str:
    """Say in words which log this is."""
    cluster, _, prefix = name.removeprefix(KAFKA).partition("/")
    return "PostgreSQL" if name == DATABASE else f"Kafka (cluster {cluster}, prefix {prefix or 'none'})"
