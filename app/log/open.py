"""Opens the log that the settings name: tables in PostgreSQL, or Kafka."""

from typing import TYPE_CHECKING

from app.log.contract import LogError
from app.log.kafka import SCHEME
from app.log.postgres.log import PostgresLog
from app.settings import Settings, SettingsError

DATABASE = "database:"

if TYPE_CHECKING:
    from app.log.kafka.log import KafkaLog

    AnyLog = PostgresLog | KafkaLog
else:
    AnyLog = PostgresLog  # the type of a log in Kafka is imported with it


def on_kafka(settings: Settings) -> bool:
    """Return whether the log is in Kafka. Raises SettingsError for a setting that names no log."""
    if settings.log.startswith(SCHEME):
        from app.log.kafka.address import Address  # noqa: PLC0415  app.log.kafka says why

        try:
            Address.parse(settings.log)
        except LogError as error:
            raise SettingsError(f"log: {error}") from error
        return True
    if settings.log != DATABASE:
        raise SettingsError(f"log: {settings.log!r} is neither {DATABASE} nor {SCHEME}host:9092")
    return False


def kafka_log(settings: Settings) -> "KafkaLog":
    """Return the log in Kafka that the settings name, not yet opened. Raises LogError for no address of Kafka."""
    from app.log.kafka.log import KafkaLog  # noqa: PLC0415  app.log.kafka says why

    return KafkaLog(settings.log, retention_days=settings.retention_days, replication=settings.kafka_replication)


def open_log(settings: Settings, *, linger: float = 0.0) -> AnyLog:
    """Return the log of the settings, not yet opened. Raises SettingsError.

    A small append waits ``linger`` seconds for others, where the log is in PostgreSQL.
    """
    if on_kafka(settings):
        return kafka_log(settings)
    reserve = settings.disk_reserve_mb << 20
    return PostgresLog(settings.database_url, reserve_bytes=reserve, disk=settings.data_dir, linger=linger)


async def log_identity(settings: Settings, database: str) -> str:
    """Return the log's name, by which local copies of another log's state are recognised and dropped.

    ``database`` is the identity of the database. Raises LogUnavailable, SettingsError.
    """
    if not on_kafka(settings):
        return database
    async with kafka_log(settings) as log:
        return f"{database}/{await log.cluster()}/{log.address.prefix}"
