"""The migration to versions of the grouping: what was there stays as it was, what comes is of the new kind."""

from typing import TYPE_CHECKING

import asyncpg

from app.stores.admin import migrate as migration
from app.stores.admin.projects import Projects
from app.stores.aggregates.store import Aggregates

if TYPE_CHECKING:
    from app.postgres import Connection

OLD = "0014_grouping.sql"


async def _before(connection: "Connection") -> None:
    """Bring an empty database to the schema before, with a project that has merged groups."""
    await connection.execute("drop schema public cascade; create schema public")
    for name, sql in migration._files():
        if name < OLD:
            await connection.execute(sql)
    await connection.execute("create table migrations (name text primary key, applied timestamptz default now())")
    await connection.executemany(
        "insert into migrations (name) values ($1)", [(name,) for name, _ in migration._files() if name < OLD]
    )
    await connection.execute("insert into projects (id, name, user_secret) values (7, 'old', 'secret')")
    await connection.executemany(
        "insert into groups (id, project, title, culprit, platform, level, type, unhandled, grouping, first_seen,"
        " last_seen, sample_event, sample_topic, sample_partition, sample_offset)"
        " values ($1, 7, 't', 'c', 'python', 'error', 'E', true, 'g1', 1, 1, 'e', '1.crashes', 0, 0)",
        [("ga",), ("gb",), ("gc",)],
    )
    await connection.executemany(
        "insert into group_aliases (id, project, root) values ($1, 7, 'gb')", [("ga",), ("gc",)]
    )
    await connection.execute("insert into notices (id, project, grp, kind, at) values ('new:ga', 7, 'ga', 'new', 1)")


async def test_what_exists_keeps_its_grouping_and_merges(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            await _before(connection)
            applied = await migration.migrate(connection)  # type: ignore[arg-type]  # a pool's connection
        assert applied[0] == OLD
        assert await pool.fetchval("select grouping from projects where id = 7") == "g1"
        links = await pool.fetch("select a, b, kind, author, judged from group_links order by a, b")
        assert [tuple(link) for link in links] == [
            ("ga", "gb", "alias", "person", True),
            ("gb", "gc", "alias", "person", True),
        ]
        store = Aggregates(pool)
        assert await store.members("ga") == ["gb", "ga", "gc"]
        assert [notice.group for notice in await store.notices(7, 0)] == ["ga"]
        await store.unmerge("ga")
        assert await store.members("ga") == ["ga"]
        assert await store.members("gc") == ["gb", "gc"]


async def test_a_new_project_groups_by_the_newest_version(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection:
            await _before(connection)
            await migration.migrate(connection)  # type: ignore[arg-type]  # a pool's connection
        projects = Projects(pool)
        made = await projects.create("new")
        found = await projects.by_key(made.sentry_key)
        assert found is not None
        assert (found.grouping, found.rules) == ("g2", 0)
