"""The command line as a user sees it: a failure is one line on stderr and an exit code other than 0."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from app.cli import show
from app.runtime import last_run

MAIN = "from app.cli import main; main()"
AWAY = "postgresql://127.0.0.1:1/none"


def faultline(*arguments: str, stdin: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE_")}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env=environment | {f"FAULTLINE_{name.upper()}": value for name, value in settings.items()},
        input=stdin,
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
        (["worker"], {"data": "/none"}, "nothing runs on /none"),
        (["web"], {"data": "/none"}, "nothing runs on /none"),
        (["ingest"], {"data": "/none"}, "nothing runs on /none"),
        (["files"], {"data": "/none"}, "nothing runs on /none"),
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


def test_a_stopped_installation_says_where_it_last_ran(tmp_path: Path) -> None:
    never = faultline("doctor", data=str(tmp_path))
    assert f"BAD  stopped: nothing runs on the data folder {tmp_path}\n" in never.stdout
    last_run.note_start(tmp_path, "http://h:8000", "box")
    killed = faultline("doctor", data=str(tmp_path)).stdout
    assert "it last ran at http://h:8000 on box, started 2" in killed
    assert "did not stop in order" in killed
    last_run.note_stop(tmp_path)
    stopped = faultline("doctor", data=str(tmp_path))
    assert stopped.returncode == 1
    assert ", stopped 2" in stopped.stdout
    assert f"→ faultline up --data {tmp_path}" in stopped.stdout
    assert "PostgreSQL" not in stopped.stdout
    assert "it last ran at http://h:8000 on box" in faultline("web", data=str(tmp_path)).stderr


@pytest.mark.parametrize("width", [80, 300])
def test_a_table_is_neither_cut_nor_folded(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=width, force_terminal=True, file=io.StringIO())
    monkeypatch.setattr(show, "out", console)
    address = "http://" + "k" * 90 + "@127.0.0.1:8000/1"
    show.table(("id", "DSN"), [("1", address), ("2", "[b]")])
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert address in printed
    assert "[b]" in printed
    assert ("┃" in printed) == (width == 300)


def test_the_version_is_the_package_s() -> None:
    assert faultline("--version").stdout.strip() == "0.4.0"


def test_rules_of_a_project(database: str, tmp_path: Path) -> None:
    given = {"database": database, "data": str(tmp_path)}
    number = faultline("project", "create", "shop", **given).stdout.splitlines()[1].split("\t")[0]
    assert faultline("rules", "show", number, **given).stdout == "# version 0: this project has no rules\n"

    text = '# frames [of] ours\nin_app = ["acme."]\n'
    file = tmp_path / "rules.toml"
    file.write_text(text)
    made = faultline("rules", "set", number, str(file), **given)
    assert (made.stdout, made.stderr) == ("version 1, in force within 5 seconds\n", "")
    assert faultline("rules", "set", number, stdin=text, **given).stdout == "version 1, unchanged\n"
    assert faultline("rules", "set", number, "-", stdin="in_app = []\n", **given).stdout.startswith("version 2, ")
    first, *shown = faultline("rules", "show", number, "--version", "1", **given).stdout.splitlines(keepends=True)
    assert first.startswith("# version 1, made by a person, 20")
    assert "".join(shown) == text
    history = faultline("rules", "show", number, "--history", **given).stdout.splitlines()
    assert [line.split("\t")[0] for line in history] == ["version", "2", "1"]

    for arguments, said in (
        (["show", "99"], "there is no project 99"),
        (["show", number, "--version", "3"], "has no version 3 of its rules; the newest is 2"),
        (["set", number, str(tmp_path / "none.toml")], "cannot read"),
        (["set", "99", str(file)], "there is no project 99"),
        (["take-back", number, "0" * 16], f"no such rule; `faultline rules show {number}` lists them"),
    ):
        done = faultline("rules", *arguments, **given)
        assert done.returncode == 1
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    done = faultline("rules", "set", number, stdin="in_app = []\nin_app = 3\n", **given)
    assert "at line 2" in done.stderr
    done = faultline("rules", "set", number, stdin='in_app = []\n\n[[group_by]]\nname = "a"\nby = 3\n', **given)
    assert "Expected `array`, got `int` (at line 5)" in done.stderr
