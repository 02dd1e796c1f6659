"""``python -m tests.bench [PART,PART …]``: ratios of two sides that are measured in the same run, by turns.

Each part's ratios are saved in ``tests/bench/figures`` and printed beside the saved ones (``tests.bench.figures``).
"""

import argparse
import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench import agent, cpu, events, figures, grouping, ingest, kafka, memory, price, scrub, site, stages, whole
from tests.bench.ratios import Figure

Pure = Callable[[int], list[Figure]]
"""(events) -> figures: measures functions in this process."""

OnPostgres = Callable[[Path, str, int, int], Awaitable[list[Figure]]]
"""(folder, URL of PostgreSQL's administration, events, rounds) -> figures: measures processes on one PostgreSQL."""

PURE: Final[Mapping[str, Pure]] = {"grouping": grouping.run, "scrub": scrub.run, "stages": stages.run}
ON_POSTGRES: Final[Mapping[str, OnPostgres]] = {
    "agent": agent.run,
    "ingest": ingest.run,
    "kafka": kafka.run,
    "memory": memory.run,
}
WHOLE: Final = "whole"
"""Measures whole installations, each on servers that it starts itself, with half as many events."""

PRICE: Final = "price"
"""Measures one embedded installation at steady rates, whatever number of events is asked for."""

PARTS: Final = (*PURE, *ON_POSTGRES, PRICE, WHOLE)


def main() -> None:
    """Run the parts that are named, all of them where none is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"by comma or space; all without any: {', '.join(PARTS)}")
    parser.add_argument("--events", type=int, default=20_000, help=f"events of a run; {WHOLE} sends half as many")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side")
    options = parser.parse_args()
    parts = [name for argument in options.parts for name in argument.split(",") if name] or list(PARTS)
    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of leaders that new topics get a moment later
    asyncio.run(_run(parts, options.events, options.rounds))


async def _run(parts: list[str], count: int, rounds: int) -> None:
    for name, measure_pure in PURE.items():
        if name in parts:
            run = figures.started(count, 1, events.source())
            figures.finish(name, run, measure_pure(count))
    with tempfile.TemporaryDirectory(prefix="faultline-bench-") as temporary, cpu.cores(0, 1), ExitStack() as stack:
        folder = Path(temporary)
        on_postgres = {name: measure for name, measure in ON_POSTGRES.items() if name in parts}
        url = stack.enter_context(site.postgres(folder)) if on_postgres else ""
        for name, measure in on_postgres.items():
            run = figures.started(count, rounds, events.source())
            figures.finish(name, run, await measure(folder, url, count, rounds))
        stack.close()  # PostgreSQL of these parts must not take time from whole installations
        if PRICE in parts:
            run = figures.started(price.SECONDS * sum(price.RATES), rounds, events.source())
            figures.finish(PRICE, run, await price.run(folder / PRICE, rounds))
        if WHOLE in parts:
            run = figures.started(count // 2, rounds, events.source())
            figures.finish(WHOLE, run, await whole.run(folder / WHOLE, count // 2, rounds))


if __name__ == "__main__":
    main()
