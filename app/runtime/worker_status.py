"""Looks at the roles of this process from outside their work: how far they are behind, and whether they can work."""

import asyncio
from collections.abc import Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Final

from agents.metrics import DEAD_LETTERS
from app.log.contract import LogError
from app.log.lag import READERS, Stage, stage
from app.postgres import AWAY
from app.runtime.heartbeat import Rates
from app.stores.admin.instances import Figures, Instances
from app.stores.errors import StoreUnavailable
from app.stream import metrics
from app.stream.role import Process, RoleApp
from app.topics import DELTAS, qualified

if TYPE_CHECKING:
    from app.postgres import Pool

TOPICS: Final = dict(READERS)
LOOK_SECONDS: Final = 4.0
"""A look that takes longer than the time between two beats is given up: a figure is left out, no beat."""
PING_SECONDS: Final = 2.0

Reason = tuple[str, str]
"""A stable code, and a text for people."""


class Watch:
    """The roles of one process, as its metrics, its row among the instances and its readiness tell of them."""

    def __init__(self, process: Process, pool: "Pool") -> None:
        """Take the process and a pool of its own, so that no look waits behind work."""
        self._process = process
        self._pool = pool
        self._instances = Instances(pool)
        self._rates = Rates()
        metrics.declare(tuple(role.role for role in process.roles))
        metrics.GENERATION.set(process.generation)

    async def figures(self) -> Mapping[str, Figures]:
        """Give the figures of each role, and set its gauges; what cannot be told now is None."""
        roles = self._process.roles
        metrics.TABLES_MEMORY.set(self._process.memory.used)
        records = self._rates.of(dict(metrics.totals(metrics.RECORDS, "role")))
        retries = metrics.totals(metrics.RETRIES, "role")
        letters = metrics.totals(DEAD_LETTERS, "role")
        stages = await asyncio.gather(*(self._stage(role) for role in roles))
        marks = await asyncio.gather(*(self._watermark(role) for role in roles))
        now = time()
        found: dict[str, Figures] = {}
        for role, behind, mark in zip(roles, stages, marks, strict=True):
            found[role.role] = Figures(
                records=records.get(role.role),
                lag_records=behind.records if behind else None,
                lag_seconds=_seconds(behind, now),
                watermark=mark,
                partitions=sorted(role.claims),
                errors=retries.get(role.role, 0),
                dead_letters=letters.get(role.role, 0),
                waits=next(iter(role.waiting.values()), ""),
            )
            _set(role, found[role.role])
        return found

    async def unready(self) -> list[Reason]:
        """Give what keeps this process from its work, [] for nothing."""
        reasons = [reason for role in self._process.roles for reason in _unready(role)]
        database, log = await asyncio.gather(self._database(), self._log())
        return [*reasons, *database, *log]

    async def _stage(self, role: RoleApp) -> Stage | None:
        topic = TOPICS.get(role.role)
        if topic is None or not role.claims:
            return None
        try:
            async with asyncio.timeout(LOOK_SECONDS):
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
    """Tell what a role waits for; partitions are assigned only once their tables are recovered."""
    if role.faust.consumer_generation_id == 0:
        return [("not_assigned", f"Role {role.role} has no partitions yet: it joins its group or recovers tables.")]
    if role.faust.rebalancing:
        return [("rebalancing", f"The partitions of role {role.role} are being moved.")]
    if role.waiting:
        error = next(iter(role.waiting.values()))
        return [("backend_unavailable", f"{len(role.waiting)} partitions of role {role.role} wait: {error}.")]
    return []


def _seconds(behind: Stage | None, now: float) -> float | None:
    """Give the age of the first record that waits, in s."""
    if behind is None:
        return None
    return 0.0 if behind.oldest is None else max(0.0, now - behind.oldest / 1000)


def _set(role: RoleApp, figures: Figures) -> None:
    metrics.PARTITIONS.labels(role.role).set(len(role.claims))
    metrics.STUCK.labels(role.role).set(len(role.waiting))
    metrics.REBALANCES.labels(role.role).set(role.faust.consumer_generation_id)
    for gauge, value in ((metrics.LAG_RECORDS, figures.lag_records), (metrics.LAG_SECONDS, figures.lag_seconds)):
        if value is not None:
            gauge.labels(role.role).set(value)
    if figures.watermark is not None:
        metrics.WATERMARK.labels(role.role).set(figures.watermark / 1000)
