"""Links between groups, and the aliases that follow from them, in PostgreSQL.

A link joins two groups, keeps them apart, or says that they look alike; the comparison of keys writes links, and so do
people (``decisions``). Whoever changes a link writes the aliases of the components that it touches in the same
transaction, which ``claim`` makes the only one of its project. A component goes by the member that was shown first of
those by which its parts went before: an id that people know stays.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from app.grouping.kinship.components import Manual, components
from app.grouping.kinship.features import Birth
from app.grouping.kinship.stages import Edge
from app.stores.aggregates.rows import Connection

Kind = Literal["alias", "suggestion", "never"]
Author = Literal["automatic", "person"]
CHANNEL: Final = "faultline_comparison"
"""On which PostgreSQL notifies the process that compares, once sights or decisions are committed."""
LAST: Final = 1 << 62
"""Order of a group that has no row."""


class Member(NamedTuple):
    """One id of a group as it is stored."""

    root: str
    shown: int
    """Order in which groups were made; LAST for one without row."""


class Link(NamedTuple):
    """One pair of groups, the lesser id first."""

    a: str
    b: str
    kind: Kind
    author: Author
    stage: str
    """Of the comparison (``app.grouping.kinship.stages``), '' for a person's."""
    score: float
    """0 to 1."""
    reasons: list[str]
    """For people."""
    at: int
    """Milliseconds since the epoch."""


class Similar(msgspec.Struct, frozen=True):
    """Another group that a group looks like, was joined with or is kept apart from, and why."""

    other: str
    """Root of the other group; of an alias the member's id."""
    title: str
    cause: str
    kind: Kind
    author: Author
    stage: str
    score: float
    reasons: list[str]
    at: int
    """Milliseconds since the epoch."""
    a: str
    """The pair of keys that was compared."""
    b: str


_CLAIM: Final = "insert into group_comparisons (project, version) values ($1, 1) on conflict do nothing"
_LOCK: Final = "select version from group_comparisons where project = $1 for update"
_BUMP: Final = "update group_comparisons set version = version + 1, anew = false where project = $1 returning version"

_ANEW: Final = """
insert into group_comparisons as c (project, version, anew) values ($1, 2, true)
on conflict (project) do update set version = c.version + 1, anew = true"""

_WAITING: Final = """
select project from group_sights where judged is null
union select project from group_links where not judged
union select project from group_comparisons where anew order by project"""

_MEMBERS: Final = """
with named as (select distinct n.id from unnest($2::text[]) n (id)),
roots as (select distinct coalesce(a.root, n.id) as id from named n left join group_aliases a on a.id = n.id),
members as (select id, id as root from roots
            union all select a.id, a.root from group_aliases a join roots r on r.id = a.root where a.project = $1)
select m.id, m.root, coalesce(g.shown, $3::bigint) as shown from members m left join groups g on g.id = m.id"""

_ALL: Final = "select id from group_aliases where project = $1 union select root from group_aliases where project = $1"

_ALIAS: Final = """
insert into group_aliases (id, project, root) select n.id, $1, n.root from unnest($2::text[], $3::text[]) n (id, root)
on conflict (id) do update set root = excluded.root, since = now() where group_aliases.root <> excluded.root"""

_UNALIAS: Final = "delete from group_aliases where project = $1 and id = any($2::text[])"

_COLUMNS: Final = """
a, b, kind, author, stage, score, reasons, (extract(epoch from created) * 1000)::bigint as at"""

_AMONG: Final = f"""
select {_COLUMNS} from group_links where project = $1 and a = any($2::text[]) and b = any($2::text[])"""  # noqa: S608  constants of this module

_OF: Final = f"""
select {_COLUMNS} from group_links where project = $1 and a = any($2::text[])
union select {_COLUMNS} from group_links where project = $1 and b = any($2::text[])"""  # noqa: S608  constants of this module

_DECIDED: Final = """
select a, b, kind = 'alias', (extract(epoch from created) * 1000)::bigint from group_links
where project = $1 and author = 'person' and kind <> 'suggestion' and judged = $2 order by created, a, b"""

_LINK: Final = """
insert into group_links as l (project, a, b, kind, author, stage, score, reasons, grouping)
select $1, n.a, n.b, n.kind, 'automatic', n.stage, n.score, n.reasons, $2
from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::real[], $8::jsonb[])
  n (a, b, kind, stage, score, reasons)
on conflict (project, a, b) do update
  set kind = excluded.kind, stage = excluded.stage, score = excluded.score, reasons = excluded.reasons, created = now()
  where l.author = 'automatic' and l.kind = 'suggestion'"""

