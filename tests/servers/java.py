"""Finds a Java that is new enough, and has Maven fetch the dependencies of a ``*-pom.xml``."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.servers.cache import Unavailable, cached, download, tool

USUAL_PLACES: Final = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
)


def java_home(least: int, *variables: str) -> Path:
    """Return the home of a JDK of version ``least`` or newer.

    Looks where the variables point, then JAVA_HOME, the path and the usual places. Raises Unavailable.
    """
    for home in _homes(*variables, "JAVA_HOME"):
        if _version(home) >= least:
            return home
    names = ", ".join([*variables, "JAVA_HOME"])
    raise Unavailable(f"no Java {least} or newer: install one, or name it by one of {names}")


def maven(name: str, finish: Callable[[Path], None] = lambda _: None, beside: Path = Path(__file__)) -> Path:
    """Return the folder with the dependencies of ``NAME-pom.xml``, as ``finish`` left it. Raises Unavailable.

    The file lies beside the file ``beside``.
    """
    pom = beside.with_name(f"{name}-pom.xml")
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]

    def make(folder: Path) -> None:
        # Without the update Maven remembers a failed download, and refuses to try it again for a day.
        options = ("--batch-mode", "--quiet", "--strict-checksums", "--update-snapshots")
        command = [tool("mvn"), *options, "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        download(f"Maven cannot fetch {name}", command, folder)
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
    """Return the major version of a JDK or JRE, 0 for any other folder."""
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        return 0
    done = subprocess.run([str(program), "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', done.stderr)
    return int(version[1]) if version else 0
