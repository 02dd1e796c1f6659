"""The installation that ``faultline up`` runs: its first project, its token, and ``faultline.json``."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from app.private_files import write_private
from app.settings import Settings
from app.stores.admin import access
from app.stores.admin.migrate import migrate
from app.stores.admin.projects import Project, Projects

if TYPE_CHECKING:
    from app.postgres import Pool

TOKEN_NAME: Final = "up"  # noqa: S105  the name under which the token is listed
FIRST_PROJECT: Final = "My project"
ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104  compared with, not listened on


class Installation(msgspec.Struct, frozen=True):
    """What stays the same as long as ``up`` runs."""

    token: str
    sign_in_code: str
    projects: list[Project]


async def prepare(url: str, token_file: Path) -> Installation:
    """Migrate the database and make the token and the first project; safe to repeat."""
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
    finally:
        await connection.close()
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        token = stable_token(token_file)
        await access.ensure_token(pool, TOKEN_NAME, token)
        return Installation(token, await access.create_sign_in(pool), await _projects(pool))


async def _projects(pool: "Pool") -> list[Project]:
    projects = Projects(pool)
    return await projects.list() or [await projects.create(FIRST_PROJECT)]


def stable_token(path: Path) -> str:
    """Return the installation's token, which the first start makes."""
    if not path.exists():
        write_private(path, access.TOKEN_PREFIX + secrets.token_urlsafe(32))
    return path.read_text().strip()


def address(settings: Settings, port: int) -> str:
    """Return the address that users see."""
    host = "127.0.0.1" if settings.host in ANYWHERE else settings.host
    return settings.url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def describe(
    installation: Installation, url: str, pids: Mapping[str, int], metrics: Mapping[str, str]
) -> dict[str, object]:
    """Return the content of ``faultline.json``; ``metrics`` are addresses by process that serve ``/metrics``."""
    return {
        "url": url,
        "token": installation.token,
        "sign_in": sign_in(installation, url),
        "projects": [_described(project, url) for project in installation.projects],
        "pids": dict(pids),
        "metrics": dict(metrics),
    }


def _described(project: Project, url: str) -> dict[str, object]:
    return {"id": project.id, "name": project.name, "dsn": project.dsn(url), "raygun_key": project.raygun_key}


def write_description(path: Path, description: Mapping[str, object]) -> None:
    """Write ``faultline.json``, which only its owner may read."""
    write_private(path, json.dumps(description, indent=2) + "\n")


def lines(installation: Installation, url: str) -> list[tuple[str, str]]:
    """Return what ``up`` prints once all is ready: names and values."""
    first = installation.projects[0]
    return [
        ("Address", url),
        ("Sign in (once)", sign_in(installation, url)),
        ("Sentry DSN", first.dsn(url)),
        ("Raygun key", first.raygun_key),
    ]


def sign_in(installation: Installation, url: str) -> str:
    """Return the one-time address that signs a browser in."""
    return f"{url}/sign-in?code={installation.sign_in_code}"
