"""``faultline doctor``: which servers answer, what is behind, and what to do about it."""

import asyncio
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import IO, Final

import msgspec

from app.cli import doctor_stores
from app.cli.doctor_stores import Finding
from app.cli.projects import public_url
from app.cli.show import load, out
from app.log.lag import Stage, complete_until, lag
from app.roles import PART_NAMES, ROLE_NAMES
from app.runtime.connect import generation, log, pool
from app.settings import Settings
from app.stores.admin.instances import Instance, Instances
from app.web.api.replies import HealthReply

BEHIND_SECONDS: Final = 30


def doctor() -> int:
    """Print which servers answer, what is behind, and what to do; exit code 1 where something needs doing."""
    settings = load()
    findings = [_disk(settings), *asyncio.run(_installation(settings)), _server(settings)]
    for finding in findings:
        out.print(f"{'ok  ' if finding.well else 'BAD '} {finding.what}", markup=False, soft_wrap=True)
        if finding.remedy and not finding.well:
            out.print(f"     → {finding.remedy}", markup=False, soft_wrap=True)
    return 0 if all(finding.well for finding in findings) else 1


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    if not folder.exists():
        return Finding(False, f"data folder {folder}: not there", "start with `faultline up`, or set FAULTLINE_DATA")
    free = shutil.disk_usage(folder).free >> 20
    return Finding(
        free >= settings.disk_reserve_mb,
        f"disk: {free} MiB free (new events are refused below {settings.disk_reserve_mb})",
        "make room, or lower FAULTLINE_RETENTION_DAYS",
    )


async def _installation(settings: Settings) -> list[Finding]:
    """Check each store by itself, then the lag of the roles, then the processes."""
    stores = await doctor_stores.stores(settings)
    if not all(store.well for store in stores if store.needed):
        return stores
    try:
        async with asyncio.timeout(doctor_stores.SECONDS), pool(settings) as connections, log(settings) as opened:
            number = await generation(connections, settings)
            until = await complete_until(opened, number, int(time.time() * 1000))
            stages = await lag(opened, number)
            running = await Instances(connections).alive()
    except doctor_stores.AWAY as error:
        return [
            *stores,
            Finding(
                False,
                f"numbers: {error or type(error).__name__}",
                "run `faultline doctor` again: a store went away meanwhile",
            ),
        ]
    late = time.time() - until / 1000
    numbers = Finding(late < BEHIND_SECONDS * 4, f"numbers: complete to {late:.0f} s ago", "look at the roles below")
    return [*stores, numbers, *_stages(stages), *_processes(running)]


def _stages(stages: list[Stage]) -> Iterator[Finding]:
    for stage in stages:
        waits = 0.0 if stage.oldest is None else max(0.0, time.time() - stage.oldest / 1000)
        yield Finding(
            waits < BEHIND_SECONDS,
            f"{stage.role}: {stage.records} records of {stage.topic} to go, the oldest waits {waits:.0f} s",
            f"is a worker with the role running? `faultline worker --roles {stage.role}`; its log says why it waits",
        )


def _processes(running: Sequence[Instance]) -> Iterator[Finding]:
    """List the processes that run, then each part and role that none of them runs."""
    for process in running:
        yield Finding(
            True,
            f"{process.part} on {process.host}, pid {process.pid}: {', '.join(process.roles)},"
            f" {process.memory >> 20} MiB, version {process.version}",
        )
    for name in (*PART_NAMES, *ROLE_NAMES):
        if not any(name in process.roles for process in running):
            command = name if name in PART_NAMES else f"worker --roles {name}"
            yield Finding(False, f"{name}: no process runs it", f"start `faultline up` or `faultline {command}`")


def _server(settings: Settings) -> Finding:
    url = public_url(settings)
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310  the operator's own address
            reasons = _reasons(answer)
            return Finding(not reasons, f"{url}: ready{': ' if reasons else ''}{reasons}", "it recovers by itself")
    except urllib.error.HTTPError as error:
        why = _reasons(error) or f"HTTP {error.code}"
        return Finding(False, f"{url}: not ready: {why}", "its log says more; it recovers by itself")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return Finding(False, f"{url}: {error}", "start the server, or set FAULTLINE_URL to where it is")


def _reasons(answer: IO[bytes]) -> str:
    """Return the reasons in a reply of /readyz, '' for none and for a reply that is not Faultline's."""
    try:
        return " ".join(reason["message"] for reason in msgspec.json.decode(answer.read(), type=HealthReply).reasons)
    except (msgspec.DecodeError, OSError):
        return ""
