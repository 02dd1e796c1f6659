"""Files that only their owner may read: passwords, tokens, addresses that sign in."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to a file of mode 0600, replacing it whole or not at all.

    On return the content and its name in the folder are on disk: the text may be the only copy of a password. A process
    that is killed leaves the old file, or none. Raises OSError.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
