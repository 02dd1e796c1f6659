"""What people decide about grouping, for the API and the pages: similar groups, and the rules of a project."""

from typing import Final, Literal, NamedTuple, get_args

from app.grouping import rules_errors
from app.grouping.kinship.explosion import Rule
from app.grouping.rules import RulesError
from app.stores.admin.rules import RulesVersion
from app.stores.aggregates.types import GroupRow
from app.web.errors import ApiError, bad_request, not_found
from app.web.services import Services

HISTORY: Final = 50
"""Versions of the rules that a reply or page lists, the newest."""

GroupDecision = Literal["merge", "never"]


def template(rule: Rule) -> str:
    """Return what the texts of an explosion rule have in common, with ``…`` for the rest."""
    start, end, words = " ".join(rule.start), " ".join(rule.end), " … ".join(rule.words)
    if start or end:
        return f"{start} … {end}".strip()
    return f"… {words} …"


class ProjectRulesView(NamedTuple):
    """One version of a project's rules, and the newest versions."""

    shown: RulesVersion
    newest: int
    history: list[RulesVersion]


async def decide(services: Services, row: GroupRow, other: str, decision: str) -> None:
    """Merge another group into a group, or keep both apart for good.

    Raises 404 for a group of another project, 409 where both are one group already (of itself in any case).
    """
    if decision not in get_args(GroupDecision):
        raise bad_request("bad_decision", "decision is merge or never.")
    other = other.strip().lower().replace("-", "")
    if await services.aggregates.group_project(other) != row.project:
        raise not_found("group")
    if other == row.id or (decision == "merge" and other in row.members):
        raise ApiError(409, "same_group", "These are the same group already.")
    await services.aggregates.decide(row.id, other, "merge" if decision == "merge" else "never")


async def read_rules(services: Services, project: int, version: int | None = None) -> ProjectRulesView:
    """Return a version of a project's rules, by default the newest. Raises 404 for one that there never was."""
    newest = await services.rules.newest(project)
    if version is None or version == newest.version:
        return ProjectRulesView(newest, newest.version, await services.rules.history(project, HISTORY))
    most = max(newest.version - version + 1, HISTORY)
    history = await services.rules.history(project, most) if 0 < version < newest.version else []
    shown = next((known for known in history if known.version == version), None)
    if shown is None:
        raise not_found("version of the rules")
    return ProjectRulesView(shown, newest.version, history[:HISTORY])


async def set_text(services: Services, project: int, text: str, edited: int | None = None) -> None:
    """Make a version with this TOML.

    Args:
        services: The stores.
        project: Id of the project.
        text: TOML; line ends of any kind.
        edited: The version that the text was made from; None for whichever is in force.

    Raises:
        ApiError: 400 for a text that holds no rules, with the line; 409 where the project's grouping knows no rules, or
            where another text came into force after ``edited``.
    """
    if edited is not None:
        before = (await read_rules(services, project, edited)).shown.body.text if edited else ""
        if (await services.rules.newest(project)).body.text != before:
            raise ApiError(409, "rules_changed", f"The rules were changed after version {edited}. Read them anew.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        await services.rules.set_text(project, text)
    except RulesError as error:
        raise bad_request("bad_rules", f"{rules_errors.explain(text, error)}.") from error
    except ValueError as error:
        raise ApiError(409, "no_rules", "This project's grouping knows no rules.") from error


async def take_back(services: Services, project: int, signature: str) -> None:
    """Take an explosion rule back for good. Raises 404 where none in force has this signature."""
    try:
        await services.rules.take_back(project, signature)
    except LookupError as error:
        raise not_found("explosion rule") from error
