"""A Java that is new enough, and what Maven fetches by a ``*-pom.xml`` beside this file."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers.cache import Unavailable, cached, run, tool

USUAL_PLACES: Final = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
)


def java_home(least: int, *variables: str) -> Path:
    """Give the home of a JDK of version ``least`` or newer.

    Looks where the variables point, then JAVA_HOME, the path and the usual places. Raises Unavailable.
    """
    for home in _homes(*variables, "JAVA_HOME"):
        if _version(home) >= least:
            return home
    names = ", ".join([*variables, "JAVA_HOME"])
    raise Unavailable(f"no Java {least} or newer: install one, or name it by one of {names}")


def maven(name: str, finish: Callable[[Path], None] = lambda _: None) -> Path:
    """Give the folder with what ``NAME-pom.xml`` depends on, as ``finish`` left it. Raises Unavailable."""
    pom = Path(__file__).with_name(f"{name}-pom.xml")
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]

    def make(folder: Path) -> None:
        options = ("--batch-mode", "--quiet", "--strict-checksums")
        command = [tool("mvn"), *options, "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        run(f"Maven cannot fetch {name}", command, folder)
        finish(folder)

    return cached(f"{name}-{digest}", make)


def _homes(*variables: str) -> Iterator[Path]:
    yield from (Path(os.environ[variable]) for variable in variables if os.environ.get(variable))
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for pattern in USUAL_PLACES:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")), reverse=True)


@cache
def _version(home: Path) -> int:
    """Give the major version of a JDK or JRE, 0 for what is none."""
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        return 0
    told = subprocess.run([str(program), "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else 0
