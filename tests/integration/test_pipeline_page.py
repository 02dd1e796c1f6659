"""The pipeline page over the real stores: stages, dead letters, processes; and what is said where there is nothing."""

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
from tests.integration.web_site import running_site


def dead(offset: int, project: int = 1, code: str = "not_json") -> DeadLetter:
    return DeadLetter(
        schema=1, code=code, error="Malformed", role="crashes", address=Address("1.crashes", 0, offset),
        project=project, category="error", received=1000 + offset, excerpt=f"<i>{offset}</i>",
    )  # fmt: skip


async def test_the_board_reads_what_is_new_and_keeps_the_newest(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(dead_letters, "KEPT", 5)
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec("1.dead-letters", 2)])
        board = RecentDeadLetters(log, 1)
        assert await board.newest(3) == ([], [], False)
        twice = [dead(0), dead(0), dead(1, project=2, code="no_facts")]
        await log.append([to_record(each, 1, 2) for each in twice])
        found = await board.newest(3)
        assert [each.address.offset for each in found.newest] == [1, 0]
        assert sorted(found.codes) == [("crashes: no_facts", 1), ("crashes: not_json", 1)]
        assert [each.project for each in (await board.newest(3, frozenset({1}))).newest] == [1]
        assert not found.more
        await log.append([to_record(dead(number), 1, 2) for number in range(2, 12)])
        found = await board.newest(3)
        assert [each.address.offset for each in found.newest] == [11, 10, 9]
        assert (found.codes, found.more) == ([("crashes: not_json", 5)], True)


async def test_the_page_shows_the_stages_the_dead_letters_and_the_processes(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        await site.envelope([({"type": "event"}, {"exception": {"values": [{"type": "ValueError"}]}})])
        await site.pipeline.step()
        await site.pipeline.log.append([to_record(dead(3), 1, 1)])

        async def figures() -> dict[str, Figures]:
            return {"crashes": Figures(records=12.0, partitions=[0], waits="StoreUnavailable")}

        await Heartbeat(Instances(site.pipeline.pool), "worker", figures).beat()
        async with site.http.get(f"{site.url}/pipeline", headers=site.bearer) as answer:
            text = await answer.text()
            assert answer.status == 200
        for shown in (
            ">12</data> <span",
            "StoreUnavailable",
            "not running",
            "1.crashes/0/3",
            "&lt;i&gt;3&lt;/i&gt;",
            "grouped",
        ):
            assert shown in text, shown
        assert "<i>3" not in text
        assert 'crashes: not json <b><data value="1"' in text


async def test_the_page_says_what_is_empty(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        await site.pipeline.pool.execute("delete from instances")
        async with site.http.get(f"{site.url}/pipeline", headers=site.bearer) as answer:
            text = await answer.text()
            assert answer.status == 200
        assert "No process was heard of" in text
        assert "None: every record that was accepted could be processed." in text
