"""Acknowledged events a second of CPU: ingest beside an aiohttp handler that reads the body and answers."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from app.stores.admin.projects import Project
from tests.bench import events, ratios, site
from tests.bench.ratios import Figure, Ratio, console
from tests.bench.site import Measured

AIM: Final = 0.6
WARM: Final = 500
"""Requests before those that are measured."""


async def run(folder: Path, url: str, count: int, rounds: int) -> list[Figure]:
    """Measure by turns with both servers up; print and return the ratio."""
    database = await site.make(url, "ingest")
    project = await site.prepare(database)
    settings = {"DATABASE": database, "PORT": "0", "PARTITIONS": str(site.PARTITIONS)}
    rates: dict[str, list[float]] = {"app.runtime.server": [], "tests.bench.echo": []}
    with ExitStack() as stack:
        servers = {module: stack.enter_context(site.measured(module, folder / module, settings)) for module in rates}
        ports = {module: int(json.loads(server.wait_ready())["port"]) for module, server in servers.items()}
        for module, server in servers.items():
            await _seconds(server, ports[module], project, WARM, 0)
        for number in range(rounds):
            for module, server in servers.items():
                seconds = await _seconds(server, ports[module], project, count, number + 1)
                rates[module].append(count / seconds)
    conditions = f"{count} events, {events.source()}, {site.CONNECTIONS} connections, {rounds} rounds by turns"
    console.print(f"[bold]ingest[/bold]: {conditions}")
    ratio = Ratio.of(rates["app.runtime.server"], rates["tests.bench.echo"])
    return [ratios.line("acknowledged : read and answered", ratio, AIM)]


async def _seconds(server: Measured, port: int, project: Project, count: int, seed: int) -> float:
    """Send events from another process; return the CPU seconds that the server took for them."""
    before = server.cpu()
    await site.send(port, project, count, seed)
    return server.cpu() - before
