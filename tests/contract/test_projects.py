"""Projects and keys on a real PostgreSQL."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.stores.admin.projects import FoundKey, KeyTaken, Project, Projects
from app.stores.errors import StoreUnavailable


@pytest.fixture
async def projects(database: str) -> AsyncIterator[Projects]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as pool:
        yield Projects(pool)


async def test_a_project_has_a_key_of_each_protocol(projects: Projects) -> None:
    made = await projects.create("  shop ")
    assert made.name == "shop"
    assert len(made.sentry_key) == 32
    assert set(made.sentry_key) <= set("0123456789abcdef")
    assert await projects.get(made.id) == made
    assert await projects.list() == [made]
    assert await projects.by_key(made.sentry_key) == FoundKey(made.id, "sentry", disabled=False, grouping="g2")
    assert await projects.by_key(made.raygun_key) == FoundKey(made.id, "raygun", disabled=False, grouping="g2")
    assert await projects.by_key("other") is None
    assert await projects.get(made.id + 1) is None


async def test_a_chosen_key_belongs_to_one_project(projects: Projects) -> None:
    made = await projects.create("a", raygun_key="fake-raygun-key", sentry_key="0" * 32)
    assert (made.raygun_key, made.sentry_key) == ("fake-raygun-key", "0" * 32)
    with pytest.raises(KeyTaken):
        await projects.create("b", raygun_key="fake-raygun-key")
    assert [project.name for project in await projects.list()] == ["a"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b"])
async def test_unusable_names_are_refused(projects: Projects, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        await projects.create(name)


async def test_rotation_disables_the_old_key_of_that_protocol_alone(projects: Projects) -> None:
    made = await projects.create("shop")
    new = await projects.rotate_key(made.id, "sentry")
    renewed = await projects.get(made.id)
    assert renewed == Project(made.id, "shop", new, made.raygun_key)
    assert await projects.by_key(made.sentry_key) == FoundKey(made.id, "sentry", disabled=True, grouping="g2")
    assert [(key.key, key.disabled) for key in await projects.keys(made.id) if key.protocol == "sentry"] == [
        (new, False),
        (made.sentry_key, True),
    ]


async def test_a_key_is_disabled_once(projects: Projects) -> None:
    made = await projects.create("shop")
    assert await projects.disable_key(made.raygun_key)
    assert not await projects.disable_key(made.raygun_key)
    assert not await projects.disable_key("unknown")
    assert (await projects.list())[0].raygun_key == ""


async def test_the_secret_of_a_project_never_changes(projects: Projects) -> None:
    first, second = await projects.create("a"), await projects.create("b")
    secret = await projects.user_secret(first.id)
    assert len(secret) == 32
    assert secret == await projects.user_secret(first.id)
    assert secret != await projects.user_secret(second.id)
    with pytest.raises(LookupError):
        await projects.user_secret(second.id + 1)


async def test_calls_raise_while_the_database_is_away(database: str) -> None:
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    projects = Projects(pool)
    made = await projects.create("a")
    secret = await projects.user_secret(made.id)
    await pool.close()
    with pytest.raises(StoreUnavailable):
        await projects.by_key(made.sentry_key)
    assert await projects.user_secret(made.id) == secret


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:8000", "http://k@127.0.0.1:8000/7"),
        ("https://crash.example/", "https://k@crash.example/7"),
        ("https://example/crash/", "https://k@example/crash/7"),
        ("http://[::1]:8000", "http://k@[::1]:8000/7"),
    ],
)
def test_the_dsn_has_the_address_that_users_use(base: str, expected: str) -> None:
    assert Project(7, "shop", "k", "r").dsn(base) == expected
