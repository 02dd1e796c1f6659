"""Cores and the CPU time that processes took, as the operating system tells them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

ALL: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
"""The cores of this machine that this process may use; none where the system cannot keep a process to some."""


@contextmanager
def cores(*numbers: int) -> Iterator[None]:
    """Keep what is started in the block to some of the cores, counted from 0; anywhere where they are too few."""
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
    """Give the seconds of CPU, user and system, that a process and all its descendants took, ended ones as well."""
    root = psutil.Process(pid)
    return sum(_seconds(process) for process in (root, *root.children(recursive=True)))


def _seconds(process: psutil.Process) -> float:
    """Give its own seconds and those of the children that it has waited for."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its seconds by now, or at the next look
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
