"""Runs one program of PostgreSQL as its parent wants it, and ends it when that parent is gone.

Called by its path with Python's ``-I``: it needs the standard library alone, and no folder's modules get in its way.
``self`` runs it as who we are; ``namespace:UID:GID`` in a user namespace in which root is the ordinary UID (PostgreSQL
refuses root; files stay root's, and nothing outside changes); ``drop:UID:GID`` really as that user, with the one
capability to pass through folders closed to it (root's home).

The parent holds the other end of a pipe. When it is closed - by a stop, or by ``kill -9`` of the parent - the server
shuts down. Should this process itself be killed, Linux tells the server (PR_SET_PDEATHSIG).
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
"""Seconds after which a server that was told to end gets the next signal: smart, fast, immediate, none asked.

A smart shutdown lets those who are connected finish: where a parent was killed, its other children are draining.
"""


def main() -> int:
    """Run the program and give its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--as", dest="identity", default="self")
    parser.add_argument("--parent-fd", type=int)
    parser.add_argument("--log")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    child = subprocess.Popen(  # noqa: S603  the command is our parent's
        options.command,
        stderr=subprocess.PIPE if options.log else None,
        start_new_session=True,  # a Ctrl-C at the terminal is for the parent, who stops the server last
        preexec_fn=_becoming(options.identity, os.getpid()),  # noqa: PLW1509  this process has one thread
    )
    return _watch(child, options.parent_fd, options.log)


def _watch(child: "subprocess.Popen[bytes]", parent_fd: int | None, log: str | None) -> int:
    """Copy the child's log and wait for its end; bring it about when the parent's pipe is closed."""
    selector = selectors.DefaultSelector()
    told: list[float] = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: told.append(time.monotonic()))
    if parent_fd is not None:
        selector.register(parent_fd, selectors.EVENT_READ, None)
    if child.stderr is not None and log is not None:
        selector.register(child.stderr, selectors.EVENT_READ, _appender(log))
    sent = 0
    while child.poll() is None or any(key.data for key in selector.get_map().values()):
        for key, _ in selector.select(timeout=0.2):
            data = os.read(key.fd, 1 << 16)
            if data and key.data:
                key.data(data)
            elif not data:
                selector.unregister(key.fileobj)
                told += [] if key.data else [time.monotonic()]
        sent = _urge(child, told, sent)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _urge(child: "subprocess.Popen[bytes]", told: list[float], sent: int) -> int:
    """Send the signals that are due since the child was first told to end."""
    while told and sent < len(PATIENCE) and time.monotonic() - told[0] >= PATIENCE[sent][0]:
        child.send_signal(PATIENCE[sent][1])
        sent += 1
    return sent


def _appender(path: str) -> Callable[[bytes], None]:
    """Give what appends to a log file of bounded size."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, errors="replace")
    handler.terminator = ""

    def append(data: bytes) -> None:
        handler.emit(logging.makeLogRecord({"msg": data.decode(errors="replace")}))

    return append


def _becoming(identity: str, parent: int) -> Callable[[], None]:
    """Give what the child does between fork and exec."""
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
