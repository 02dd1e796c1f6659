"""Chooses the user that the server runs as: PostgreSQL refuses root, and ``make run`` by root must work too."""

import os
import pwd
import sys
from pathlib import Path

from app.embedded.errors import EmbeddedError
from app.embedded.programs import program, run


def choose(folder: Path, data: Path) -> str:
    """Return the shim's ``--as`` for a server in ``folder``, whose cluster is (or will be) in ``data``.

    Once there is a cluster, its owner decides. Raises EmbeddedError with what to do.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedError(f"{data} belongs to user {owner}: run as that user, or choose another data folder")
        return "self"
    if owner:
        return f"drop:{owner}:{data.stat().st_gid}"
    inside = _ordinary()
    refusals = []
    candidates = [f"namespace:{inside.pw_uid}:{inside.pw_gid}"] if sys.platform == "linux" else []
    if owner is None:
        candidates.append(f"drop:{inside.pw_uid}:{inside.pw_gid}")
    for identity in candidates:
        refusal = _refusal(identity, folder)
        if refusal is None:
            return identity
        refusals.append(refusal)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and no other way works here "
        f"({'; '.join(refusals)}): run as an ordinary user, or name a server by FAULTLINE_DATABASE=postgresql://…"
    )


def prepare(identity: str, path: Path) -> None:
    """Change the owner of a file or folder to the user that the server will run as, where that is another."""
    kind, *numbers = identity.split(":")
    if kind == "drop":
        uid, gid = map(int, numbers)
        os.chown(path, uid, gid)


def _ordinary() -> pwd.struct_passwd:
    """Return a user that is not root: initdb needs one that has a name."""
    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    for name in ("postgres", "nobody", *users):
        if name in users:
            return users[name]
    raise EmbeddedError("PostgreSQL does not run as root, and this machine has no other user: add one")


def _refusal(identity: str, folder: Path) -> str | None:
    """Return why an identity cannot be used, None where it can and reaches the programs and the folder."""
    try:
        run(identity, program("postgres"), "--version")
        run(identity, "/bin/sh", "-c", 'test -w "$1" -a -x "$1"', "sh", str(folder))
    except EmbeddedError as error:
        return str(error)
    return None
