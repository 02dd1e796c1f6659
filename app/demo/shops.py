"""The demo's applications: real SDKs in child processes, one for each application and release."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

import msgspec

import app
from app.demo.errors import DemoError
from app.demo.node import packages
from app.demo.plan import App, Visit

STOP_SECONDS: Final = 20.0
"""Seconds for an SDK to send its queue at the end."""
MADE_UP: Final = {"SHOP_DB_PASSWORD": "made-up-password", "PAYMENT_API_KEY": "made-up-key"}
"""raygun4py sends the environment: these values show that scrubbing works."""
KEPT: Final = ("PATH", "LANG", "SYSTEMROOT", "NODE_EXTRA_CA_CERTS")
"""The variables of the user's environment that the applications need."""
PYTHON_SHOPS: Final = {
    App("Python, sentry-sdk", sessions=True): ("sentry_sdk", "app.demo.sentry_shop"),
    App("Python, raygun4py", sessions=False): ("raygun4py", "app.demo.raygun_shop"),
}
NODE_SHOPS: Final = {
    App("Node, @sentry/node", sessions=True): "sentry_shop.mjs",
    App("Node, raygun", sessions=False): "raygun_shop.mjs",
}


def python_shops() -> dict[App, list[str]]:
    """Return the commands of the applications whose SDK is installed. Raises DemoError where none is."""
    commands = {
        shop: [sys.executable, "-P", "-m", module]
        for shop, (package, module) in PYTHON_SHOPS.items()
        if find_spec(package)
    }
    if not commands:
        raise DemoError("no SDK is installed: `pip install 'faultline[demo]'` (`make demo` does it)")
    return commands


async def node_shops(cache: Path) -> dict[App, list[str]]:
    """Return the commands of the Node applications; fetches their packages the first time. Raises DemoError."""
    folder = await asyncio.to_thread(packages.provide, cache)
    return {shop: [packages.node(), str(folder / name)] for shop, name in NODE_SHOPS.items()}


class Deployment:
    """One application on one release, as a child process; an async context manager.

    ``log`` is the file that takes the process's stderr.
    """

    def __init__(self, shop: App, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._shop, self._command, self._log = shop, command, log
        self._environment = dict(environment)
        self._lock = asyncio.Lock()
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=log, env=_clean() | self._environment,
                start_new_session=True,
            )  # fmt: skip
        return self

    async def serve(self, visit: Visit) -> None:
        """Have it serve a visit; return once that is handed to its SDK. Raises DemoError where the process ended."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101  both are pipes
        assert process.stdout is not None  # noqa: S101
        async with self._lock:
            try:
                process.stdin.write(msgspec.json.encode(visit) + b"\n")
                await process.stdin.drain()
            except ConnectionError:
                raise self._ended() from None
            if not await process.stdout.readline():
                raise self._ended()

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await self.stop()

    async def stop(self) -> None:
        """Close its input and wait until its SDK has sent its queue; safe to repeat. Raises DemoError."""
        process = self._running()
        try:
            async with self._lock, asyncio.timeout(STOP_SECONDS):
                if process.stdin is not None:
                    process.stdin.close()
                await process.wait()
        except TimeoutError:
            raise DemoError(f"the shop ({self._shop.name}) did not end; {self._log} says why") from None
        finally:
            if process.returncode is None:
                process.kill()

    def _running(self) -> Process:
        if self._process is None:
            raise DemoError(f"the shop ({self._shop.name}) is not started")
        return self._process

    def _ended(self) -> DemoError:
        return DemoError(f"the shop ({self._shop.name}) ended; {self._log} says why")


def _clean() -> dict[str, str]:
    """Return an environment without the variables of the person at this machine: SDKs send it."""
    root = str(Path(next(iter(app.__path__))).parent)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | MADE_UP | {"PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}
