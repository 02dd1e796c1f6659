"""Data folders as archives: packed so that they hold nothing of the machine, unpacked with their modes."""

import io
import tarfile
from pathlib import Path
from typing import Final

import zstandard

ARCHIVE: Final = "data.tar.zst"
EXPECTED: Final = "expected.json"
WINDOW_LOG: Final = 26
"""64 MiB: the databases of a cluster are nearly equal, and within that distance of each other."""
KEPT: Final = {f"FAULTLINE_{name}_DAYS": "3650" for name in ("RETENTION", "MINUTE", "HOUR", "SEARCH")}
"""Settings under which housekeeping deletes nothing of a folder, however old it is."""


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder, without owners and times."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(folder)), recursive=False, filter=_anonymous)
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=WINDOW_LOG, enable_ldm=True)
    archive.write_bytes(zstandard.ZstdCompressor(compression_params=parameters).compress(packed.getvalue()))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into a new folder of mode 0700, owned by the present user."""
    folder.mkdir(mode=0o700, parents=True)
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        tar.extractall(folder, filter="tar")  # keeps the modes: PostgreSQL refuses a cluster that others may open


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
