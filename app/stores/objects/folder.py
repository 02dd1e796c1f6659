"""Objects as files of a folder.

A file is written under a hidden name in its folder, synced, and renamed: it is visible whole or not at all, also after
a power failure. The folder may be shared by several processes.
"""

import asyncio
import errno
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from app.stores.errors import StoreUnavailable
from app.stores.objects.names import checked_name, checked_prefix, is_name

STALE_SECONDS: Final = 3600
"""A hidden file of this age belongs to a killed writer: no write takes so long."""

HIDDEN: Final = ".writing-"

T = TypeVar("T")


class FolderObjects:
    """``app.stores.objects.contract.ObjectStore`` in a local folder, which the first put creates.

    Files get mode 0600, folders 0700.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cleaned = False

    async def put(self, name: str, data: bytes) -> None:
        """Write an object, durable on return; it is visible whole or not at all. Raises BadName, StoreUnavailable.

        The first call also deletes the files that killed writers left.
        """
        path = self._path(name)
        if not self._cleaned:
            self._cleaned = True
            await self.clean()
        await _in_thread(partial(_write, self._root, path, data))

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``start``. Raises FileNotFoundError, BadName, StoreUnavailable."""
        path = self._path(name)
        return await _in_thread(partial(_read, path, start, length))

    async def size(self, name: str) -> int:
        """Return an object's size in bytes. Raises FileNotFoundError, BadName, StoreUnavailable."""
        path = self._path(name)
        return await _in_thread(lambda: path.stat().st_size)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order, reading one folder at a time; skip hidden files."""
        checked_prefix(prefix)
        waiting = [prefix[: prefix.rfind("/") + 1]]
        while waiting:
            entry = waiting.pop()
            if entry and not entry.endswith("/"):
                yield entry
            else:
                waiting += await _in_thread(partial(_children, self._root, entry, prefix))

    async def delete(self, name: str) -> None:
        """Delete an object; a missing one is no error. Raises BadName, StoreUnavailable."""
        path = self._path(name)
        await _in_thread(partial(path.unlink, missing_ok=True))

    async def ping(self) -> None:
        """Check that the folder, or the first existing one above it, can be written to. Raises StoreUnavailable."""
        await _in_thread(partial(_check, self._root))

    async def clean(self) -> int:
        """Delete the files that killed writers left, those of ``STALE_SECONDS`` age, and count them."""
        return await _in_thread(partial(_clean, self._root))

    def _path(self, name: str) -> Path:
        return self._root / checked_name(name)


async def _in_thread(call: Callable[[], T]) -> T:
    """Run a call that touches the disk in a thread. Raises FileNotFoundError, StoreUnavailable for other OSErrors."""
    try:
        return await asyncio.to_thread(call)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnavailable(f"the files' folder: {error}") from error


def _check(root: Path) -> None:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not existing.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing))
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(existing))


def _write(root: Path, path: Path, data: bytes) -> None:
    _make_folder(root, path.parent)
    hidden = path.with_name(HIDDEN + secrets.token_hex(8))
    try:
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123  pathlib cannot open a descriptor
            _write_all(file.fileno(), data)
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _make_folder(root: Path, folder: Path) -> None:
    """Create a folder and those above it, each synced in its parent."""
    if folder.is_dir():
        return
    if folder != root:
        _make_folder(root, folder.parent)
    folder.mkdir(mode=0o700, parents=folder == root, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _children(root: Path, folder: str, prefix: str) -> list[str]:
    """Return the entries of a folder that may lead to names with the prefix, last one first; folders end in a slash."""
    try:
        with os.scandir(root / folder) as entries:
            names = [
                folder + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if not entry.is_symlink()
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    matching = [name for name in names if name.startswith(prefix) or (name.endswith("/") and prefix.startswith(name))]
    return sorted((name for name in matching if is_name(name.removesuffix("/"))), reverse=True)


def _clean(root: Path) -> int:
    limit, count = time.time() - STALE_SECONDS, 0
    for path in root.rglob(HIDDEN + "*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                path.unlink()
                count += 1
    return count
