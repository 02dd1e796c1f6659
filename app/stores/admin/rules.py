"""Versions of a project's rules in PostgreSQL: immutable, numbered from 1; the project names its newest one.

A person writes the text (``app.grouping.rules``); the comparison of keys adds explosion rules, which a person may take
back for good. A new version reaches ingest within 5 s, which stamps it; workers apply what a record is stamped with.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec
from cachetools import LRUCache

from app.grouping import has_rules
from app.grouping import rules as grouping_rules
from app.grouping.kinship import Rule
from app.grouping.rules import Rules
from app.postgres import translated
from app.stores.aggregates.kinship import compare_anew

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

Author = Literal["person", "automatic"]

MOST_EXPLOSIONS: Final = 1000
"""Explosion rules of a project; no more are made."""
_REMEMBERED: Final = 512
"""Versions in memory."""


class UnknownProject(LookupError):
    """There is no project of this id."""


class UnknownVersion(LookupError):
    """A project has no version of its rules of this number."""


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that one version holds."""

    text: str = ""
    """TOML, as a person wrote it."""
    explosions: tuple[Rule, ...] = ()
    taken_back: tuple[Rule, ...] = ()
    """Explosion rules that a person took back: none is made of their statements again."""


class RulesVersion(NamedTuple):
    """One version, with who made it."""

    version: int
    """0 where the project has no rules."""
    created: datetime | None
    author: Author
    body: Body


_NEWEST: Final = """
select p.grouping, p.rules, r.created, coalesce(r.author, 'person') as author, coalesce(r.body, '{}') as body
from projects p left join project_rules r on r.project = p.id and r.version = p.rules
where p.id = $1"""

_VERSION: Final = "select body from project_rules where project = $1 and version = $2"

_HISTORY: Final = """
select version, created, author, body from project_rules where project = $1 order by version desc limit $2"""

_ADD: Final = """
with moved as (update projects set rules = rules + 1 where id = $1 returning rules)
insert into project_rules (project, version, author, body) select $1, rules, $2, $3::jsonb from moved
returning version"""

_decode: Final = msgspec.json.Decoder(Body).decode
_encode: Final = msgspec.json.Encoder().encode


class ProjectRules:
    """The rules of all projects of one database. All methods raise StoreUnavailable while it does not answer."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._known: LRUCache[tuple[int, int], Rules] = LRUCache(_REMEMBERED)

    async def get(self, project: int, version: int) -> Rules:
        """Return one version, parsed; immutable, so it is read once. Version 0 is none. Raises UnknownVersion."""
        if not version:
            return grouping_rules.NONE
        known = self._known.get((project, version))
        if known is None:
            with translated("rules"):
                data = await self._pool.fetchval(_VERSION, project, version)
            if data is None:
                raise UnknownVersion(f"project {project} has no version {version} of its rules")
            body = _decode(data)
            known = grouping_rules.rules_of(version, body.text, body.explosions)
            self._known[project, version] = known
        return known

    async def newest(self, project: int) -> RulesVersion:
        """Return the rules in force, of version 0 where there are none. Raises UnknownProject."""
        with translated("rules"):
            async with self._pool.acquire() as connection:
                return (await _newest(connection, project))[1]

    async def history(self, project: int, most: int = 50) -> list[RulesVersion]:
        """Return the newest versions, at most ``most``, the newest first."""
        with translated("rules"):
            records = await self._pool.fetch(_HISTORY, project, most)
        return [RulesVersion(row["version"], row["created"], row["author"], _decode(row["body"])) for row in records]

    async def set_text(self, project: int, text: str) -> int:
        """Make a version with this TOML and the explosion rules in force; return its number.

        The same text again makes none. Raises UnknownProject, RulesError for a text that holds no rules, ValueError for
        a project of a grouping that knows no rules.
        """
        grouping_rules.parse(text)
        with translated("rules"):
            async with self._pool.acquire() as connection, connection.transaction():
                grouping, known = await _newest(connection, project, lock=True)
                if not has_rules(grouping):
                    raise ValueError(f"project {project} groups by {grouping}, which knows no rules")
                if known.body.text == text:
                    return known.version
                return await add_version(connection, project, msgspec.structs.replace(known.body, text=text), "person")

    async def explosions_of(self, project: int, groups: Collection[str]) -> list[Rule]:
        """Return the explosion rules in force whose events fall into one of these groups (ids of members)."""
        rules = (await self.newest(project)).body.explosions
        return [rule for rule in rules if grouping_rules.explosion_group(project, rule) in groups]

    async def take_back(self, project: int, signature: str) -> int:
        """Take an explosion rule (``Rule.signature``) back for good; return the number of the version without it.

        The comparison of keys parts what the rule alone had joined. Raises UnknownProject, LookupError where no rule in
        force has this signature.
        """
        with translated("rules"):
            async with self._pool.acquire() as connection, connection.transaction():
                await compare_anew(connection, project)
                _, known = await _newest(connection, project, lock=True)
                left = tuple(rule for rule in known.body.explosions if rule.signature != signature)
                taken = tuple(rule for rule in known.body.explosions if rule.signature == signature)
                if not taken:
                    raise LookupError(f"project {project} has no explosion rule {signature!r} in force")
                taken = (*known.body.taken_back, *taken)
                body = msgspec.structs.replace(known.body, explosions=left, taken_back=taken)
                return await add_version(connection, project, body, "person")


async def read_body(connection: "Connection", project: int) -> Body:
    """Return what is in force, an empty body for a project that there is none of."""
    try:
        return (await _newest(connection, project))[1].body
    except UnknownProject:
        return Body()


async def add_explosions(connection: "Connection", project: int, rules: list[Rule]) -> list[Rule]:
    """Make a version with more explosion rules, within the caller's transaction; return those that were new.

    What a person took back is not made again.
    """
    try:
        _, known = await _newest(connection, project, lock=True)
    except UnknownProject:
        return []
    body = known.body
    passed = {rule.signature for rule in (*body.explosions, *body.taken_back)}
    new = list({rule.signature: rule for rule in rules if rule.signature not in passed}.values())
    new = new[: max(0, MOST_EXPLOSIONS - len(body.explosions))]
    if new:
        body = msgspec.structs.replace(body, explosions=(*body.explosions, *new))
        await add_version(connection, project, body, "automatic")
    return new


async def add_version(connection: "Connection", project: int, body: Body, author: Author) -> int:
    """Make the next version; return its number."""
    return int(await connection.fetchval(_ADD, project, author, _encode(body).decode()))


async def _newest(connection: "Connection", project: int, *, lock: bool = False) -> tuple[str, RulesVersion]:
    record: Any = await connection.fetchrow(_NEWEST + (" for update of p" if lock else ""), project)
    if record is None:
        raise UnknownProject(f"there is no project {project}")
    body = _decode(record["body"])
    return record["grouping"], RulesVersion(record["rules"], record["created"], record["author"], body)
