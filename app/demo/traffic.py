"""Sends the planned visits at the wanted rate, then prints the figures and where to look.

Find installation and SDKs -> plan the visits -> send each to the application and release that it names -> figures.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from app.demo import shops, target, timings
from app.demo.errors import DemoError
from app.demo.plan import BAD, MENDED, App, Visit, visits
from app.demo.progress import Display, display
from app.demo.target import Target
from app.settings import Settings

FETCHING: Final = "Looking for the SDKs of Node (fetched the first time) …"
WAITING: Final = 64
"""Visits in flight at once: only beyond them does an application slower than the rate hold the others back."""


async def send(settings: Settings, events: int, rate: float) -> None:
    """Send ``events`` events and sessions, ``rate`` a second. Raises DemoError."""
    console = Console(soft_wrap=True)
    installation = await target.find(settings)
    commands = await _commands(settings.data_dir / "demo", console)
    _print(console, f"Sending to {installation.page}")
    log = settings.data_dir / "logs" / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with display(console, events) as progress:
        async with AsyncExitStack() as stack:
            applications = Applications(commands, installation, log, stack)
            planned = list(visits(list(commands), events))
            await timings.send(installation, planned)
            await _paced(applications, planned, rate, progress)
    await _report(console, settings, installation)


async def _commands(cache: Path, console: Console) -> dict[App, list[str]]:
    """Return the commands of the applications; where Node's cannot be fetched, those of Python alone."""
    commands = shops.python_shops()
    try:
        if not console.is_terminal:
            _print(console, FETCHING)
        with console.status(FETCHING):
            commands |= await shops.node_shops(cache)
    except DemoError as error:
        _print(console, f"Without the SDKs of Node: {error}")
    return commands


class Applications:
    """The running applications: a release of one is deployed at its first visit.

    They send to ``destination`` and log to ``log``; ``stack`` stops them when it is closed.
    """

    def __init__(self, commands: dict[App, list[str]], destination: Target, log: Path, stack: AsyncExitStack) -> None:
        self._apps = {shop.name: shop for shop in commands}
        self._commands, self._destination, self._log, self._stack = commands, destination, log, stack
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
                environment = self._destination.environment(visit.release)
                self._deployed[key] = await self._stack.enter_async_context(
                    shops.Deployment(shop, self._commands[shop], environment, self._log)
                )
                await self._stop_replaced(visit)
            return self._deployed[key]

    async def _stop_replaced(self, visit: Visit) -> None:
        """Stop the bad release once the one that fixes it is deployed: no later visit is to it."""
        bad = self._deployed.get((visit.app, BAD))
        if bad is not None and visit.release == MENDED:
            await bad.stop()


async def _paced(applications: Applications, planned: list[Visit], rate: float, progress: Display) -> None:
    """Begin each visit at its time, ``rate`` items a second."""
    loop, limit = asyncio.get_running_loop(), asyncio.Semaphore(WAITING)
    start, begun = loop.time(), 0

    async def serve(visit: Visit) -> None:
        try:
            await applications.serve(visit)
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


async def _report(console: Console, settings: Settings, destination: Target) -> None:
    """Print the figures of the releases, and where to look."""
    releases = await target.releases(destination, datetime.now(UTC))
    for release in sorted(releases, key=lambda row: str(row["release"])):
        _print(console, _line(release))
    _print(console, f"Look at {destination.page}")
    _print(console, f"Sign in (once) by {await target.sign_in(settings, destination)}")


def _line(release: dict[str, Any]) -> str:
    free = release["crash_free_sessions"]
    text = f"{release['release']}: {release['crashes']} crashes, {release['sessions']} sessions"
    return text if free is None else f"{text}, {free:.1%} of them without a crash"


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
