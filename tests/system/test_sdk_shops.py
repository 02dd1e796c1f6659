"""Real SDKs of Python, Node and Java, old ones too, unmodified but for their address, against a whole installation."""

from pathlib import Path

import pytest

from tests.support.site import Site
from tests.system.recorder import Recorder
from tests.system.sdk_check import Api, Want, check_breadcrumbs, check_events, check_raw, check_titles
from tests.system.sdk_run import SECRET, run_program, sdk_environment

PYTHON = ("KeyError", "RuntimeError")
NODE = ("RangeError", "Error")
JAVA = ("NoSuchElementException", "IllegalStateException")
CART = "cannot price the cart"
STOCK = Want((), "stock of apples is low", level="warning")
SHOPS = {
    "shop_sentry.py": [
        Want(PYTHON, f"{CART} of 13 things"), Want(PYTHON, f"{CART} of 13 things", unhandled=True), STOCK,
    ],
    "shop_raygun.py": [Want(PYTHON, f"{CART} of 13 things"), Want(PYTHON, f"{CART} of 13 things", unhandled=True)],
    "shop_sentry.mjs": [Want(NODE, CART), Want(NODE, CART, level="fatal", unhandled=True), STOCK],
    "shop_raygun.cjs": [Want(NODE, CART), Want(NODE, CART, unhandled=True)],
    # Old SDKs say nothing of what was handled; raven's parameters are as Python writes them.
    "shop_sentry_1.java": [Want(JAVA, CART), Want(JAVA, CART, level="fatal"), STOCK],
    "shop_raven.py": [
        Want(PYTHON, f"{CART} of 13 things"), Want(PYTHON, f"{CART} of 13 things", level="fatal"),
        Want((), "stock of 'apples' is low", level="warning"),
    ],
}  # fmt: skip
PLACES = {
    "shop_sentry.py": "__main__", "shop_raygun.py": "/shop_raygun.py",
    "shop_sentry.mjs": "shop_sentry", "shop_raygun.cjs": "/shop_raygun.cjs",
    "shop_sentry_1.java": "shop.Shop", "shop_raven.py": "__main__",
}  # fmt: skip
"""How the module or file of each shop's frames ends."""
WITH_SESSIONS = ("shop_sentry.py", "shop_sentry.mjs")


@pytest.mark.parametrize("program", SHOPS)
async def test_what_a_shop_sends_is_counted_found_and_opened(installation: Site, program: str, tmp_path: Path) -> None:
    project = installation.new_project(program)
    wanted = SHOPS[program]
    crashes = [want for want in wanted if want.level != "warning"]
    async with Recorder(installation.ingest_url) as recorder:
        await run_program(program, sdk_environment(recorder.url, project), tmp_path)
        api = Api(installation, project)
        assert await api.wait_visible(len(wanted), len(crashes)), await api.found()
    assert {sent.status for sent in recorder.sent} <= {200, 202}
    seen = await api.seen()
    check_events(seen, wanted)
    await check_titles(api, seen, PLACES[program])
    if program != "shop_raygun.py":  # raygun4py sends no breadcrumbs
        check_breadcrumbs(seen)
    scrubbed = check_raw(seen, recorder.events())
    assert all(SECRET.encode() not in event.raw for event in seen)
    if program.endswith(".py"):  # the Python SDKs send local variables, a password among them
        assert scrubbed >= len(crashes), "a password is in each"
    await check_numbers(api, crashes, sessions=int(program in WITH_SESSIONS))


async def check_numbers(api: Api, crashes: list[Want], *, sessions: int) -> None:
    points = await api.points()
    assert sum(point["crashes"] for point in points) == len(crashes)
    assert sum(point["unhandled"] for point in points) == sum(want.unhandled for want in crashes)
    assert max(point["users"] for point in points) == 1
    assert sum(point["sessions"] for point in points) == sessions
    assert sum(point["crashed_sessions"] for point in points) == sessions
    release = (await api.get(f"{api.base}/releases"))["releases"][0]
    assert (release["crashes"], release["sessions"]) == (len(crashes), sessions)
    assert release["crash_free_sessions"] == (0 if sessions else None)
    groups = await api.groups()
    assert sum(group["count"] for group in groups) == len(crashes)
    for group in groups:
        listed = (await api.get(f"/api/v1/groups/{group['id']}/events"))["events"]
        assert len(listed) == group["count"] + group["messages"]


@pytest.mark.parametrize("program", SHOPS)
async def test_a_crash_is_everywhere_within_two_seconds(installation: Site, program: str, tmp_path: Path) -> None:
    """Try three times: a busy machine may break the promise now and then."""
    for _ in range(3):
        api = Api(installation, installation.new_project(program))
        await run_program(program, sdk_environment(installation.ingest_url, api.project), tmp_path)
        if await api.wait_visible(len(SHOPS[program]), 2, seconds=2):
            return
    pytest.fail("three times a crash was not in search, groups and rates within 2 s")