_UNLINK: Final = """
delete from group_links l using unnest($2::text[], $3::text[]) n (a, b)
where l.project = $1 and l.a = n.a and l.b = n.b and l.author = 'automatic'"""

_SUGGESTED: Final = "select a, b from group_links where project = $1 and kind = 'suggestion' and author = 'automatic'"

_RELEASE: Final = """
update notices set pending = false where project = $1 and pending and grp = any($2::text[])"""

_DROP: Final = """
delete from notices n where n.project = $1 and n.pending and n.grp = any($2::text[])
  and exists (select from group_aliases a where a.id = n.grp)"""

_TITLES: Final = "select id, title, cause from groups where id = any($1::text[])"


# One owner at a time.


async def claim(connection: Connection, project: int) -> int:
    """Let no other transaction change the links of a project until this one ends; return the comparison's version."""
    await connection.execute(_CLAIM, project)
    return int(await connection.fetchval(_LOCK, project))


async def notify(connection: Connection) -> None:
    """Wake the process that compares, once this transaction is committed."""
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def bump(connection: Connection, project: int) -> int:
    """Move the version of a claimed project; return the new one."""
    return int(await connection.fetchval(_BUMP, project))


async def compare_anew(connection: Connection, project: int) -> None:
    """Let the comparison of a project begin anew: what it goes by was changed other than by sights and decisions."""
    await connection.execute(_ANEW, project)
    await notify(connection)


async def version_of(connection: Connection, project: int) -> int:
    """Return the version of a project's comparison, 0 where there never was any."""
    version = await connection.fetchval("select version from group_comparisons where project = $1", project)
    return int(version or 0)


async def waiting(connection: Connection) -> list[int]:
    """Return the projects that have sights, decisions or changed rules to be compared."""
    return [row["project"] for row in await connection.fetch(_WAITING)]


# Components.


async def members_with(connection: Connection, project: int, ids: Collection[str]) -> dict[str, Member]:
    """Return all members of the groups that any of these ids belongs to."""
    rows = await connection.fetch(_MEMBERS, project, list(ids), LAST)
    return {row["id"]: Member(row["root"], row["shown"]) for row in rows}


async def all_aliased(connection: Connection, project: int) -> set[str]:
    """Return every id of the project that is an alias or has one."""
    return {row["id"] for row in await connection.fetch(_ALL, project)}


async def write_components(
    connection: Connection, project: int, members: Mapping[str, Member], parts: Iterable[set[str]], prefer: str = ""
) -> dict[str, str]:
    """Write the aliases of components that hold all of ``members`` and nothing else; return the root of each member.

    ``prefer`` is the root of its component, whatever was shown before.
    """
    roots: dict[str, str] = {}
    for part in parts:
        known = {members[member].root for member in part} & part
        first = min(known or part, key=lambda member: (members[member].shown, member))
        roots |= dict.fromkeys(part, prefer if prefer in part else first)
    alone = [member for member, root in roots.items() if member == root != members[member].root]
    moved = [member for member, root in roots.items() if member != root != members[member].root]
    if alone:
        await connection.execute(_UNALIAS, project, alone)
    if moved:
        await connection.execute(_ALIAS, project, moved, [roots[member] for member in moved])
    return roots


async def recompute(connection: Connection, project: int, ids: Collection[str], prefer: str = "") -> None:
    """Write the components of the groups of these ids as their stored links tell.

    Of compared keys that is what is known without their features; the comparison decides anew within a second.
    """
    members = await members_with(connection, project, ids)
    links = await links_among(connection, project, members)
    await write_components(connection, project, members, parts_of(members, links), prefer)


def parts_of(members: Mapping[str, Member], links: Sequence[Link]) -> list[set[str]]:
    """Return the components of members over links: aliases join, what a person decided wins."""
    born = {member: Birth(known.shown, "", 0, 0) for member, known in members.items()}
    edges = [
        Edge(link.a, link.b, link.stage, link.score, (), Birth(link.at, "", 0, 0))
        for link in links
        if link.kind == "alias" and link.author == "automatic"
    ]
    manual = [
        Manual(link.a, link.b, link.kind == "alias", link.at)
        for link in links
        if link.author == "person" and link.kind != "suggestion"
    ]
    return by_root(members, components(born, edges, manual).__getitem__)


