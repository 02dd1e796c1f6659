"""Runs the small shops of ``sdks/``: real SDKs as child processes, those of browsers in Chromium."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from playwright.async_api import async_playwright

from tests.system import old_sdks, provision

SECRET = "fake-password"  # noqa: S105  made up
"""The Python SDKs send it with local variables and the environment."""
RUN_SECONDS = 90
"""Seconds until a test fails because of a shop, for a busy machine."""
T = TypeVar("T")
CONDITIONS = ("browser", "production", "import", "module", "default")


def sdk_environment(url: str, project: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that the shops read; ``url`` is where they send to."""
    parts = urlsplit(url)
    return {
        "SENTRY_DSN": f"http://{urlsplit(project['dsn']).username}@{parts.netloc}/{project['id']}",
        "RAYGUN_KEY": project["raygun_key"],
        "RAYGUN_HOST": parts.netloc,
        "RAYGUN_ADDRESS": str(parts.hostname),
        "RAYGUN_PORT": str(parts.port),
        "RAYGUN_URL": url,
        "SHOP_PASSWORD": SECRET,
    }


async def run_program(name: str, addresses: Mapping[str, str], folder: Path) -> None:
    """Run a shop until its crash ends it."""
    command, packages = await asyncio.to_thread(_command, name, folder)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **packages, **addresses},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    # raygun4py's own hook takes the place of Python's, the exit code stays.
    assert process.returncode == 1, output.decode()


def _command(name: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs a shop, and the settings by which it finds its SDK."""
    source = provision.SDKS / name
    if source.suffix == ".java":
        return old_sdks.java_command(name, folder), {}
    if source.suffix == ".py":
        return [sys.executable, str(source)], {"PYTHONPATH": str(old_sdks.raven())} if "raven" in name else {}
    program = provision.npm_packages() / name  # Node looks for packages from where a program lies
    program.write_bytes(source.read_bytes())
    return [provision.node(), str(program)], {}


async def run_page(name: str, addresses: Mapping[str, str], settled: Callable[[], Awaitable[T]]) -> T:
    """Open a shop's page in Chromium, leave it when ``settled()`` returns, and return its result."""
    packages = await asyncio.to_thread(provision.npm_packages)
    page = (provision.SDKS / name).read_text().replace("IMPORTS", json.dumps({"imports": dict(imports(packages))}))
    for key, value in addresses.items():
        page = page.replace(key, value)
    application = web.Application()

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    application.router.add_get("/", index)
    application.router.add_static("/node_modules", packages / "node_modules", follow_symlinks=True)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return await _visit(f"http://127.0.0.1:{runner.addresses[0][1]}/", settled)
    finally:
        await runner.cleanup()


async def _visit(address: str, settled: Callable[[], Awaitable[T]]) -> T:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=await asyncio.to_thread(provision.chromium), args=provision.CHROMIUM_ARGUMENTS
        )
        page = await browser.new_page()
        output: list[str] = []
        page.on("console", lambda message: output.append(message.text))
        page.on("pageerror", lambda error: output.append(str(error)))
        await page.goto(address)
        try:
            return await asyncio.wait_for(settled(), RUN_SECONDS)
        except TimeoutError as error:
            raise AssertionError(f"not everything was sent; the page printed: {output}") from error
        finally:
            await browser.close()


def imports(packages: Path, name: str = "@sentry/browser") -> Iterator[tuple[str, str]]:
    """Yield the import map by which a browser finds a package and its dependencies, as a bundler resolves them."""
    described = json.loads((packages / "node_modules" / name / "package.json").read_text())
    for path, target in described["exports"].items():
        file = _chosen(target)
        if file is not None and file.endswith("js"):
            yield name + path[1:], f"/node_modules/{name}/{file.removeprefix('./')}"
    for needed in described.get("dependencies", {}):
        yield from imports(packages, needed)


def _chosen(target: Any) -> str | None:  # noqa: ANN401  a path, or conditions nested to any depth
    if isinstance(target, str):
        return target
    return next((_chosen(target[name]) for name in CONDITIONS if name in target), None)
