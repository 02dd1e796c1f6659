"""The installation that the demo sends to: it must run; its project is the demo's own, apart from real crashes."""

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

PROJECT: Final = "Demo shop"
COUNTED_SECONDS: Final = 15.0
"""Until the demo no longer waits for what it sent to be counted; it is within 2 s unless the machine is busy."""


class Target(msgspec.Struct, frozen=True):
    """Where to send to, and the token to look with."""

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
        """Give what an application of this release must know."""
        parts = urlsplit(self.url)
        return {
            "SENTRY_DSN": self.dsn,
            "SENTRY_RELEASE": f"shop@{release}",
            "RAYGUN_KEY": self.raygun_key,
            "RAYGUN_URL": f"{parts.scheme}://{parts.netloc}",
            "SHOP_RELEASE": f"shop@{release}",
        }


async def find(settings: Settings) -> Target:
    """Find the running installation and its demo project, made the first time. Raises DemoError."""
    path = settings.data_dir / "faultline.json"
    try:
        facts = json.loads(await asyncio.to_thread(path.read_text))
    except FileNotFoundError:
        raise DemoError(
            f"nothing runs on {settings.data_dir}: start it by `make run` (or name it by FAULTLINE_DATA)"
        ) from None
    url, token = str(facts["url"]).rstrip("/"), str(facts["token"])
    made = await _project(url, token)
    return Target(url, token, made["id"], made["dsn"], made["raygun_key"])


async def _project(url: str, token: str) -> dict[str, Any]:
    listed = (await _call(url, token, "GET", "/api/v1/projects"))["projects"]
    found: dict[str, Any] | None = next((each for each in listed if each["name"] == PROJECT), None)
    return found or await _call(url, token, "POST", "/api/v1/projects", {"name": PROJECT})


async def releases(target: Target, since: datetime) -> list[dict[str, Any]]:
    """Give the project's releases once all that was received before ``since`` is counted."""
    path, deadline = f"/api/v1/projects/{target.project}/releases", asyncio.get_running_loop().time() + COUNTED_SECONDS
    while True:
        found = await _call(target.url, target.token, "GET", path)
        complete = found["complete_until"]
        if (complete and datetime.fromisoformat(complete) >= since) or asyncio.get_running_loop().time() > deadline:
            return list(found["releases"])
        await asyncio.sleep(0.25)


async def sign_in(settings: Settings, target: Target) -> str:
    """Make an address that signs one browser in."""
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
