"""``faultline rules``: the grouping rules of a project, each version numbered and immutable."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from app.cli.show import CliError, load, out, table
from app.grouping import rules_errors
from app.grouping.rules import RulesError
from app.runtime.connect import pool
from app.settings import Settings
from app.stores.admin.rules import ProjectRules, RulesVersion, UnknownProject

rules = cyclopts.App(name="rules")

STDIN = Path("-")


@rules.command(name="show")
def show(project: int, *, version: int | None = None, history: bool = False) -> None:
    """Print the rules in force as TOML; what the comparison of groups added stands above them as comments.

    Args:
        project: The project's id.
        version: Another version than the newest.
        history: List the versions instead.
    """
    asyncio.run(_history(load(), project) if history else _show(load(), project, version))


@rules.command(name="set")
def set_rules(project: int, file: Annotated[Path, Parameter(allow_leading_hyphen=True)] = STDIN) -> None:
    """Make a new version of a project's rules. It applies to events that arrive from then on, within 5 seconds.

    Args:
        project: The project's id.
        file: TOML; "-", the default, reads standard input.
    """
    try:
        text = sys.stdin.read() if file == STDIN else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"cannot read {file}: {error}") from error
    asyncio.run(_set(load(), project, text))


@rules.command(name="take-back")
def take_back(project: int, signature: str) -> None:
    """Take a rule back, for good, that the comparison of groups made for a statement without end of texts.

    Args:
        project: The project's id.
        signature: The rule's name, as `faultline rules show` prints it.
    """
    asyncio.run(_take_back(load(), project, signature))


async def _show(settings: Settings, project: int, version: int | None) -> None:
    async with pool(settings) as connections:
        store = ProjectRules(connections)
        newest = await _newest(store, project)
        shown = newest if version in (None, newest.version) else await _version(store, project, newest, version or 0)
    text = "".join(f"# {line}\n" for line in _described(shown)) + shown.body.text
    out.print(text.rstrip("\n"), soft_wrap=True, markup=False, highlight=False)


def _described(shown: RulesVersion) -> list[str]:
    if not shown.version:
        return ["version 0: this project has no rules"]
    made = "made by itself" if shown.author == "automatic" else "made by a person"
    rules = shown.body.explosions
    return [
        f"version {shown.version}, {made}, {shown.created:%Y-%m-%d %H:%M:%S} UTC",
        *(f"made by itself: {rule.signature}: {rule.type} in {rule.top or 'no place'}" for rule in rules),
    ]


async def _version(store: ProjectRules, project: int, newest: RulesVersion, version: int) -> RulesVersion:
    most = newest.version - version + 1
    known = await store.history(project, most) if 0 < version <= newest.version else []
    if not known or known[-1].version != version:
        raise CliError(f"project {project} has no version {version} of its rules; the newest is {newest.version}")
    return known[-1]


async def _history(settings: Settings, project: int) -> None:
    async with pool(settings) as connections:
        store = ProjectRules(connections)
        await _newest(store, project)
        versions = await store.history(project)
    table(
        ("version", "made", "by", "lines", "made by itself"),
        (
            (str(known.version), f"{known.created:%Y-%m-%d %H:%M:%S} UTC", known.author,
             str(len(known.body.text.splitlines())), str(len(known.body.explosions)))
            for known in versions
        ),
    )  # fmt: skip


async def _set(settings: Settings, project: int, text: str) -> None:
    async with pool(settings) as connections:
        store = ProjectRules(connections)
        before = await _newest(store, project)
        try:
            version = await store.set_text(project, text)
        except RulesError as error:
            raise CliError(rules_errors.explain(text, error)) from error
        except ValueError as error:
            raise CliError(str(error)) from error
    state = "unchanged" if version == before.version else "in force within 5 seconds"
    out.print(f"version {version}, {state}")


async def _take_back(settings: Settings, project: int, signature: str) -> None:
    async with pool(settings) as connections:
        store = ProjectRules(connections)
        await _newest(store, project)
        try:
            version = await store.take_back(project, signature)
        except LookupError as error:
            raise CliError(
                f"project {project} has no such rule; `faultline rules show {project}` lists them"
            ) from error
    out.print(f"version {version}, in force within 5 seconds")


async def _newest(store: ProjectRules, project: int) -> RulesVersion:
    try:
        return await store.newest(project)
    except UnknownProject as error:
        raise CliError(f"there is no project {project}; `faultline project list` shows those there are") from error
