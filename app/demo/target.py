"""The running installation that the demo sends to, and the demo's own project in it."""

import asyncio
import json
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from app.demo.errors import DemoError
from app.runtime import connect
from app.settings import Settings
from app.stores.admin import access
from app.stores.admin.projects import DEMO

COUNTED_SECONDS: Final = 15.0
"""Seconds that the demo waits until its events are counted; that takes 2 s unless the machine is busy."""


class Target(msgspec.Struct, frozen=True):
    """The addresses and keys to send with, and a token for the API."""

    url: str
    token: str
    project: int
    dsn: str
    raygun_key: str

    @property
    def page(self) -> str:
        """The address of the project's page."""
        return f"{self.url}/projects/{self.project}"

    def environment(self, release: str) -> dict[str, str]:
        """Return the environment that an application of this release needs."""
        parts = urlsplit(self.url)
        return {
            "SENTRY_DSN": self.dsn,
            "SENTRY_RELEASE": f"shop@{release}",
            "RAYGUN_KEY": self.raygun_key,
            "RAYGUN_URL": f"{parts.scheme}://{parts.netloc}",
            "SHOP_RELEASE": f"shop@{release}",
        }


async def find(settings: Settings) -> Target:
    """Find the running installation and its demo project, which the first run makes. Raises DemoError."""
    path = settings.data_dir / "faultline.json"
    try:
        facts = json.loads(await asyncio.to_thread(path.read_text))
    except FileNotFoundError:
        raise DemoError(
            f"nothing runs on {settings.data_dir}: start it by `make run` (or name it by FAULTLINE_DATA)"
        ) from None
    url, token = str(facts["url"]).rstrip("/"), str(facts["token"])
    project = await _project(url, token)
    return Target(url, token, project["id"], project["dsn"], project["raygun_key"])


async def _project(url: str, token: str) -> dict[str, Any]:
    listed = (await _call(url, token, "GET", "/api/v1/projects"))["projects"]
    known: dict[str, Any] | None = next((project for project in listed if project["name"] == DEMO), None)
    return known or await _call(url, token, "POST", "/api/v1/projects", {"name": DEMO})


async def releases(target: Target, since: datetime) -> list[dict[str, Any]]:
    """Return the project's releases once everything received before ``since`` is counted, or COUNTED_SECONDS passed."""
    path, deadline = f"/api/v1/projects/{target.project}/releases", asyncio.get_running_loop().time() + COUNTED_SECONDS
    while True:
        reply = await _call(target.url, target.token, "GET", path)
        complete = reply["complete_until"]
        if (complete and datetime.fromisoformat(complete) >= since) or asyncio.get_running_loop().time() > deadline:
            return list(reply["releases"])
        await asyncio.sleep(0.25)


async def sign_in(settings: Settings, target: Target) -> str:
    """Return a new one-time address that signs a browser in."""
    async with connect.pool(settings) as connections:
        return f"{target.url}/sign-in?code={await access.create_sign_in(connections)}"


async def _call(url: str, token: str, method: str, path: str, content: object = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.request(method, url + path, headers=headers, json=content, raise_for_status=True) as answer,
        ):
            return dict(await answer.json())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DemoError(f"{url} does not answer as Faultline does: {error}") from error
