"""The state of the roles of one worker process, observed from outside their work: lag, watermark, readiness."""

import asyncio
from collections.abc import Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Final

from agents.metrics import DEAD_LETTERS
from app.log.contract import LogError
from app.log.lag import Stage, stage
from app.postgres import AWAY
from app.roles import ROLES
from app.runtime.heartbeat import RateMeter
from app.stores.admin.instances import Figures, Instances
from app.stores.errors import StoreUnavailable
from app.stream import metrics
from app.stream.role import Process, RoleApp
from app.topics import DELTAS, qualified

if TYPE_CHECKING:
    from app.postgres import Pool

TOPICS: Final = {role.name: role.topic for role in ROLES}
LAG_SECONDS: Final = 4.0
"""Less than the time between two beats: where the log takes longer, the lag is left out and no beat is."""
PING_SECONDS: Final = 2.0

Reason = tuple[str, str]
"""A stable code, and a text for people."""


class WorkerStatus:
    """Collects figures and readiness of the roles of one worker process.

    Its ``pool`` serves no role, so that a query for the status never waits behind work.
    """

    def __init__(self, process: Process, pool: "Pool") -> None:
        self._process = process
        self._pool = pool
        self._instances = Instances(pool)
        self._rates = RateMeter()
        metrics.declare(tuple(role.role for role in process.roles))
        metrics.GENERATION.set(process.generation)

    async def figures(self) -> Mapping[str, Figures]:
        """Return the figures of each role and set its gauges; a figure that cannot be read now is None."""
        roles = self._process.roles
        metrics.TABLES_MEMORY.set(self._process.memory.used)
        records = self._rates.of(dict(metrics.totals(metrics.RECORDS, "role")))
        retries = metrics.totals(metrics.RETRIES, "role")
        letters = metrics.totals(DEAD_LETTERS, "role")
        stages = await asyncio.gather(*(self._stage(role) for role in roles))
        watermarks = await asyncio.gather(*(self._watermark(role) for role in roles))
        now = time()
        figures: dict[str, Figures] = {}
        for role, behind, watermark in zip(roles, stages, watermarks, strict=True):
            figures[role.role] = Figures(
                records=records.get(role.role),
                lag_records=behind.records if behind else None,
                lag_seconds=_seconds(behind, now),
                watermark=watermark,
                partitions=sorted(role.claims),
                errors=retries.get(role.role, 0),
                dead_letters=letters.get(role.role, 0),
                waits=next(iter(role.waiting.values()), ""),
            )
            _set_gauges(role, figures[role.role])
        return figures

    async def unready(self) -> list[Reason]:
        """Return the reasons why this process cannot do its work, [] where it can."""
        reasons = [reason for role in self._process.roles for reason in _unready(role)]
        database, log = await asyncio.gather(self._database(), self._log())
        return [*reasons, *database, *log]

    async def _stage(self, role: RoleApp) -> Stage | None:
        topic = TOPICS.get(role.role)
        if topic is None or not role.claims:
            return None
        try:
            async with asyncio.timeout(LAG_SECONDS):
                return await stage(role.log, role.generation, role.role, topic, set(role.claims))
        except (LogError, *AWAY):
            return None

    async def _watermark(self, role: RoleApp) -> int | None:
        if TOPICS.get(role.role) != DELTAS or not role.claims:
            return None
        try:
            return await self._instances.watermark(qualified(role.generation, DELTAS), sorted(role.claims))
        except StoreUnavailable:
            return None

    async def _database(self) -> list[Reason]:
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._pool.fetchval("select 1")
        except AWAY:
            return [("store_unavailable", "The database does not answer.")]
        return []

    async def _log(self) -> list[Reason]:
        # A role opens the log before it gets partitions: one that has claims has an open log.
        opened = next((role for role in self._process.roles if role.claims), None)
        if opened is None:
            return []
        try:
            async with asyncio.timeout(PING_SECONDS):
                await opened.log.bounds(qualified(opened.generation, DELTAS))
        except (LogError, *AWAY):
            return [("log_unavailable", "The log does not answer.")]
        return []


def _unready(role: RoleApp) -> Sequence[Reason]:
    """Return what a role waits for. Partitions are assigned only once their tables are recovered."""
    if role.faust.consumer_generation_id == 0:
        return [("not_assigned", f"Role {role.role} has no partitions yet: it joins its group or recovers tables.")]
    if role.faust.rebalancing:
        return [("rebalancing", f"The partitions of role {role.role} are being moved.")]
    if role.waiting:
        error = next(iter(role.waiting.values()))
        return [("backend_unavailable", f"{len(role.waiting)} partitions of role {role.role} wait: {error}.")]
    return []


def _seconds(behind: Stage | None, now: float) -> float | None:
    """Return the age of the oldest record that waits, in s; 0 where none waits."""
    if behind is None:
        return None
    return 0.0 if behind.oldest is None else max(0.0, now - behind.oldest / 1000)


def _set_gauges(role: RoleApp, figures: Figures) -> None:
    metrics.PARTITIONS.labels(role.role).set(len(role.claims))
    metrics.STUCK.labels(role.role).set(len(role.waiting))
    metrics.REBALANCES.labels(role.role).set(role.faust.consumer_generation_id)
    for gauge, value in ((metrics.LAG_RECORDS, figures.lag_records), (metrics.LAG_SECONDS, figures.lag_seconds)):
        if value is not None:
            gauge.labels(role.role).set(value)
    if figures.watermark is not None:
        metrics.WATERMARK.labels(role.role).set(figures.watermark / 1000)
