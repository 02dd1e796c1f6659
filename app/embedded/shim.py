"""Runs one program of PostgreSQL as another user where needed, and ends it when its parent is gone.

It is called by its path with Python's ``-I``: it needs the standard library alone, and imports nothing from the working
folder. ``--as`` takes ``self``: the present user; ``namespace:UID:GID``: a user namespace in which root has the
ordinary UID (PostgreSQL refuses root; files stay root's, and nothing changes outside); or ``drop:UID:GID``: that user
for real, with the one capability to pass through folders that are closed to it (root's home).

The parent holds the write end of a pipe. When it closes, by a stop or by ``kill -9`` of the parent, the server shuts
down. When this process itself is killed, Linux signals the server (PR_SET_PDEATHSIG).
"""

import argparse
import ctypes
import logging
import os
import selectors
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from typing import Final

CLONE_NEWUSER: Final = 0x10000000  # linux/sched.h
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
PR_SET_KEEPCAPS: Final = 8
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
CAP_DAC_OVERRIDE: Final = 1  # linux/capability.h
CAPABILITY_VERSION_3: Final = 0x20080522

LOG_BYTES: Final = 5 << 20
LOG_FILES: Final = 2
PATIENCE: Final = ((0.0, signal.SIGTERM), (5.0, signal.SIGINT), (25.0, signal.SIGQUIT), (30.0, signal.SIGKILL))
"""Seconds from the order to end until each signal: smart, fast and immediate shutdown, then SIGKILL.

A smart shutdown lets connected clients finish: after a kill of the parent, its other children drain.
"""


def main() -> int:
    """Run the program and return its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--as", dest="identity", default="self")
    parser.add_argument("--parent-fd", type=int)
    parser.add_argument("--log")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    child = subprocess.Popen(  # noqa: S603  the command is our parent's
        options.command,
        stderr=subprocess.PIPE if options.log else None,
        start_new_session=True,  # Ctrl-C at the terminal goes to the parent alone, which stops the server last
        preexec_fn=_becoming(options.identity, os.getpid()),  # noqa: PLW1509  this process has one thread
    )
    return _watch(child, options.parent_fd, options.log)


def _watch(child: "subprocess.Popen[bytes]", parent_fd: int | None, log: str | None) -> int:
    """Copy the child's log until the child ends; end it when the parent's pipe closes. Return the exit code."""
    selector = selectors.DefaultSelector()
    ordered: list[float] = []
    """Times at which the end was ordered; the first one counts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: ordered.append(time.monotonic()))
    if parent_fd is not None:
        selector.register(parent_fd, selectors.EVENT_READ, None)
    if child.stderr is not None and log is not None:
        selector.register(child.stderr, selectors.EVENT_READ, _appender(log))
    sent = 0
    while child.poll() is None or any(key.data for key in selector.get_map().values()):
        # The child's end closes its log, which ends the wait; without a log, and when the end was ordered, poll.
        logging_child = any(key.data for key in selector.get_map().values())
        for key, _ in selector.select(timeout=1.0 if logging_child and not ordered else 0.1):
            data = os.read(key.fd, 1 << 16)
            if data and key.data:
                key.data(data)
            elif not data:
                selector.unregister(key.fileobj)
                ordered += [] if key.data else [time.monotonic()]
        sent = _signal_due(child, ordered, sent)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _signal_due(child: "subprocess.Popen[bytes]", ordered: list[float], sent: int) -> int:
    """Send the signals that are due since the end was first ordered; return how many were sent in all."""
    while ordered and sent < len(PATIENCE) and time.monotonic() - ordered[0] >= PATIENCE[sent][0]:
        child.send_signal(PATIENCE[sent][1])
        sent += 1
    return sent


def _appender(path: str) -> Callable[[bytes], None]:
    """Return a function that appends to a log file of bounded size."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, errors="replace")
    handler.terminator = ""

    def append(data: bytes) -> None:
        handler.emit(logging.makeLogRecord({"msg": data.decode(errors="replace")}))

    return append


def _becoming(identity: str, parent: int) -> Callable[[], None]:
    """Return what the child does between fork and exec."""
    kind, *numbers = identity.split(":")

    def become() -> None:
        try:
            if kind == "namespace":
                _enter_namespace(*map(int, numbers))
            elif kind == "drop":
                _drop(*map(int, numbers))
            if sys.platform == "linux":
                _call("prctl", PR_SET_PDEATHSIG, signal.SIGINT)
                if os.getppid() != parent:
                    os._exit(1)
        except OSError as error:
            os.write(2, f"{identity}: {error}\n".encode())
            raise

    return become


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),  # user_namespaces(7): without it the map of groups is refused
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)


def _drop(uid: int, gid: int) -> None:
    _call("prctl", PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        bit = 1 << CAP_DAC_OVERRIDE
        header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
        data = ctypes.create_string_buffer(struct.pack("=6I", bit, bit, bit, 0, 0, 0))
        _call("capset", header, data)
        _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
