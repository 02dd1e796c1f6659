"""Builds the wheel, installs it in a fresh environment, and starts it there, outside of the source tree.

A file that works only from the source tree (a template, a migration, a script that was not packed) fails here.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = ("app/migrations/0001_log.sql", "app/web/static/app.js", "app/web/static/vendor/uPlot.iife.min.js")
READY_SECONDS = 60


def main() -> None:
    """Run all steps; raise where one fails."""
    with tempfile.TemporaryDirectory(prefix="faultline-wheel-") as folder:
        wheel = build(Path(folder))
        check_contents(wheel)
        python = install(Path(folder), wheel)
        start(python, Path(folder) / "data")
    print("the wheel installs and starts")  # noqa: T201  a command's result


def build(folder: Path) -> Path:
    """Build the wheel with the build requirements of this environment."""
    pip(Path(sys.executable), "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    return next(folder.glob("faultline-*.whl"))


def check_contents(wheel: Path) -> None:
    """Assert that the files other than Python are in it, and no test."""
    names = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in NEEDED if name not in names]
    assert not missing, f"not in the wheel: {missing}"
    assert not [name for name in names if name.startswith("tests/")]


def install(folder: Path, wheel: Path) -> Path:
    """Install it with the locked packages into a new environment and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    pip(python, "install", "--no-deps", "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    pip(python, "install", "--no-deps", str(wheel))
    return python


def start(python: Path, data: Path) -> None:
    """Start it in a neutral folder, read a page and its script, stop it."""
    command = [str(python.parent / "faultline"), "up", "--data", str(data), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FAULTLINE_", "PYTHON"))}
    with subprocess.Popen(command, cwd="/", env=environment) as process:
        try:
            url = json.loads(wait_for(data / "faultline.json", process))["url"]
            for path in ("/healthz", "/readyz", "/static/vendor/uPlot.iife.min.js"):
                with urllib.request.urlopen(url + path, timeout=10) as answer:
                    assert answer.status == 200, path
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
    assert code == 0, f"exit code {code}"


def wait_for(path: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait until the installation is ready; return the content of its description."""
    end = time.monotonic() + READY_SECONDS
    while not path.exists():
        assert process.poll() is None, f"ended with {process.returncode}"
        assert time.monotonic() < end, "not ready"
        time.sleep(0.1)
    return path.read_text()


def pip(python: Path, *arguments: str) -> None:
    """Run pip of an environment."""
    subprocess.run([str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":
    main()
