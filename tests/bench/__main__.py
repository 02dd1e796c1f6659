"""``python -m tests.bench [agent] [ingest] [stages]``: ratios of Faultline and a peer, all measured in this run."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.bench import agent, ingest, site, stages

PARTS = ("agent", "ingest", "stages")


def main() -> None:
    """Run the parts that are named, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all without any")
    parser.add_argument("--events", type=int, default=20_000, help="events of a run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side")
    given = parser.parse_args()
    asyncio.run(_run(given.parts or list(PARTS), given.events, given.rounds))


async def _run(parts: list[str], events: int, rounds: int) -> None:
    if "stages" in parts:
        stages.run(events)
    if parts == ["stages"]:
        return
    with tempfile.TemporaryDirectory(prefix="faultline-bench-") as name, site.postgres(Path(name)) as url:
        if "agent" in parts:
            await agent.run(Path(name), url, events, rounds)
        if "ingest" in parts:
            await ingest.run(Path(name), url, events, rounds)


if __name__ == "__main__":
    main()
