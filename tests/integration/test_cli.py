"""The command line as a user sees it: a failure is one line on stderr and an exit code other than 0."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = "from app.cli import main; main()"
AWAY = "postgresql://127.0.0.1:1/none"


def faultline(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE_")}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env=environment | {f"FAULTLINE_{name.upper()}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        (["project", "list"], {"database": AWAY}, "Connect call failed"),
        (["project", "list"], {"database": "mysql://x"}, "scheme is expected"),
        (["migrate"], {"database": AWAY}, "Connect call failed"),
        (["dead-letters", "list"], {"database": AWAY}, "Connect call failed"),
        (["token", "create", "t"], {"data": "/none"}, "nothing runs on /none"),
        (["settings"], {"port": "abc"}, "FAULTLINE_PORT: Expected `int`, got `str` (Port that the servers listen on"),
        (["worker"], {"log_level": "loud"}, "FAULTLINE_LOG_LEVEL"),
        (["up"], {"data": "/dev/null/x"}, "the data folder /dev/null/x cannot be used: Not a directory"),
    ],
)
def test_a_failure_is_one_line(arguments: list[str], settings: dict[str, str], text: str) -> None:
    done = faultline(*arguments, **settings)

    assert done.returncode in {1, 2}
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_projects_and_tokens(database: str, tmp_path: Path) -> None:
    given = {"database": database, "data": str(tmp_path)}

    made = faultline("project", "create", "Shop [red]in Köln[/red]", **given)
    assert made.returncode == 0, made.stderr
    header, row = (line.split("\t") for line in made.stdout.splitlines())
    assert header == ["id", "name", "DSN", "Raygun key"]
    assert row[1] == "Shop [red]in Köln[/red]"
    assert row[2].endswith(f"@127.0.0.1:8000/{row[0]}")
    assert faultline("project", "keys", row[0], **given).stdout == made.stdout

    assert faultline("token", "create", "limited", "--project", row[0], **given).stdout.startswith("flt_")
    for refused in (["project", "keys", "99"], ["token", "create", "x", "--project", "99"]):
        done = faultline(*refused, **given)
        assert (done.returncode, "there is no project 99" in done.stderr) == (1, True)
    assert "characters" in faultline("project", "create", "", **given).stderr


def test_the_version_is_the_package_s() -> None:
    assert faultline("--version").stdout.strip() == "0.1.0"
