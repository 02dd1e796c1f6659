"""``faultline migrate``: brings the schema and the topics up to date."""

import asyncio
from collections.abc import Iterator

import asyncpg
import msgspec

from app.cli.show import out
from app.log.contract import TopicSpec
from app.log.kafka.log import KafkaLog
from app.log.open import open_log
from app.roles import ROLE_NAMES
from app.runtime.connect import database_url
from app.settings import Settings
from app.stores.admin.migrate import migrate as apply


def migrate(settings: Settings) -> None:
    """Apply what is missing and print what was applied.

    Raises SettingsError where the settings name another log than that of the working generation, LogError where a topic
    has another number of partitions than the settings say.
    """
    reachable = msgspec.structs.replace(settings, database=database_url(settings))
    done = [f"applied {name}" for name in asyncio.run(_schema(reachable))]
    done += asyncio.run(_topics(reachable, topics_of(reachable)))
    out.print("\n".join(done) or "nothing to do: the schema and the topics are up to date", markup=False)


def topics_of(settings: Settings) -> list[TopicSpec]:
    """Return every topic of the working generation, the changelogs of all roles included; blocks."""
    from app.runtime.worker import build  # noqa: PLC0415  agents and Faust take a second to load

    roles = build(msgspec.structs.replace(settings, roles=",".join(ROLE_NAMES)))
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
    return list(_report(specs, made, renewed))


def _report(specs: list[TopicSpec], made: list[str], renewed: list[str]) -> Iterator[str]:
    for spec in specs:
        if spec.name in made:
            yield f"made topic {spec.name} ({spec.partitions} partitions, {spec.policy})"
        elif spec.name in renewed:
            yield f"renewed retention and limits of topic {spec.name}"
