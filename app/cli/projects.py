"""``faultline project``, ``token``, ``sign-in``: the keys of senders and of readers."""

import asyncio
import json

import cyclopts

from app.cli.show import CliError, load, out, table
from app.runtime.connect import pool
from app.settings import Settings
from app.stores.admin import access
from app.stores.admin.projects import Project, Projects

project = cyclopts.App(name="project")
token = cyclopts.App(name="token")


@project.command(name="create")
def create(name: str) -> None:
    """Make a project and show what an SDK needs to send to it."""
    asyncio.run(_create(load(), name))


@project.command(name="list")
def list_all() -> None:
    """List the projects with their DSN and Raygun key."""
    asyncio.run(_list(load()))


@project.command(name="keys")
def keys(project_id: int) -> None:
    """Show the DSN and the Raygun key of one project."""
    asyncio.run(_list(load(), project_id))


@token.command(name="create")
def create_token(name: str, *, project: list[int] | None = None) -> None:
    """Make a token; it is shown once.

    Args:
        name: What it is for.
        project: Only these projects; all where none is named.
    """
    asyncio.run(_token(load(), name, project))


def sign_in() -> None:
    """Make another one-time address that signs a browser in."""
    asyncio.run(_sign_in(load()))


async def _create(settings: Settings, name: str) -> None:
    async with pool(settings) as connections:
        try:
            made = await Projects(connections).create(name)
        except ValueError as error:
            raise CliError(str(error)) from error
    _show(settings, [made])


async def _list(settings: Settings, only: int | None = None) -> None:
    async with pool(settings) as connections:
        projects = await Projects(connections).list()
    selected = [project for project in projects if only is None or project.id == only]
    if only is not None and not selected:
        raise CliError(_no_project(only))
    _show(settings, selected)


async def _token(settings: Settings, name: str, projects: list[int] | None) -> None:
    async with pool(settings) as connections:
        known = {project.id for project in await Projects(connections).list()}
        for number in projects or ():
            if number not in known:
                raise CliError(_no_project(number))
        out.print(await access.create_token(connections, name, projects), soft_wrap=True)


async def _sign_in(settings: Settings) -> None:
    async with pool(settings) as connections:
        code = await access.create_sign_in(connections)
    out.print(f"{public_url(settings)}/sign-in?code={code}", soft_wrap=True)


def _show(settings: Settings, projects: list[Project]) -> None:
    url = public_url(settings)
    table(
        ("id", "name", "DSN", "Raygun key"),
        ((str(project.id), project.name, project.dsn(url), project.raygun_key) for project in projects),
    )


def _no_project(number: int) -> str:
    return f"there is no project {number}; `faultline project list` shows those there are"


def public_url(settings: Settings) -> str:
    """Return the address that users see: the setting, else that of the running installation."""
    return settings.url or running(settings).get("url") or f"http://{settings.host}:{settings.port}"


def running(settings: Settings) -> dict[str, str]:
    """Return the content of ``faultline.json``, {} where nothing runs."""
    path = settings.data_dir / "faultline.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}
