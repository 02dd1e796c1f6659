"""``faultline doctor``: each store is asked by itself, and each that is away is named with the setting to look at."""

import secrets
import socket
from pathlib import Path

import pytest

from app.cli import doctor_stores
from app.settings import Settings


def closed_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def asked(settings: Settings) -> dict[str, tuple[bool, str]]:
    """Give by store whether it is well, and what to do."""
    found = await doctor_stores.stores(settings)
    return {each.what.partition(":")[0]: (each.well, each.remedy) for each in found}


async def test_what_answers_is_well(database: str, tmp_path: Path) -> None:
    found = await asked(Settings(database=database, data=str(tmp_path)))
    assert found == {"PostgreSQL": (True, ""), "folder of raw reports": (True, "")}


async def test_each_store_that_is_away_is_named_with_its_setting(database: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    nobody = closed_port()
    kafka, elasticsearch = f"kafka://127.0.0.1:{nobody}", f"http://127.0.0.1:{nobody}"
    settings = Settings(database=database, log=kafka, search=elasticsearch, files=f"file://{tmp_path}/file/x")
    found = await asked(settings)
    assert {name: well for name, (well, _) in found.items()} == {
        "PostgreSQL": True, "folder of raw reports": False, "Kafka": False, "Elasticsearch": False,
    }  # fmt: skip
    for name, setting in (("Kafka", "LOG"), ("Elasticsearch", "SEARCH"), ("folder of raw reports", "FILES")):
        assert found[name][1].startswith(f"check FAULTLINE_{setting} ")


async def test_a_database_that_is_away_is_told_with_the_files(database: str, tmp_path: Path) -> None:
    gone = database.replace("test_", f"gone_{secrets.token_hex(4)}_")
    found = await asked(Settings(database=gone, log="kafka://127.0.0.1:9", data=str(tmp_path)))
    assert found["PostgreSQL"][0] is False
    assert found["folder of raw reports"][0] is True
    assert "Kafka" not in found


async def test_servers_that_answer_are_well_and_a_bucket_that_is_not_there_is_told(
    database: str, kafka_url: str, elasticsearch: str, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_stores, "SECONDS", 60.0)  # servers that have just started, on a busy machine
    settings = Settings(database=database, log=kafka_url, search=elasticsearch, files=s3_url)
    names = ("PostgreSQL", "S3", "Kafka", "Elasticsearch")
    assert await asked(settings) == dict.fromkeys(names, (True, ""))
    options = s3_url.partition("?")[2]
    found = await asked(Settings(database=database, files=f"s3://no-such-bucket?{options}"))
    assert not found["S3"][0]
