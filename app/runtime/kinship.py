"""The second stage of the grouping: compares the first sights of keys, beside the stream, a project at a time.

It runs beside the role rates, in one process of an installation at a time. What it judges is stored by rates
(``app.stores.aggregates.sights``); what it decides is written in one transaction for each batch of sights: links,
aliases, explosion rules, notices released or dropped. A process that dies leaves nothing half done, and another one
reads the same sights again.

The comparison of a project (``app.grouping.kinship.Kin``) is kept in memory and restored from its sights, rules and
decisions where another process was there in between. It never disturbs the role: what fails is logged and tried again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from cachetools import TTLCache

from app.errors import FatalError
from app.grouping.g2.key import VERSION
from app.grouping.kinship import Decision, Features, Kin
from app.grouping.kinship.components import Manual
from app.grouping.kinship.features import SCHEMA, Birth
from app.grouping.kinship.kin import SIGHTS, State
from app.log.postgres.connect import OPTIONS
from app.postgres import make_pool, translated
from app.settings import Settings
from app.stores.admin.rules import Body, add_explosions, read_body
from app.stores.aggregates import kinship
from app.stores.aggregates.joined import end_decisions
from app.stores.aggregates.kinship import LAST, Link, Member
from app.stores.aggregates.sights import judged_sights, stamp_judged, unjudged_sights
from app.tasks import beside

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

LOCK: Final = 0x4661_756C_7400_000A  # "Fault", the comparison of keys: one process at a time
LOOK_SECONDS: Final = 5.0
"""Between two looks where no notification came."""
LEAD_SECONDS: Final = 1.0
"""Between two tries to be the process that judges."""
RETRY_SECONDS: Final = 30.0
"""For which a project is left alone whose comparison failed: its sights are of a newer Faultline, or broken."""
AWAY_SECONDS: Final = 2.0
"""Between tries while PostgreSQL does not answer."""
BATCH: Final = 256
"""Sights of one transaction: it bounds for how long a person's decision waits."""
KEPT: Final = 100_000
"""Sights of all comparisons in memory, some 3 KB each; of more the projects used last stay."""
FIRST_VERSION: Final = 1
"""Of a project that was never compared, once it is claimed."""
FOLLOWS: Final = "component"
"""Stage of a link that no single comparison brought."""

log = structlog.get_logger()


class Comparison:
    """The comparison of one project in memory: as of ``version`` of the stored one.

    ``whole`` is True until every component was written once after it was restored.
    """

    def __init__(self, kin: Kin, version: int, sights: Iterable[Features]) -> None:
        self.kin = kin
        self.version = version
        self.whole = True
        self.keys: set[str] = set()
        self._builds: set[tuple[str, str]] = set()
        for sight in sights:
            self._note(sight)

    def __len__(self) -> int:
        """Return the number of sights."""
        return len(self._builds)

    @classmethod
    def restored(cls, stored: "Stored") -> "Comparison":
        """Return the comparison of what is stored; a second of work for some 10,000 sights."""
        born: dict[str, Birth] = {}
        for sight in stored.sights:
            born[sight.key] = min(sight.born, born.get(sight.key, sight.born))
        state = State(
            schema=SCHEMA,
            sights=stored.sights,
            born=sorted(born.items()),
            kept=[],
            rules=list(stored.body.explosions),
            decisions=stored.decisions,
            taken_back=list(stored.body.taken_back),
        )
        return cls(Kin.restore(state), stored.version, stored.sights)

    def take(self, sights: Sequence[Features], decided: Sequence[Manual]) -> list[Decision]:
        """Compare sights, those born first ahead, then take decisions of people in."""
        decisions: list[Decision] = []
        for sight in sights:
            if len(self) >= SIGHTS and (sight.key, sight.build) not in self._builds:
                continue  # as the comparison itself: what is born last stays alone
            if (sight.key, sight.build) in self._builds:
                self.whole = True  # an earlier sight replaced one: what that brought may be gone
            decisions += self.kin.see(sight)
            self._note(sight)
        for manual in decided:
            decisions += self.kin.decide(manual)
        return decisions

    def parts(self, members: Iterable[str], stored: dict[str, Member]) -> list[set[str]]:
        """Return members by component; one that was never compared stays with its root."""

        def root(member: str) -> str:
            if member in self.keys:
                return self.kin.root(member)
            above = stored[member].root
            return self.kin.root(above) if above in self.keys else above

        return kinship.by_root(members, root)

    def _note(self, sight: Features) -> None:
        self.keys.add(sight.key)
        self._builds.add((sight.key, sight.build))


