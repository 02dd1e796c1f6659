"""Kafka: one process that is broker and controller (KRaft), 512 MiB of heap. Topics are made by who needs them."""

import asyncio
import contextlib
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from tests.servers.cache import run
from tests.servers.java import java_home, maven
from tests.servers.process import Server, served
from tests.support.ports import free_ports, listens

LEAST_JAVA: Final = 17


def kafka() -> contextlib.AbstractContextManager[Server]:
    """Run one; its address is ``host:port``. Raises Unavailable, ServerFailed."""
    home = fetch()
    java = [
        str(java_home(LEAST_JAVA) / "bin" / "java"), "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp", f"{home}/*",
    ]  # fmt: skip

    def make(folder: Path) -> Server:
        clients, controller = free_ports(2)
        settings = _configured(folder, clients, controller)
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        run(
            "Kafka cannot lay out its data",
            [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings)],
            folder,
        )
        return Server(f"127.0.0.1:{clients}", [*java, "kafka.Kafka", str(settings)], folder, lambda: _answers(clients))

    return served("kafka", make)


def fetch() -> Path:
    """Return the folder with Kafka's jars. Raises Unavailable."""
    return maven("kafka")


def _configured(folder: Path, clients: int, controller: int) -> Path:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{clients}",
        "log.dirs": folder / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "broker.session.timeout.ms": 3000,  # a broker that was killed may register again after this
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,  # the members of tests join one by one and would wait each time
        "group.min.session.timeout.ms": 1000,
    }
    path = folder / "server.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


def _answers(port: int) -> bool:
    """Return whether a client can bootstrap; in a thread, as the caller may be in a loop of its own."""
    if not listens(port):
        return False
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _bootstraps(port)).result()


async def _bootstraps(port: int) -> bool:
    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=3000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
