"""Elasticsearch: one node without security, its smallest distribution, 512 MiB of heap."""

import contextlib
import shutil
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Final

from tests.servers.java import java_home, maven
from tests.servers.process import Server, served
from tests.support.ports import free_ports

LEAST_JAVA: Final = 21
NOT_COPIED: Final = ("-Xlog:", "-XX:+HeapDump", "-XX:ErrorFile")
"""Beginnings of options that make the JVM write files beside the distribution, which several runs share."""


def elasticsearch() -> contextlib.AbstractContextManager[Server]:
    """Run one; its address is a URL. Raises Unavailable, ServerFailed."""
    java = java_home(LEAST_JAVA, "ES_JAVA_HOME")
    (home,) = fetch().glob("elasticsearch-*")

    def make(folder: Path) -> Server:
        http, transport = free_ports(2)
        config = _configured(home, folder, http, transport)
        (folder / "tmp").mkdir()
        address = f"http://127.0.0.1:{http}"
        environ = {
            "ES_JAVA_HOME": str(java), "ES_PATH_CONF": str(config), "ES_TMPDIR": str(folder / "tmp"),
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        }  # fmt: skip
        return Server(address, [str(home / "bin" / "elasticsearch")], folder, lambda: _answers(address), environ)

    return served("elasticsearch", make)


def fetch() -> Path:
    """Return the folder that holds the distribution's folder. Raises Unavailable."""
    return maven("elasticsearch", _unpack)


def _unpack(folder: Path) -> None:
    (packed,) = folder.glob("*.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    packed.unlink()
    for program in folder.glob("elasticsearch-*/bin/*"):
        program.chmod(0o755)


def _configured(home: Path, folder: Path, http: int, transport: int) -> Path:
    config = folder / "config"
    shutil.copytree(home / "config", config)
    settings = {
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": http,
        "transport.port": transport,
        "path.data": folder / "data",
        "path.logs": folder / "logs",
        "xpack.security.enabled": "false",
        "xpack.ml.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",  # tests run on nearly full disks too
        "action.auto_create_index": "false",  # to index without the template is an error
    }
    (config / "elasticsearch.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    lines = (config / "jvm.options").read_text().splitlines(keepends=True)
    (config / "jvm.options").write_text("".join(line for line in lines if not line.startswith(NOT_COPIED)))
    return config


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=3) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