class Stored(NamedTuple):
    """All that a comparison is restored from, of one version."""

    version: int
    sights: list[Features]
    body: Body
    decisions: list[Manual]


class Stage:
    """Judges what waits, of all projects, where no other process does."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._known: OrderedDict[int, Comparison] = OrderedDict()
        self._failed: TTLCache[int, None] = TTLCache(10_000, RETRY_SECONDS)
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Judge whatever waits until cancelled."""
        while True:
            try:
                await self._lead()
            except Exception as error:  # noqa: BLE001  groups can wait, the role must go on
                log.warning("comparison_later", error=str(error) or type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)
            self._known.clear()
            await asyncio.sleep(LEAD_SECONDS)

    async def once(self) -> int:
        """Judge what waits now; return the number of sights. Raises StoreUnavailable."""
        with translated("comparison"):
            async with self._pool.acquire() as connection:
                return await self._once(connection)

    async def _once(self, connection: "Connection") -> int:
        judged = 0
        for project in await kinship.waiting(connection):
            if project not in self._failed:
                judged += await self._try(connection, project)
        return judged

    async def _try(self, connection: "Connection", project: int) -> int:
        """Judge one batch of a project; one that cannot be compared leaves the others alone."""
        try:
            return await self.judge(connection, project)
        except (FatalError, ValueError) as error:
            self._failed[project] = None
            log.error("comparison_failed", project=project, error=str(error))  # noqa: TRY400  the text says it all
            return 0

    async def _lead(self) -> None:
        """Judge as long as this process is the one that does, on the connection that holds the lock for it."""
        async with self._pool.acquire() as leader:
            if not await leader.fetchval("select pg_try_advisory_lock($1)", LOCK):
                return
            await leader.add_listener(kinship.CHANNEL, self._woken)
            try:
                while True:
                    self._wake.clear()
                    if not await self._once(leader):
                        await self._pause()
            finally:
                await leader.remove_listener(kinship.CHANNEL, self._woken)
                await leader.fetchval("select pg_advisory_unlock($1)", LOCK)

    def _woken(self, *_: object) -> None:
        """Judge at once: sights or decisions were written."""
        self._wake.set()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        except TimeoutError:
            return

    async def judge(self, connection: "Connection", project: int) -> int:
        """Judge one batch of a project; return the number of sights.

        On any error the comparison in memory is dropped: it may know more than what is stored.
        """
        comparison = self._known.pop(project, None)
        if comparison is None or comparison.version != await kinship.version_of(connection, project):
            comparison = await self._restore(connection, project)
        judged = await self._judge(connection, project, comparison)
        self._known[project] = comparison
        while len(self._known) > 1 and sum(map(len, self._known.values())) > KEPT:
            self._known.popitem(last=False)
        return judged

    async def _restore(self, connection: "Connection", project: int) -> Comparison:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            stored = await read_stored(connection, project)
        return await asyncio.to_thread(Comparison.restored, stored)

    async def _judge(self, connection: "Connection", project: int, comparison: Comparison) -> int:
        async with connection.transaction():
            version = await kinship.claim(connection, project)
            if version != max(comparison.version, FIRST_VERSION):
                return 0  # another process was there: restored anew next time
            sights = await unjudged_sights(connection, project, BATCH)
            decided = await kinship.decisions_of(connection, project, judged=False)
            if not sights and not decided and not comparison.whole:
                return 0
            decisions = await asyncio.to_thread(comparison.take, sights, decided)
            ends = {end for manual in decided for end in (manual.a, manual.b)}
            await write(connection, project, comparison, [sight.key for sight in sights], ends, decisions)
            await stamp_judged(connection, project, sights)
            await kinship.stamp_decisions(connection, project)
            version = await kinship.bump(connection, project)
        comparison.version, comparison.whole = version, False
        return len(sights)


async def read_stored(connection: "Connection", project: int) -> Stored:
    """Read all that a comparison is restored from, within a transaction that sees one state."""
    return Stored(
        await kinship.version_of(connection, project),
        await judged_sights(connection, project, SIGHTS),
        await read_body(connection, project),
        await kinship.decisions_of(connection, project, judged=True),
    )


