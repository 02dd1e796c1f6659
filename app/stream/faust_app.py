"""The Faust side of a role: its App, on the transport of the log that the settings name."""

import logging
from typing import ClassVar, Final

import faust
from faust.app.base import BootStrategy
from faust.sensors import Monitor
from faust.tables.manager import TableManager
from mode import CrashingSupervisor, Service

from app.errors import code_of
from app.log.open import on_kafka
from app.roles import group_of
from app.stream.contract import Role
from app.stream.kafka import Transport as KafkaTransport
from app.stream.postgres import Transport as PostgresTransport

COMMIT_SECONDS: Final = 0.5
"""Work that a killed process leaves to be done again, and the age of the commits that "complete until" goes by."""

PRODUCE_SECONDS: Final = 30.0
"""Faust's default of 20 minutes would keep an unacknowledged changelog record for as long."""

log = logging.getLogger(__name__)


class _Boot(BootStrategy):
    enable_web = False


class _Tables(TableManager):
    """Faust's manager without its tables: it only resumes the streams, and need not wait a second to do so."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _Monitor(Monitor):
    """Faust's monitor without its sampling once a second, which nothing here reads."""

    @Service.task
    async def _sampler(self) -> None:
        pass


class FaustApp(faust.App):
    """The Faust App of a role; agents see the role alone."""

    BootStrategy = _Boot
    role_app: Role
    _reported: ClassVar[BaseException | None] = None

    @classmethod
    def of(cls, role: Role, directory: str) -> "FaustApp":
        """Return the App of a role, whose id is its consumer group; ``directory`` is for Faust's own files."""
        app = cls(
            group_of(role.role),
            broker="kafkab://" if on_kafka(role.settings) else "pglog://",
            store="memory://",
            datadir=directory,
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_partitions=role.settings.partitions,
            table_standby_replicas=0,
            key_serializer="raw",
            value_serializer="raw",
            stream_wait_empty=True,
            broker_commit_interval=COMMIT_SECONDS,
            producer_request_timeout=PRODUCE_SECONDS,
            agent_supervisor=CrashingSupervisor,
            TableManager=_Tables,
            Monitor=_Monitor,
            Worker="app.runtime.worker:RoleWorker",
        )
        app.role_app = role
        return app

    def _new_transport(self) -> PostgresTransport | KafkaTransport:
        driver = KafkaTransport if on_kafka(self.role_app.settings) else PostgresTransport
        return driver(self.conf.broker_consumer, self)

    _new_producer_transport = _new_transport

    async def on_first_start(self) -> None:
        """Create the data folder with its parents, which Faust does not."""
        self.conf.tabledir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        """Open what the role needs before its consumer and agents start."""
        await super().on_start()
        await self.role_app.open(self.add_async_context)

    def _crash(self, reason: BaseException) -> None:
        # Every fatal error of any part comes through here, of all Apps of the process: it is named once.
        if FaustApp._reported is not reason:
            FaustApp._reported = reason
            log.critical(
                "role %s ends the process: %s: %s", self.role_app.role, code_of(reason), reason or repr(reason)
            )
        super()._crash(reason)
