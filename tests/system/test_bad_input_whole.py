"""The table of bad input through a whole installation: each row gets its answer, and the ledger balances."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

import asyncpg

from tests.support.bad_input import CASES, Case, Names, fill
from tests.support.bad_input_send import send
from tests.support.site import Site
from tests.support.truth_run import complete

OUTCOMES = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight")


async def test_what_was_accepted_is_counted_or_a_dead_letter_and_the_good_goes_on(installation: Site) -> None:
    project, other = (installation.new_project(name) for name in ("bad input", "other"))
    names = await _names(installation, project, other)
    slow = [case for case in CASES if case.how == "slow"]
    await asyncio.gather(
        _answered(installation, [case for case in CASES if case not in slow], names),
        *(_answered(installation, [case], names) for case in slow),
    )
    await _send_good(installation, project)
    await complete(installation, time.time())
    fates = Counter(fate for case in CASES for fate in case.fates)
    outcomes = _ledger(installation, project) + _ledger(installation, other)
    totals = {name: sum(count for (_, each), count in outcomes.items() if each == name) for name in OUTCOMES}
    assert outcomes["error", "grouped"] == fates["grouped"] + 1
    assert outcomes["session", "grouped"] == fates["session"]
    assert totals["dead_lettered"] == fates["dead letter"]
    assert totals["filtered"] >= fates["filtered"]  # one record may stand for several items
    assert totals["in_flight"] == totals["duplicate"] == 0


async def _names(installation: Site, project: dict[str, Any], other: dict[str, Any]) -> Names:
    connection = await asyncpg.connect(installation.settings["FAULTLINE_DATABASE"])
    disabled = "d" * 32
    await connection.execute(
        "insert into project_keys (key, project, protocol, disabled) values ($1, $2, 'sentry', now())",
        disabled, project["id"],
    )  # fmt: skip
    await connection.close()
    return Names(project["id"], _key(project), project["raygun_key"], other["id"], _key(other), disabled)


async def _answered(installation: Site, cases: list[Case], names: Names) -> None:
    for case in cases:
        reply = await send(installation.ingest_url, fill(case, names))
        assert (reply.status, reply.code) == (case.status, case.code), case.name


def _key(project: dict[str, Any]) -> str:
    return str(project["dsn"]).split("//")[1].split("@")[0]


async def _send_good(installation: Site, project: dict[str, Any]) -> None:
    body = json.dumps({"event_id": "a" * 32, "exception": {"values": [{"type": "Good", "value": "still counted"}]}})
    path = f"/api/{project['id']}/store/?sentry_key={_key(project)}"
    assert (await send(installation.ingest_url, Case("good", path, body.encode(), 200))).status == 200


def _ledger(installation: Site, project: dict[str, Any]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for minute in installation.get(f"/api/v1/ledger?project={project['id']}")["minutes"]:
        assert minute["accepted"] == sum(minute[outcome] for outcome in OUTCOMES)
        for outcome in OUTCOMES:
            sums[minute["category"], outcome] += minute[outcome]
    return sums