async def write(
    connection: "Connection", project: int, comparison: Comparison, keys: Sequence[str], ends: set[str],
    decisions: Sequence[Decision],
) -> None:  # fmt: skip
    """Write what follows from sights of ``keys`` and decisions of people about ``ends``, within one transaction."""
    rules = [decision.rule for decision in decisions if decision.rule is not None]
    if rules:
        made = await add_explosions(connection, project, rules)
        log.info("explosion_rules", project=project, rules=[rule.signature for rule in made])
    touched = {*keys, *ends, *(end for one in decisions if one.kind != "rule" for end in (one.key, one.root))}
    if comparison.whole:
        touched |= comparison.keys | await kinship.all_aliased(connection, project)
    members = await kinship.members_with(connection, project, touched)
    parts = comparison.parts(members, members)
    roots = await kinship.write_components(connection, project, members, parts)
    await _write_links(connection, project, comparison, parts, decisions)
    await end_decisions(connection, project, members, roots)
    await kinship.settle_notices(connection, project, keys)


async def _write_links(
    connection: "Connection", project: int, comparison: Comparison, parts: Sequence[set[str]],
    decisions: Sequence[Decision],
) -> None:  # fmt: skip
    """Write why keys belong together or look alike; drop what no longer holds."""
    joined = [_link(one, "alias") for one in decisions if one.kind in ("join", "part") and one.key != one.root]
    asked = [_link(one, "suggestion") for one in decisions if one.kind == "suggest"]
    if comparison.whole:
        asked = await _suggestions(connection, project, comparison)
    await kinship.write_links(connection, project, VERSION, [*joined, *asked])
    number = {member: at for at, part in enumerate(parts) for member in part}
    links = [link for link in await kinship.links_among(connection, project, number) if link.kind == "alias"]
    crossing = {(link.a, link.b) for link in links if link.author == "automatic" and number[link.a] != number[link.b]}
    await kinship.drop_links(connection, project, crossing)
    held: dict[int, list[Link]] = {}
    for link in links:
        if number[link.a] == number[link.b]:
            held.setdefault(number[link.a], []).append(link)
    missing = [link for at, part in enumerate(parts) for link in _bridges(part, held.get(at, ()), comparison)]
    await kinship.write_links(connection, project, VERSION, missing)


async def _suggestions(connection: "Connection", project: int, comparison: Comparison) -> list[Link]:
    """Return all suggestions; those that no longer hold are dropped."""
    asked = [
        _pair(edge.a, edge.b, "suggestion", edge.stage, edge.score, edge.why) for edge in comparison.kin.suggestions()
    ]
    stale = await kinship.suggested(connection, project) - {(link.a, link.b) for link in asked}
    await kinship.drop_links(connection, project, stale)
    return asked


def _bridges(part: set[str], links: Sequence[Link], comparison: Comparison) -> list[Link]:
    """Return the links that are missing for the stored ones, all within ``part``, to hold the component together."""
    if len(part) == 1:
        return []
    members = {member: Member(member, LAST) for member in part}
    joining = [link._replace(author="automatic") for link in links]
    pieces = sorted(
        kinship.parts_of(members, joining), key=lambda piece: (comparison.kin.root(min(piece)) not in piece, min(piece))
    )
    first, why = min(pieces[0]), ("both belong with others that belong together",)
    return [_pair(first, min(piece), "alias", FOLLOWS, 1.0, why) for piece in pieces[1:]]


def _link(decision: Decision, kind: kinship.Kind) -> Link:
    edge = decision.edge
    if edge is None:
        return _pair(decision.key, decision.root, kind, FOLLOWS, 1.0, ("follows from a decision or an earlier sight",))
    return _pair(decision.key, decision.root, kind, edge.stage, edge.score, edge.why)


def _pair(a: str, b: str, kind: kinship.Kind, stage: str, score: float, why: Sequence[str]) -> Link:
    low, high = (a, b) if a < b else (b, a)
    return Link(low, high, kind, "automatic", stage, score, list(why), 0)


@asynccontextmanager
async def comparing(settings: Settings) -> AsyncIterator[None]:
    """Judge as long as the block runs; ``settings.database_url`` can be reached."""
    async with (
        make_pool(settings.database_url, max_size=1, **OPTIONS) as pool,
        beside(Stage(pool).run()),
    ):
        yield
