"""Kafka's address, the options of all clients, and the translation of Kafka's errors into the log's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Self

from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.structs import TopicPartition

from app.log.contract import LogError, LogUnavailable, Record, RecordTooLarge
from app.log.kafka import SCHEME
from app.log.postgres.rows import MAX_RECORD

CONNECT_SECONDS: Final = 5.0
"""A broker on the same network answers in milliseconds; one that takes longer is as good as away."""

REQUEST_MS: Final = 5000
FETCH_BYTES: Final = 1 << 20
"""Bytes (compressed) fetched ahead of each partition; a broker sends a larger batch whole."""

BATCH_BYTES: Final = 512 << 10
OVERHEAD: Final = 64 << 10
"""Bytes that Kafka's framing may add to the largest record."""

LARGEST_BATCH: Final = MAX_RECORD + OVERHEAD
STAMP: Final = "stamp"
"""The header that holds a record's stamp in decimal. Kafka's own timestamp is the time of the append, because both
retention and a broker's plausibility checks use it."""


class Address(NamedTuple):
    """``kafka://host:9092,host:9092/prefix``: the brokers, and the prefix of names where a cluster is shared."""

    servers: list[str]
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse the setting. Raises LogError for one that is no address of Kafka."""
        servers, _, prefix = url.removeprefix(SCHEME).partition("/")
        named = [server.strip() for server in servers.split(",") if server.strip()]
        if not url.startswith(SCHEME) or not named:
            raise LogError(f"{url!r} is no address of Kafka: kafka://host:9092,host:9092 or kafka://host:9092/prefix")
        return cls(named, prefix.strip("/"))

    def name(self, ours: str) -> str:
        """Return Kafka's name of a topic or consumer group of ours."""
        return f"{self.prefix}.{ours}" if self.prefix else ours

    def partition(self, topic: str, number: int) -> TopicPartition:
        """Return Kafka's name of a partition."""
        return TopicPartition(self.name(topic), number)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of every client."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": "faultline",
            "request_timeout_ms": REQUEST_MS,
            "metadata_max_age_ms": 30_000,
        }


def record_of(topic: str, fetched: Any) -> Record:  # noqa: ANN401  aiokafka publishes no types
    """Convert aiokafka's record of a topic of ours."""
    headers = dict(fetched.headers)
    stamp = int(headers.pop(STAMP, b"") or fetched.timestamp)
    return Record(topic, fetched.partition, fetched.offset, fetched.key, fetched.value, headers, stamp)


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of Kafka and of the network into those of the log's contract."""
    try:
        yield
    except (MessageSizeTooLargeError, RecordTooLargeError) as error:
        raise RecordTooLarge(f"Kafka refuses a record as too large ({error})") from error
    except (KafkaTimeoutError, TimeoutError, OSError) as error:
        raise LogUnavailable(f"Kafka does not answer ({type(error).__name__})") from error
    except KafkaError as error:
        if error.retriable:
            raise LogUnavailable(f"Kafka cannot be used for now ({type(error).__name__})") from error
        raise LogError(f"Kafka refuses ({type(error).__name__}: {error})") from error
    except (ValueError, TypeError, AttributeError) as error:  # for a value of a wrong type: a retry cannot help
        raise LogError(f"Kafka's client refuses a value ({error})") from error
