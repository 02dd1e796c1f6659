"""Cores, and the CPU time that processes took as the operating system reports it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

ALL: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
"""The cores that this process may use; empty where the system has no CPU affinity."""


@contextmanager
def cores(*numbers: int) -> Iterator[None]:
    """Pin this process, and what it starts in the block, to cores counted from 0; pin nothing where there are fewer."""
    if len(ALL) <= max(numbers):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {ALL[number] for number in numbers})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree_seconds(pid: int) -> float:
    """Return the seconds of CPU, user and system, of a process and all its descendants, ended ones included."""
    root = psutil.Process(pid)
    return sum(_seconds(process) for process in (root, *root.children(recursive=True)))


def _seconds(process: psutil.Process) -> float:
    """Return the process's own seconds and those of the children that it has waited for."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its seconds are its parent's by now, or at the next call
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