def by_root(members: Iterable[str], root: Callable[[str], str]) -> list[set[str]]:
    """Return the members that have one root, together."""
    parts: dict[str, set[str]] = {}
    for member in members:
        parts.setdefault(root(member), set()).add(member)
    return list(parts.values())


# Links.


async def links_among(connection: Connection, project: int, ids: Collection[str]) -> list[Link]:
    """Return the links between any two of these ids."""
    return [_link(row) for row in await connection.fetch(_AMONG, project, list(ids))]


async def decisions_of(connection: Connection, project: int, *, judged: bool) -> list[Manual]:
    """Return what people decided that the comparison has taken in, or has not; the oldest first."""
    return [Manual(*row) for row in await connection.fetch(_DECIDED, project, judged)]


async def stamp_decisions(connection: Connection, project: int) -> None:
    """Note that the comparison of a claimed project has taken all decisions in."""
    await connection.execute("update group_links set judged = true where project = $1 and not judged", project)


async def write_links(connection: Connection, project: int, grouping: str, links: Iterable[Link]) -> None:
    """Write links of the comparison: an alias replaces a suggestion, nothing replaces an alias or a person's link."""
    unique: dict[tuple[str, str], Link] = {}
    for link in links:
        known = unique.get((link.a, link.b))
        if known is None or (known.kind == "suggestion" and link.kind == "alias"):
            unique[link.a, link.b] = link
    if unique:
        rows = [
            (link.a, link.b, link.kind, link.stage, link.score, msgspec.json.encode(link.reasons).decode())
            for link in unique.values()
        ]
        await connection.execute(_LINK, project, grouping, *map(list, zip(*rows, strict=True)))


async def drop_links(connection: Connection, project: int, pairs: Collection[tuple[str, str]]) -> None:
    """Delete links of the comparison between these pairs, the lesser id first."""
    if pairs:
        await connection.execute(_UNLINK, project, [a for a, _ in pairs], [b for _, b in pairs])


async def suggested(connection: Connection, project: int) -> set[tuple[str, str]]:
    """Return all pairs that are suggested."""
    return {(row["a"], row["b"]) for row in await connection.fetch(_SUGGESTED, project)}


async def settle_notices(connection: Connection, project: int, groups: Sequence[str]) -> None:
    """Drop the notices that waited for the comparison of these groups where they are aliases now; show the others."""
    await connection.execute(_DROP, project, list(groups))
    await connection.execute(_RELEASE, project, list(groups))


# Read by the web.


async def similar(connection: Connection, group: str) -> list[Similar]:
    """Return the links of a group, the strongest first: open suggestions, aliases, and what is kept apart.

    Of several links to one other group the strongest of each kind is returned.
    """
    project = await connection.fetchval("select project from groups where id = $1", group)
    if project is None:
        return []
    own = await members_with(connection, project, [group])
    links = [_link(row) for row in await connection.fetch(_OF, project, list(own))]
    ends = await members_with(connection, project, {end for link in links for end in (link.a, link.b)})
    ends |= own
    titles = {row["id"]: row for row in await connection.fetch(_TITLES, list(ends))}
    chosen: dict[tuple[str, str], Similar] = {}
    for link in sorted(links, key=lambda link: (-link.score, link.at, link.a, link.b)):
        other = _other(link, own, ends)
        if other and other in titles:
            row = titles[other]
            chosen.setdefault(
                (other, link.kind),
                Similar(
                    other, row["title"], row["cause"], link.kind, link.author, link.stage, link.score, link.reasons,
                    link.at, link.a, link.b,
                ),
            )  # fmt: skip
    return list(chosen.values())


def _other(link: Link, own: Mapping[str, Member], ends: Mapping[str, Member]) -> str:
    """Return the other group's id as a page names it, '' for a link that says nothing any more."""
    together = link.a in own and link.b in own
    if link.kind == "alias":
        if not together:
            return ""
        return link.a if own[link.a].root != link.a else link.b
    if together:
        return ""
    return ends[link.b if link.a in own else link.a].root


def _link(row: Any) -> Link:  # noqa: ANN401  asyncpg's records have no types
    reasons = msgspec.json.decode(row["reasons"], type=list[str])
    return Link(row["a"], row["b"], row["kind"], row["author"], row["stage"], row["score"], reasons, row["at"])
