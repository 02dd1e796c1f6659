"""The pipeline page over the real stores: stages, dead letters, processes, and its empty state."""

import re
from pathlib import Path

import pytest

from agents.batch.dead_letters import to_record
from app.log import dead_letters
from app.log.contract import TopicSpec
from app.log.dead_letters import RecentDeadLetters
from app.log.postgres.log import PostgresLog
from app.model import Address
from app.records import DeadLetter
from app.runtime.heartbeat import Heartbeat
from app.stores.admin.instances import Figures, Instances
from tests.integration.web_site import Site, running_site


def dead(offset: int, project: int = 1, code: str = "not_json") -> DeadLetter:
    return DeadLetter(
        schema=1, code=code, error="Malformed", role="crashes", address=Address("1.crashes", 0, offset),
        project=project, category="error", received=1000 + offset, excerpt=f"<i>{offset}</i>",
    )  # fmt: skip


async def test_new_dead_letters_are_read_and_the_newest_kept(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(dead_letters, "KEPT", 5)
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec("1.dead-letters", 2)])
        recent = RecentDeadLetters(log, 1)
        assert await recent.newest(3) == ([], [], False)
        twice = [dead(0), dead(0), dead(1, project=2, code="no_facts")]
        await log.append([to_record(letter, 1, 2) for letter in twice])
        letters = await recent.newest(3)
        assert [letter.address.offset for letter in letters.newest] == [1, 0]
        assert sorted(letters.codes) == [("crashes: no_facts", 1), ("crashes: not_json", 1)]
        assert [letter.project for letter in (await recent.newest(3, frozenset({1}))).newest] == [1]
        assert not letters.more
        await log.append([to_record(dead(number), 1, 2) for number in range(2, 12)])
        letters = await recent.newest(3)
        assert [letter.address.offset for letter in letters.newest] == [11, 10, 9]
        assert (letters.codes, letters.more) == ([("crashes: not_json", 5)], True)


async def test_the_page_shows_the_stages_the_dead_letters_and_the_processes(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        await site.envelope([({"type": "event"}, {"exception": {"values": [{"type": "ValueError"}]}})])
        await site.pipeline.step()
        await site.pipeline.log.append([to_record(dead(3), 1, 1)])

        async def figures() -> dict[str, Figures]:
            return {"crashes": Figures(records=12.0, partitions=[0], waits="StoreUnavailable")}

        await Heartbeat(Instances(site.pipeline.pool), "worker", figures).beat()
        async with site.http.get(f"{site.url}/pipeline", headers=site.bearer) as answer:
            page = await answer.text()
            assert answer.status == 200
        for expected in (
            ">12</data> <span",
            "StoreUnavailable",
            "not running",
            "1.crashes/0/3",
            "&lt;i&gt;3&lt;/i&gt;",
            "grouped",
        ):
            assert expected in page, expected
        assert "<i>3" not in page
        assert 'crashes: not json <b><data value="1"' in page


async def test_what_sdks_lost_stands_apart_from_what_they_left_out(database: str, tmp_path: Path) -> None:
    report = {
        "timestamp": 1,
        "discarded_events": [
            {"reason": "sample_rate", "category": "error", "quantity": 40},
            {"reason": "before_send", "category": "error", "quantity": 2},
            {"reason": "queue_overflow", "category": "error", "quantity": 3},
        ],
    }
    async with running_site(database, tmp_path) as site:
        await site.envelope([({"type": "client_report"}, report)])
        await site.pipeline.step()
        minutes = (await site.get("/api/v1/ledger"))["minutes"]
        lost = {part["reason"]: part["by_choice"] for minute in minutes for part in minute["lost"]}
        assert lost == {"sample_rate": True, "before_send": True, "queue_overflow": False}
        text = await words(site, "/pipeline")
        assert "Lost: queue_overflow 3. Left out as configured, which is no loss: sample_rate 40, before_send 2" in text


async def test_what_was_received_and_not_kept_is_counted_by_kind(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        items = [({"type": kind}, {"a": 1}) for kind in ("transaction", "transaction", "check_in", "odd")]
        await site.envelope([*items, ({"type": "event"}, {"message": "kept"})])
        await site.pipeline.step()
        received = await site.get(f"{site.api}/received")
        assert received["not_kept"] == [
            {"kind": "transaction", "category": "timing", "quantity": 2},
            {"kind": "check_in", "category": "other", "quantity": 1},
            {"kind": "unknown", "category": "other", "quantity": 1},
        ]
        minutes = (await site.get("/api/v1/ledger"))["minutes"]
        assert sum(minute["filtered"] for minute in minutes) == 4
        text = await words(site, "/settings")
        assert "and not kept: 2 transactions, 1 check-ins, 1 items of unknown types." in text
        await site.pipeline.pool.execute(
            "update windows set counts = counts - 'filtered:transaction' where kind = 'l' and grp = 'timing'"
        )
        kinds = {item["kind"]: item["quantity"] for item in (await site.get(f"{site.api}/received"))["not_kept"]}
        assert kinds == {"unrecorded": 2, "check_in": 1, "unknown": 1}  # as counted before kinds were


async def words(site: Site, path: str) -> str:
    """Return the text of a page."""
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        return " ".join(re.sub("<[^>]+>", "", await answer.text()).split())


async def test_the_page_of_an_empty_installation(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        await site.pipeline.pool.execute("delete from instances")
        async with site.http.get(f"{site.url}/pipeline", headers=site.bearer) as answer:
            page = await answer.text()
            assert answer.status == 200
        assert "No process reported" in page
        assert "None. Every accepted record could be processed." in page
