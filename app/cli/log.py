"""``faultline log``: shows which log the events are in, and moves to another one."""

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncpg
import cyclopts
import msgspec

from app.cli.migrate import topics_of
from app.cli.show import CliError, load, out, table
from app.log import moving
from app.log.contract import Log, TopicSpec
from app.log.generations import described, latest, name_of, working_generation
from app.log.open import open_log
from app.runtime.connect import database_url
from app.settings import Settings
from app.topics import CRASHES, RATES, SESSIONS, TIMINGS, qualified
from tables import names, seen, sessions

log = cyclopts.App(name="log")

CARRIED: Final[Mapping[str, tuple[str, moving.Shift]]] = {
    "faultline-crashes-seen-changelog": (CRASHES, seen.shifted),
    "faultline-timings-seen-changelog": (TIMINGS, names.shifted),
    "faultline-sessions-sessions-changelog": (SESSIONS, sessions.shifted),
}
"""By changelog the topic that its offsets are of, and the function that shifts its records."""

LEFT: Final = frozenset({RATES})
"""Changelogs that are not carried over: their content is in PostgreSQL, and is read from there."""

_ALL: Final = """
select generation::text, coalesce(log, ''), coalesce(partitions::text, ''),
  case when sealed is null then 'open' else 'sealed' end, coalesce(deltas::text, '')
from log_generations order by generation"""


@log.command(name="show")
def show() -> None:
    """List the generations of the log; the last one is the working one."""
    rows = asyncio.run(_rows(load()))
    table(
        ("generation", "log", "partitions", "state", "partitions of deltas"),
        ((number, described(name) if name else "not used yet", *rest) for number, name, *rest in rows),
    )


@log.command(name="move")
def move(new: str) -> None:
    """Move to another log without losing or doubling an event, with FAULTLINE_LOG as it is now.

    New events are refused from the start of the move (SDKs get 503 and send again) until every process was started with
    the new setting. The workers must run until they have processed everything in the old log. The move can be
    interrupted and run again.

    Args:
        new: The new setting: database: or kafka://host:9092,host:9092/prefix.
    """
    settings = load()
    old = msgspec.structs.replace(settings, database=database_url(settings))
    asyncio.run(_move(old, msgspec.structs.replace(old, log=new), topics_of(old)))


async def _rows(settings: Settings) -> list[tuple[str, ...]]:
    connection = await asyncpg.connect(database_url(settings))
    try:
        return [(*row,) for row in await connection.fetch(_ALL)]
    finally:
        await connection.close()


async def _move(old: Settings, new: Settings, specs: list[TopicSpec]) -> None:
    name = await name_of(new)
    connection = await asyncpg.connect(old.database_url)
    try:
        async with moving.alone(connection), open_log(old) as source, open_log(new) as target:
            number, deltas = await working_generation(connection, old)
            if specs != [spec for spec in specs if spec.name.startswith(qualified(number, ""))]:
                raise CliError(f"the log was moved meanwhile: it is at generation {number} now")
            await moving.prepare(target, number + 1, _next(number, specs))
            await moving.seal(connection, source, number)
            out.print(f"sealed generation {number} in {described((await latest(connection)).log or '')}", markup=False)
            await _drain(source, number)
            for changelog, (topic, shift) in CARRIED.items():
                count = await moving.carry(source, target, number, changelog, topic, shift)
                out.print(f"carried over {count} records of {changelog}", markup=False)
            await moving.open_next(connection, number, name, old.partitions, deltas)
            out.print(f"generation {number + 1} is open in {described(name)}: set FAULTLINE_LOG={new.log} and start "
                      "every process again", markup=False, soft_wrap=True)  # fmt: skip
    finally:
        await connection.close()


def _next(number: int, specs: list[TopicSpec]) -> list[TopicSpec]:
    unqualified = {spec.name.removeprefix(qualified(number, "")): spec for spec in specs}
    known = CARRIED.keys() | LEFT
    unknown = [name for name, spec in unqualified.items() if spec.policy == "compact" and name not in known]
    if unknown:
        raise CliError(f"this version cannot carry over the changelogs {', '.join(unknown)}")
    return [spec._replace(name=qualified(number + 1, name)) for name, spec in unqualified.items()]


async def _drain(source: Log, number: int) -> None:
    printed: Mapping[str, int] = {}
    async for left in moving.drain(source, number):
        if left != printed:
            waits = ", ".join(f"{role} {count}" for role, count in left.items())
            out.print(f"still to drain (records, by role; their workers must run): {waits}", soft_wrap=True)
        printed = left
    out.print("drained")
