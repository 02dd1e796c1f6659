"""What servers are made of, fetched once into a folder outside the tree; safe where several runs do so at once.

The tools' own configuration says where registries are: nothing here names a host.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

FETCH_SECONDS: Final = 1200
"""A slow network's 150 MB, or Go compiling a gateway on a busy core."""


class Unavailable(Exception):
    """A server can't be had on this machine; the text says what is missing, for people."""


def cache_folder() -> Path:
    """Give the folder: FAULTLINE_CACHE, else ``faultline-servers`` in the user's cache folder."""
    given = os.environ.get("FAULTLINE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given).absolute() if given else base / "faultline-servers"


def cached(key: str, make: Callable[[Path], None]) -> Path:
    """Give the folder of this key, filled by ``make`` where it is not there yet.

    ``make`` fills a folder of another name, so that half of one, after a kill, is never taken for a whole.
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
    """Give the path of a program, also one that a wheel brought beside our Python. Raises Unavailable."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise Unavailable(f"no program {name} on the path")
    return path


def run(what: str, command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a tool to its end. Raises Unavailable with the last that it said."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **(environ or {})}, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{what}: no end after {FETCH_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"{what}: {' | '.join(done.stdout.strip().splitlines()[-6:])}")
