"""Sends the planned visits at the wanted rate, then says where to look.

Installation and SDKs are found -> a plan of visits -> each to the application and release that it names -> figures.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from app.demo import shops, target
from app.demo.errors import DemoError
from app.demo.plan import BAD, MENDED, App, Visit, visits
from app.demo.progress import Shown, shown
from app.demo.target import Target
from app.settings import Settings

FETCHING: Final = "Looking for the SDKs of Node (fetched the first time) …"
WAITING: Final = 64
"""Visits under way at once: an application that is slower than the rate holds the others back only then."""


async def send(settings: Settings, events: int, rate: float) -> None:
    """Send ``events`` events and sessions, ``rate`` a second. Raises DemoError."""
    console = Console(soft_wrap=True)
    found = await target.find(settings)
    commands = await _commands(settings.data_dir / "demo", console)
    _say(console, f"Sending to {found.page}")
    log = settings.data_dir / "logs" / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with shown(console, events) as progress:
        async with AsyncExitStack() as stack:
            await _paced(Street(commands, found, log, stack), list(visits(list(commands), events)), rate, progress)
    await _report(console, settings, found)


async def _commands(cache: Path, console: Console) -> dict[App, list[str]]:
    """Find the applications; where Node's cannot be had, go on with Python's."""
    commands = shops.python_shops()
    try:
        if not console.is_terminal:
            _say(console, FETCHING)
        with console.status(FETCHING):
            commands |= await shops.node_shops(cache)
    except DemoError as error:
        _say(console, f"Without the SDKs of Node: {error}")
    return commands


class Street:
    """The running applications; a release of one is deployed when its first visit comes."""

    def __init__(self, commands: dict[App, list[str]], found: Target, log: Path, stack: AsyncExitStack) -> None:
        """Take the applications' commands, where they send to, the file for what they say, and what ends them."""
        self._apps = {each.name: each for each in commands}
        self._commands, self._found, self._log, self._stack = commands, found, log, stack
        self._deployed: dict[tuple[str, str], shops.Deployment] = {}
        self._deploying = asyncio.Lock()

    async def serve(self, visit: Visit) -> None:
        """Have the application that the visit names serve it."""
        await (await self._deployment(visit)).serve(visit)

    async def _deployment(self, visit: Visit) -> shops.Deployment:
        key = visit.app, visit.release
        async with self._deploying:
            if key not in self._deployed:
                shop = self._apps[visit.app]
                environment = self._found.environment(visit.release)
                self._deployed[key] = await self._stack.enter_async_context(
                    shops.Deployment(shop, self._commands[shop], environment, self._log)
                )
                await self._replaced(visit)
            return self._deployed[key]

    async def _replaced(self, visit: Visit) -> None:
        """The release that mends takes the bad one's place: nobody is sent there any more."""
        bad = self._deployed.get((visit.app, BAD))
        if bad is not None and visit.release == MENDED:
            await bad.stop()


async def _paced(street: Street, planned: list[Visit], rate: float, progress: Shown) -> None:
    """Begin each visit when its turn comes."""
    loop, limit = asyncio.get_running_loop(), asyncio.Semaphore(WAITING)
    start, begun = loop.time(), 0

    async def serve(visit: Visit) -> None:
        try:
            await street.serve(visit)
            progress.advance(visit.items, f"release {visit.release}")
        finally:
            limit.release()

    try:
        async with asyncio.TaskGroup() as tasks:
            for visit in planned:
                await asyncio.sleep(start + begun / rate - loop.time())
                await limit.acquire()
                tasks.create_task(serve(visit))
                begun += visit.items
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _report(console: Console, settings: Settings, found: Target) -> None:
    """Say how the releases did, and where to look."""
    for release in sorted(await target.releases(found, datetime.now(UTC)), key=lambda each: str(each["release"])):
        _say(console, _line(release))
    _say(console, f"Look at {found.page}")
    _say(console, f"Sign in (once) by {await target.sign_in(settings, found)}")


def _line(release: dict[str, Any]) -> str:
    free = release["crash_free_sessions"]
    text = f"{release['release']}: {release['crashes']} crashes, {release['sessions']} sessions"
    return text if free is None else f"{text}, {free:.1%} of them without a crash"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
