"""The generations of the log: which log each is on, and the check that the settings name that one.

Offsets start again with each generation (ARCHITECTURE.md, "Exactly-once effect"). If another log, or one with another
number of partitions, were taken for the same generation, its offsets would lie below every version and progress, and
the records that the former log acknowledged would never be read.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from app.log.open import kafka_log, on_kafka
from app.settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

DATABASE: Final = "database"
KAFKA: Final = "kafka:"

EMBEDDED: Final = "embedded:"

_LATEST: Final = """
select generation, log, partitions, deltas, sealed is not null from log_generations order by generation desc limit 1"""
_STORE: Final = """
update log_generations set log = $2, partitions = $3, deltas = $4 where generation = $1 and log is null"""


class Generation(NamedTuple):
    """One generation. ``log``, ``partitions`` and ``deltas`` are None until a process has worked on it."""

    number: int
    log: str | None
    partitions: int | None
    """Of every topic but ``deltas`` and ``rates``."""
    deltas: int | None
    """Partitions of ``deltas`` and ``rates``, fixed when the generation is first worked on."""
    sealed: bool
    """True where the source topics accept no more records: the generation is drained, and then another follows."""


async def latest(connection: "Connection | Pool") -> Generation:
    """Return the newest generation, the one that is worked on. Raises asyncpg's errors."""
    [row] = await connection.fetch(_LATEST)
    return Generation(*row)


class Working(NamedTuple):
    """The generation that a process works on, and the partitions of ``deltas`` and ``rates`` in it."""

    number: int
    deltas: int


async def working_generation(connection: "Connection | Pool", settings: Settings) -> Working:
    """Return the newest generation, after storing its log and counts where those are not known yet.

    Raises SettingsError where the settings name another log or another number of partitions, LogUnavailable, and
    asyncpg's errors.
    """
    name = await name_of(settings)
    generation = await latest(connection)
    if generation.log is None:
        deltas = deltas_partitions(settings)
        await connection.execute(_STORE, generation.number, name, settings.partitions, deltas)
        generation = await latest(connection)  # another process may have been quicker
    refuse_other(generation, name, settings)
    return Working(generation.number, generation.deltas or settings.partitions)


def deltas_partitions(settings: Settings) -> int:
    """Return the number of partitions that ``deltas`` and ``rates`` get in a generation that begins now.

    One where the log is in the embedded PostgreSQL: each batch of a source writes one delta for each of them, and there
    is one worker to read them. Elsewhere as many as the sources have, so that processes can share the role rates.
    """
    embedded = settings.database_url.startswith(EMBEDDED) and not on_kafka(settings)
    return 1 if embedded else settings.partitions


async def name_of(settings: Settings) -> str:
    """Return the name of the settings' log, as ``log_generations`` stores it. Raises SettingsError, LogUnavailable."""
    if not on_kafka(settings):
        return DATABASE
    async with kafka_log(settings) as log:
        return f"{KAFKA}{await log.cluster()}/{log.address.prefix}"


def refuse_other(generation: Generation, name: str, settings: Settings) -> None:
    """Raise SettingsError, with what to do, where the settings do not fit the generation."""
    number, log, partitions, _, sealed = generation
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
