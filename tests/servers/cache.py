"""Fetches the programs of servers once, into a folder outside the tree; safe where several runs do so at once.

The tools' own configuration names the registries: no host is named here.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import stamina

FETCH_SECONDS: Final = 1200
"""A slow network's 150 MB, or Go compiling a gateway on a busy core."""


FETCH_TRIES: Final = 6
"""A registry that is away comes back within these tries: two minutes and a half of waiting."""
FIRST_WAIT_SECONDS: Final = 5.0
LONGEST_WAIT_SECONDS: Final = 60.0
ERROR_LINES: Final = 4
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Maven writes it before the line that names the cause, also where nobody reads on a terminal."""


class Unavailable(Exception):
    """A server cannot be had on this machine; the text says what is missing, for people."""


def cache_folder() -> Path:
    """Return the folder: FAULTLINE_CACHE, else ``faultline-servers`` in the user's cache folder."""
    given = os.environ.get("FAULTLINE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given).absolute() if given else base / "faultline-servers"


def cached(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of this key, filled by ``make`` where it is not there yet.

    ``make`` fills a folder of another name that is renamed: one that a kill left incomplete is never used.
    """
    folder = cache_folder() / key
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{key}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_name(f"{key}.new")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            make(making)
            making.rename(folder)
    return folder


def tool(name: str) -> str:
    """Return the path of a program, also of one that a wheel brought beside our Python. Raises Unavailable."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise Unavailable(f"no program {name} on the path")
    return path


def download(what: str, command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a tool that downloads, up to FETCH_TRIES times with backoff. Raises Unavailable.

    A registry, or the first lookup on a fresh machine, may fail once and answer a moment later.
    """
    for attempt in stamina.retry_context(
        on=Unavailable,
        attempts=FETCH_TRIES,
        timeout=None,
        wait_initial=FIRST_WAIT_SECONDS,
        wait_max=LONGEST_WAIT_SECONDS,
    ):
        with attempt:
            run(what, command, cwd, environ)


def run(what: str, command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a tool to its end. Raises Unavailable with the first error lines of its output."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **(environ or {})}, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{what}: no end after {FETCH_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"{what}: {' | '.join(first_errors(done.stdout))}")


def first_errors(output: str) -> list[str]:
    """Return the lines that name the cause of a failure: Maven's first errors (its help follows), else the first lines.

    Go's lines of progress are left out.
    """
    plain = [line.strip() for line in COLOUR.sub("", output).splitlines()]
    lines = [line for line in plain if line and not line.startswith("go: downloading ")]
    errors = [line for line in lines if line.startswith("[ERROR]")]
    return (errors or lines)[:ERROR_LINES]
