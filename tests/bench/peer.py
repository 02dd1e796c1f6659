"""The peer: the crashes agent's job as Faust's guide teaches to write it, one event at a time, on Faust's own tables.

It calls the same pure functions. It is not exact: after a kill it counts again what is delivered again. PEER_COUNTS
says where its counts go: ``tables``, a ``faust.Table`` of windows (the job of Faultline's roles crashes and rates
together), or ``topic``, one record for each cell (the job of the role crashes).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
import faust
import msgspec

from agents.batch.blocks import summary_of
from agents.batch.crashes import KINDS
from agents.batch.deltas import Windows, crash_cells, crash_windows
from agents.batch.records import key_of, read_facts, user_of
from app import settings as settings_of
from app.grouping import group
from app.log.contract import Record, TopicSpec
from app.log.postgres.log import PostgresLog
from app.normalise import event as normalise
from app.normalise import scrub
from app.runtime.worker import open_process, run
from app.stores.admin.projects import Projects
from app.stream.batching import BatchSchema
from app.stream.role import RoleApp
from app.topics import CRASHES
from tests.bench.peer_log import Transport

WHERE: Final = "PEER_COUNTS"
GROUP: Final = "faultline-peer"
REPORTS, COUNTS = "peer-reports", "peer-counts"
TABLES: Final = ("peer-seen", "peer-windows")

_encode: Final = msgspec.msgpack.Encoder().encode
Count = Callable[[str, Windows, int | None], Awaitable[None]]


def define(app: faust.App, source: str, secrets: Mapping[int, bytes], where: str) -> None:
    """Define topics, tables and one agent on the app, as Faust's guide does."""
    seen: Any = app.Table(TABLES[0], partitions=app.conf.topic_partitions, store="rocksdb://")
    reports = app.topic(REPORTS, key_serializer="raw", value_serializer="raw")
    count = _in_table(app) if where == "tables" else _to_topic(app)

    async def work(record: Record) -> None:
        facts = read_facts(record, KINDS)
        key = key_of(record, facts.event_id, facts.project)
        if key.hex() in seen:
            return
        payload = scrub(record.value or b"", facts.rules)
        event = normalise(facts, payload)
        grouped = group(event)
        user = user_of(secrets, event.project, event.user.identity)
        windows = crash_windows(event.time, event.received)
        for cell in crash_cells(event.project, grouped.group, event.release):
            await count(cell, windows, user)
        await reports.send(key=key, value=_encode((summary_of(event, grouped, record.offset), facts, payload)))
        seen[key.hex()] = record.offset

    async def crashes(stream: Any) -> None:  # noqa: ANN401  Faust's untyped stream
        async for batch in stream:
            for record in batch.records:
                await work(record)

    app.agent(app.topic(source, schema=BatchSchema()), name="peer.crashes")(crashes)


def _in_table(app: faust.App) -> Count:
    windows: Any = app.Table(TABLES[1], default=int, partitions=app.conf.topic_partitions, store="rocksdb://")

    async def count(cell: str, of: Windows, _user: int | None) -> None:
        for size, start in of:
            windows[f"{cell}|{size}|{start}"] += 1

    return count


def _to_topic(app: faust.App) -> Count:
    counts = app.topic(COUNTS, key_serializer="raw", value_serializer="raw")

    async def count(cell: str, of: Windows, user: int | None) -> None:
        await counts.send(key=cell.encode(), value=_encode((of, user)))

    return count


async def _prepare(url: str, partitions: int, changelogs: list[str]) -> dict[int, bytes]:
    """Make the topics; return by project the secret of its user hashes."""
    async with PostgresLog(url) as log:
        await log.ensure([TopicSpec(name, partitions) for name in (REPORTS, COUNTS, *changelogs)])
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        projects = Projects(pool)
        return {project.id: await projects.user_secret(project.id) for project in await projects.list()}


def main() -> None:
    """Run the peer until SIGTERM."""
    process = open_process(settings_of.load())
    role = RoleApp("peer", process)
    app = role.faust
    app.transport = app.producer_transport = Transport(app.conf.broker_consumer, app)
    changelogs = [f"{GROUP}-{table}-changelog" for table in TABLES]
    secrets = asyncio.run(_prepare(process.settings.database_url, process.settings.partitions, changelogs))
    define(app, f"{process.generation}.{CRASHES}", secrets, os.environ[WHERE])
    run([role])


if __name__ == "__main__":
    main()
