"""``python -m tests.bench [part …]``: ratios of what is all measured in this run; ``--help`` names the parts."""

import argparse
import asyncio
import logging
import tempfile
from pathlib import Path

from tests.bench import agent, cpu, grouping_scores, ingest, kafka, memory, site, stages, whole

PARTS = ("agent", "grouping", "ingest", "kafka", "memory", "stages", "whole")

ON_POSTGRES = {"agent": agent.run, "ingest": ingest.run, "kafka": kafka.run, "memory": memory.run}


def main() -> None:
    """Run the parts that are named, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all without any")
    parser.add_argument("--events", type=int, default=20_000, help="events of a run; whole sends half as many")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it tells of leaders that new topics get a moment later
    asyncio.run(_run(given.parts or list(PARTS), given.events, given.rounds))


async def _run(parts: list[str], events: int, rounds: int) -> None:
    if "grouping" in parts:
        grouping_scores.run()
    if "stages" in parts:
        stages.run(events)
    with tempfile.TemporaryDirectory(prefix="faultline-bench-") as name, cpu.cores(0, 1):
        folder = Path(name)
        if set(ON_POSTGRES) & set(parts):
            with site.postgres(folder) as url:
                for part, measure in ON_POSTGRES.items():
                    if part in parts:
                        await measure(folder, url, events, rounds)
        if "whole" in parts:
            await whole.run(folder / "whole", events // 2, rounds)


if __name__ == "__main__":
    main()
