"""``faultline doctor``: each store is pinged by itself, and each that is away is named with the setting to check."""

import secrets
from pathlib import Path

import pytest

from app.cli import doctor_stores
from app.settings import Settings
from tests.support.ports import free_ports


async def checked(settings: Settings) -> dict[str, tuple[bool, str]]:
    """Return by store whether it is well, and what to do."""
    findings = await doctor_stores.stores(settings)
    return {finding.what.partition(":")[0]: (finding.well, finding.remedy) for finding in findings}


async def test_what_answers_is_well(database: str, tmp_path: Path) -> None:
    findings = await checked(Settings(database=database, data=str(tmp_path)))
    assert findings == {"PostgreSQL": (True, ""), "folder of raw reports": (True, "")}


async def test_each_store_that_is_away_is_named_with_its_setting(database: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (closed,) = free_ports(1)
    kafka, elasticsearch = f"kafka://127.0.0.1:{closed}", f"http://127.0.0.1:{closed}"
    settings = Settings(database=database, log=kafka, search=elasticsearch, files=f"file://{tmp_path}/file/x")
    findings = await checked(settings)
    assert {name: well for name, (well, _) in findings.items()} == {
        "PostgreSQL": True, "folder of raw reports": False, "Kafka": False, "Elasticsearch": False,
    }  # fmt: skip
    for name, setting in (("Kafka", "LOG"), ("Elasticsearch", "SEARCH"), ("folder of raw reports", "FILES")):
        assert findings[name][1].startswith(f"check FAULTLINE_{setting} ")


async def test_a_database_that_is_away_is_reported_beside_the_files(database: str, tmp_path: Path) -> None:
    gone = database.replace("test_", f"gone_{secrets.token_hex(4)}_")
    findings = await checked(Settings(database=gone, log="kafka://127.0.0.1:9", data=str(tmp_path)))
    assert findings["PostgreSQL"][0] is False
    assert findings["folder of raw reports"][0] is True
    assert "Kafka" not in findings


async def test_servers_that_answer_are_well_and_a_missing_bucket_is_reported(
    database: str, kafka_url: str, elasticsearch: str, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_stores, "SECONDS", 60.0)  # servers that have just started, on a busy machine
    settings = Settings(database=database, log=kafka_url, search=elasticsearch, files=s3_url)
    names = ("PostgreSQL", "S3", "Kafka", "Elasticsearch")
    assert await checked(settings) == dict.fromkeys(names, (True, ""))
    options = s3_url.partition("?")[2]
    findings = await checked(Settings(database=database, files=f"s3://no-such-bucket?{options}"))
    assert not findings["S3"][0]
