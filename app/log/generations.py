"""The generations of the log: which log each is on, and the check that the settings name that one.

Offsets start again with each generation (ARCHITECTURE.md, "Exactly-once effect"). If another log, or one with another
number of partitions, were taken for the same generation, its offsets would lie below every version and progress, and
the records that the former log acknowledged would never be read.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from app.log.kafka.log import KafkaLog
from app.log.open import on_kafka
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

DATABASE: Final = "database"
KAFKA: Final = "kafka:"

_LATEST: Final = """
select generation, log, partitions, sealed is not null from log_generations order by generation desc limit 1"""
_STORE: Final = "update log_generations set log = $2, partitions = $3 where generation = $1 and log is null"


class Generation(NamedTuple):
    """One generation. ``log`` and ``partitions`` are None until a process has worked on it."""

    number: int
    log: str | None
    partitions: int | None
    sealed: bool
    """True where the source topics accept no more records: the generation is drained, and then another follows."""


async def latest(connection: "Connection | Pool") -> Generation:
    """Return the newest generation, the one that is worked on. Raises asyncpg's errors."""
    [row] = await connection.fetch(_LATEST)
    return Generation(*row)


async def working_generation(connection: "Connection | Pool", settings: Settings) -> int:
    """Return the number of the newest generation, after storing its log where that is not known yet.

    Raises SettingsError where the settings name another log or another number of partitions, LogUnavailable, and
    asyncpg's errors.
    """
    name = await name_of(settings)
    generation = await latest(connection)
    if generation.log is None:
        await connection.execute(_STORE, generation.number, name, settings.partitions)
        generation = await latest(connection)  # another process may have been quicker
    refuse_other(generation, name, settings)
    return generation.number


async def name_of(settings: Settings) -> str:
    """Return the name of the settings' log, as ``log_generations`` stores it. Raises SettingsError, LogUnavailable."""
    if not on_kafka(settings):
        return DATABASE
    async with KafkaLog(settings.log) as log:
        return f"{KAFKA}{await log.cluster()}/{log.address.prefix}"


def refuse_other(generation: Generation, name: str, settings: Settings) -> None:
    """Raise SettingsError, with what to do, where the settings do not fit the generation."""
    number, log, partitions, sealed = generation
    if log is not None and log != name:
        todo = (
            "it is being moved: `faultline log move` prints what is still to drain, and when to start with the new log"
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
    """Return the name of a log in words."""
    cluster, _, prefix = name.removeprefix(KAFKA).partition("/")
    return "PostgreSQL" if name == DATABASE else f"Kafka (cluster {cluster}, prefix {prefix or 'none'})"
