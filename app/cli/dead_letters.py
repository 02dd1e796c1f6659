"""``faultline dead-letters``: records that no retry can process, with their reason and address."""

import asyncio
from datetime import UTC, datetime

import cyclopts
from cyclopts.types import PositiveInt

from app.cli.show import load, out, table
from app.log.dead_letters import find, listing
from app.model import Address
from app.records import DeadLetter
from app.runtime.connect import generation, log, pool
from app.settings import Settings

dead_letters = cyclopts.App(name="dead-letters")


@dead_letters.command(name="list")
def list_newest(*, limit: PositiveInt = 50, project: int | None = None) -> None:
    """List the newest dead letters.

    Args:
        limit: How many at most.
        project: Only those of this project.
    """
    letters = asyncio.run(_newest(load(), limit, project))
    if not letters:
        out.print("no dead letters")
        return
    table(
        ("received", "project", "role", "code", "error", "address"),
        (
            (_time(letter), str(letter.project), letter.role, letter.code, letter.error, _address(letter))
            for letter in letters
        ),
    )


@dead_letters.command(name="show")
def show(topic: str, partition: int, offset: int) -> int:
    """Show one dead letter with the start of its payload, scrubbed.

    Args:
        topic: The first part of its address, such as 1.crashes.
        partition: The second part.
        offset: The third part.
    """
    letters = asyncio.run(_at(load(), Address(topic, partition, offset)))
    for letter in letters:
        summary = f"{letter.role}  {letter.code}: {letter.error}  (project {letter.project})"
        out.print(f"{_time(letter)}  {summary}", markup=False)
        out.print(letter.excerpt, markup=False, highlight=False, soft_wrap=True)
    if not letters:
        out.print("no dead letter has this address")
    return 0 if letters else 1


def _time(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.received / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _address(letter: DeadLetter) -> str:
    return "/".join(map(str, letter.address))


async def _newest(settings: Settings, limit: int, project: int | None) -> list[DeadLetter]:
    async with pool(settings) as connections, log(settings) as opened:
        return await listing(opened, await generation(connections, settings), limit=limit, project=project)


async def _at(settings: Settings, address: Address) -> list[DeadLetter]:
    async with pool(settings) as connections, log(settings) as opened:
        return await find(opened, await generation(connections, settings), address)
