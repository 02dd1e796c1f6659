"""Provides the SDKs of Sentry that were replaced years ago and still report: io.sentry 1 (Java) and raven (Python).

Each comes once from a registry, as a file beside its shop pins it, into the folder of ``tests/servers/cache.py``.
"""

import hashlib
import sys
from pathlib import Path

from tests.missing import missing
from tests.servers.cache import Unavailable, cached, download, run
from tests.servers.java import java_home, maven
from tests.system.provision import SDKS

LEAST_JAVA = 11
PIP = ("-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")


def java_command(shop: str, folder: Path) -> list[str]:
    """Compile the shop ``NAME.java`` with what ``NAME-pom.xml`` names into a folder; return the command that runs it.

    It is compiled first, since ``java NAME.java`` catches what the program does not, and no SDK hears of a crash.
    """
    source = SDKS / shop
    try:
        jars = maven(source.stem, beside=source)
        programs = java_home(LEAST_JAVA) / "bin"
        compile_it = [str(programs / "javac"), "-cp", f"{jars}/*", "-d", ".", str(source)]
        run(f"javac cannot compile {shop}", compile_it, folder)
    except (Unavailable, OSError) as error:
        missing(f"no {shop}: {error}")
    return [str(programs / "java"), "-cp", f"{folder}:{jars}/*", "shop.Shop"]


def raven() -> Path:
    """Return a folder with raven, of its own: nothing else of the tests' environment may come to depend on it."""
    lock = SDKS / "shop_raven.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]

    def make(folder: Path) -> None:
        command = [sys.executable, *PIP, "--target", str(folder), "-r", str(lock)]
        download("pip cannot fetch raven", command, folder)

    try:
        return cached(f"raven-{digest}", make)
    except Unavailable as error:
        missing(str(error))
