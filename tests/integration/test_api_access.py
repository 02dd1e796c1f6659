"""Access: tokens, sign-in, cross-site requests, and the API's refusals."""

from app.stores.admin import access
from app.stores.admin.projects import Projects
from tests.integration.web_events import crash
from tests.integration.web_site import Site


async def test_every_path_needs_a_token(site: Site) -> None:
    for path in (
        f"{site.api}/groups",
        "/api/v1/projects",
        "/files/1.crashes/0/0",
        "/api/v1/ledger",
        f"{site.api}/live",
    ):
        for headers in ({}, {"Authorization": "Bearer flt_wrong"}, {"Authorization": "Basic YTpi"}):
            async with site.http.get(site.url + path, headers=headers) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (401, "unauthorized"), path
                assert answer.headers["Content-Type"].startswith("application/json")
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"):
        async with site.http.get(site.url + path) as answer:
            assert answer.status == 200


async def test_a_token_of_one_project_reads_only_that_project(site: Site) -> None:
    event = crash()
    await site.send(event)
    await site.pipeline.step()
    group = (await site.get(f"{site.api}/groups"))["groups"][0]["id"]
    second = await site.post("/api/v1/projects", {"name": "second"})
    site.token = await access.create_token(site.pipeline.pool, "second", [second["id"]])
    assert [project["name"] for project in (await site.get("/api/v1/projects"))["projects"]] == ["second"]
    assert await site.refused("GET", f"{site.api}/groups") == (403, "forbidden")
    assert await site.refused("POST", "/api/v1/projects", {"name": "third"}) == (403, "forbidden")
    assert await site.refused("GET", f"/api/v1/groups/{group}") == (404, "not_found")
    assert await site.refused("POST", f"/api/v1/groups/{group}", {"status": "resolved"}) == (404, "not_found")
    assert await site.refused("GET", f"/api/v1/events/{event['event_id']}") == (404, "not_found")
    assert await site.refused("GET", "/files/1.crashes/0/0") == (404, "not_found")
    assert await site.refused("GET", "/api/v1/ledger") == (403, "forbidden")
    assert await site.refused("GET", f"/api/v1/projects/{second['id']}/rates", None, {"group": group}) == (
        404,
        "not_found",
    )


async def test_pages_of_a_token_of_one_project_show_only_that_project(site: Site) -> None:
    await site.send(crash())
    await site.pipeline.step()
    second = await site.post("/api/v1/projects", {"name": "second"})
    whole = await shown(site, "/pipeline")
    site.token = await access.create_token(site.pipeline.pool, "second", [second["id"]])
    key = site.project.sentry_key
    for path in ("/", "/settings", "/pipeline"):
        text = await shown(site, path)
        assert key not in text
        assert f'href="/projects/{site.project.id}"' not in text
    assert second["raygun_key"] in await shown(site, "/settings")
    assert 'Accepted <b><data value="1" ' in whole
    assert 'Accepted <b><data value="0" ' in await shown(site, "/pipeline")
    for path, form in (("/settings/projects", {"name": "third"}), ("/settings/disable", {"key": key})):
        async with site.http.post(site.url + path, data=form, headers=site.bearer) as answer:
            assert answer.status == (403 if "name" in form else 404)
    assert [key.disabled for key in await Projects(site.pipeline.pool).keys(site.project.id)] == [False, False]


async def shown(site: Site, path: str) -> str:
    """Return the HTML of a page."""
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_read_only_token_changes_nothing(site: Site) -> None:
    site.token = await access.create_token(site.pipeline.pool, "reader", write=False)
    assert await site.refused("POST", "/api/v1/projects", {"name": "third"}) == (403, "forbidden")
    assert len((await site.get("/api/v1/projects"))["projects"]) == 1


async def test_ensuring_a_token_twice_makes_one(site: Site) -> None:
    for _ in range(2):
        await access.ensure_token(site.pipeline.pool, "up", "flt_stable")
    assert await access.check_token(site.pipeline.pool, "flt_stable") == access.Access("up")
    stored = await site.pipeline.pool.fetch("select digest from tokens where name = 'up'")
    assert [len(row["digest"]) for row in stored] == [32]


async def test_unknown_paths_and_projects(site: Site) -> None:
    for method, path, expected in (
        ("GET", "/api/v1/nothing", (404, "no_such_path")),
        ("DELETE", "/api/v1/projects", (405, "method_not_allowed")),
        ("GET", "/api/v1/projects/99999/groups", (404, "not_found")),
        ("GET", "/api/v1/projects/abc/groups", (404, "not_found")),
        ("GET", f"/api/v1/projects/{10**30}/groups", (404, "not_found")),
        ("GET", "/api/v1/groups/zzz", (404, "not_found")),
        ("GET", "/api/v1/events/123", (404, "not_found")),
        ("GET", f"/api/v1/events/{'a' * 32}", (404, "not_found")),
    ):
        assert await site.refused(method, path) == expected, path


async def test_a_code_signs_in_one_browser_once(site: Site) -> None:
    code = await access.create_sign_in(site.pipeline.pool)
    address = f"{site.url}/sign-in?code={code}"
    for _ in range(2):  # as a chat's preview and its reader open it
        async with site.http.get(address, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Referrer-Policy"], answer.cookies) == (200, "no-referrer", {})
            assert f'name="code" value="{code}"' in await answer.text()
    form = {"code": code}
    async with site.http.post(f"{site.url}/sign-in", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        cookie = answer.cookies[f"faultline_{site.url.rsplit(':', 1)[1]}"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    for again in (site.http.get(address), site.http.post(f"{site.url}/sign-in", data=form)):
        async with again as answer:
            assert answer.status == 401
            assert "was used already" in await answer.text()
    signed = {"Cookie": f"{cookie.key}={cookie.value}"}
    async with site.http.get(address, headers=signed, allow_redirects=False) as answer:
        assert answer.status == 303
    async with site.http.get(f"{site.url}/api/v1/projects", headers=signed) as answer:
        assert answer.status == 200
    async with site.http.get(site.url, headers={"Cookie": f"{cookie.key}=wrong"}) as answer:
        assert answer.status == 401
        assert "faultline sign-in" in await answer.text()


async def test_changes_by_cookie_need_the_csrf_token(site: Site) -> None:
    made = await access.redeem(site.pipeline.pool, await access.create_sign_in(site.pipeline.pool))
    assert made is not None
    cookie = {"Cookie": f"faultline_{site.url.rsplit(':', 1)[1]}={made[0]}"}
    for headers, status in (({}, 403), ({"X-CSRF-Token": "wrong"}, 403), ({"X-CSRF-Token": made[1]}, 201)):
        async with site.http.post(
            f"{site.url}/api/v1/projects", json={"name": "by cookie"}, headers={**cookie, **headers}
        ) as answer:
            assert answer.status == status
    for token, status in (("wrong", 403), (made[1], 303)):
        form = {"name": "by form", "csrf": token}
        async with site.http.post(
            f"{site.url}/settings/projects", data=form, headers=cookie, allow_redirects=False
        ) as answer:
            assert answer.status == status
    form = {"csrf": made[1]}
    async with site.http.post(f"{site.url}/sign-out", data=form, headers=cookie, allow_redirects=False) as answer:
        assert answer.status == 303
    async with site.http.get(site.url, headers=cookie) as answer:
        assert answer.status == 401
