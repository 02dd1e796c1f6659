"""``faultline migrate``: the schema and the topics."""

import asyncio
from collections.abc import Iterator

import asyncpg
import msgspec

from app.cli.show import out
from app.log.contract import TopicSpec
from app.log.kafka.log import KafkaLog
from app.log.open import open_log
from app.runtime.connect import database_url
from app.settings import Settings
from app.stores.admin.migrate import migrate as apply


def migrate(settings: Settings) -> None:
    """Apply what is missing and say what was applied.

    Raises SettingsError where the settings name another log than the one that is worked on, LogError where a topic has
    other partitions than it must.
    """
    reached = msgspec.structs.replace(settings, database=database_url(settings))
    done = [f"applied {name}" for name in asyncio.run(_schema(reached))]
    done += asyncio.run(_topics(reached, topics_of(reached)))
    out.print("\n".join(done) or "nothing to do: the schema and the topics are up to date", markup=False)


def topics_of(settings: Settings) -> list[TopicSpec]:
    """Give every topic of the generation that is worked on, those of all roles' tables included; blocks."""
    from app.runtime.worker import ROLES, build  # noqa: PLC0415  agents and Faust take a second to load

    roles = build(msgspec.structs.replace(settings, roles=",".join(ROLES)))
    return list(dict.fromkeys(spec for role in roles for spec in role.specs()))


async def _schema(settings: Settings) -> list[str]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return await apply(connection)
    finally:
        await connection.close()


async def _topics(settings: Settings, specs: list[TopicSpec]) -> list[str]:
    async with open_log(settings) as log:
        made = await log.ensure(specs)
        renewed = await log.renew(specs) if isinstance(log, KafkaLog) else []
    return list(_said(specs, made, renewed))


def _said(specs: list[TopicSpec], made: list[str], renewed: list[str]) -> Iterator[str]:
    for spec in specs:
        if spec.name in made:
            yield f"made topic {spec.name} ({spec.partitions} partitions, {spec.policy})"
        elif spec.name in renewed:
            yield f"renewed retention and limits of topic {spec.name}"
