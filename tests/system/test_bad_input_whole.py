"""The table of bad input through a whole installation: each row its answer, and the ledger holds what was accepted."""

import asyncio
import json
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from tests.integration.bad_input import CASES, Case, Names, fill
from tests.integration.bad_input_send import send
from tests.system.installation import Installation
from tests.system.truth_run import complete


async def test_what_was_accepted_is_counted_or_a_dead_letter_and_the_good_goes_on(
    database: str, tmp_path: Path
) -> None:
    settings = {"FAULTLINE_DATABASE": database, "FAULTLINE_READ_TIMEOUT": "0.5"}
    with Installation(tmp_path / "data", settings) as installation:
        names = await _names(installation, database)
        for case in CASES:
            reply = await send(installation.url, fill(case, names))
            assert (reply.status, reply.code) == (case.status, case.code), case.name
        await _send_good(installation)
        await complete(installation, time.time())
        fates = Counter(fate for case in CASES for fate in case.fates)
        outcomes = _ledger(installation)
        assert outcomes["error", "grouped"] == fates["grouped"] + 1
        assert outcomes["session", "grouped"] == fates["session"]
        assert (
            sum(count for (_, outcome), count in outcomes.items() if outcome == "dead_lettered") == fates["dead letter"]
        )
        filtered = sum(count for (_, outcome), count in outcomes.items() if outcome == "filtered")
        assert filtered >= fates["filtered"]  # one record may stand for several items
        assert sum(count for (_, outcome), count in outcomes.items() if outcome in ("in_flight", "duplicate")) == 0


async def _names(installation: Installation, database: str) -> Names:
    project, other = installation.project, await asyncio.to_thread(_create, installation)
    connection = await asyncpg.connect(database)
    disabled = "d" * 32
    await connection.execute(
        "insert into project_keys (key, project, protocol, disabled) values ($1, $2, 'sentry', now())", disabled, 1
    )
    await connection.close()
    return Names(project["id"], _key(project), project["raygun_key"], other["id"], _key(other), disabled)


def _create(installation: Installation) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {installation.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        installation.url + "/api/v1/projects", json.dumps({"name": "other"}).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        made: dict[str, Any] = json.load(answer)
        return made


def _key(project: dict[str, Any]) -> str:
    return str(project["dsn"]).split("//")[1].split("@")[0]


async def _send_good(installation: Installation) -> None:
    body = json.dumps({"event_id": "a" * 32, "exception": {"values": [{"type": "Good", "value": "still counted"}]}})
    path = f"/api/{installation.project['id']}/store/?sentry_key={_key(installation.project)}"
    assert (await send(installation.url, Case("good", path, body.encode(), 200))).status == 200


def _ledger(installation: Installation) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for minute in installation.get("/api/v1/ledger")["minutes"]:
        total = 0
        for outcome in ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight"):
            sums[minute["category"], outcome] += minute[outcome]
            total += minute[outcome]
        assert minute["accepted"] == total
    return sums
