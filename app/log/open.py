"""Opens the log that the settings name: tables in PostgreSQL, or Kafka."""

from app.log.contract import LogError
from app.log.kafka.address import SCHEME, Address
from app.log.kafka.log import KafkaLog
from app.log.postgres.log import PostgresLog
from app.settings import Settings, SettingsError

DATABASE = "database:"

AnyLog = PostgresLog | KafkaLog


def on_kafka(settings: Settings) -> bool:
    """Return whether the log is in Kafka. Raises SettingsError for a setting that names no log."""
    if settings.log.startswith(SCHEME):
        try:
            Address.parse(settings.log)
        except LogError as error:
            raise SettingsError(f"log: {error}") from error
        return True
    if settings.log != DATABASE:
        raise SettingsError(f"log: {settings.log!r} is neither {DATABASE} nor {SCHEME}host:9092")
    return False


def open_log(settings: Settings, *, linger: float = 0.0) -> AnyLog:
    """Return the log of the settings, not yet opened. Raises SettingsError.

    A small append waits ``linger`` seconds for others, where the log is in PostgreSQL.
    """
    if on_kafka(settings):
        return KafkaLog(settings.log, retention_days=settings.retention_days, replication=settings.kafka_replication)
    reserve = settings.disk_reserve_mb << 20
    return PostgresLog(settings.database_url, reserve_bytes=reserve, disk=settings.data_dir, linger=linger)


async def log_identity(settings: Settings, database: str) -> str:
    """Return the log's name, by which local copies of another log's state are recognised and dropped.

    ``database`` is the identity of the database. Raises LogUnavailable, SettingsError.
    """
    if not on_kafka(settings):
        return database
    async with KafkaLog(settings.log) as log:
        return f"{database}/{await log.cluster()}/{log.address.prefix}"
