"""Scores of the grouping on the labelled crashes: ``python -m tests.bench.grouping_scores [-v]`` prints them.

The data lies at ``$FAULTLINE_SHARED/grouping`` (default: ``../shared`` beside the repository); its README
defines the scores.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from app import normalise
from app.grouping import group
from app.model import Event, Facts

SHARED = Path(os.environ.get("FAULTLINE_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "grouping"
LABELLED = (
    ("defects4j",),
    ("defects4j-r2",),
    ("defects4j", "defects4j-r2"),
    ("casr-gdb",),
    ("casr-asan",),
    ("casr-python",),
)
PAIRED = ("metamorphic", "complaints", "sentry-inputs")
Key = Callable[[Event], str]


class Scores(NamedTuple):
    """B-cubed and pairwise figures of labelled sets."""

    precision: float
    recall: float
    f1: float
    pair_precision: float
    pair_recall: float


class Pairs(NamedTuple):
    """Kept of all, for pairs that must meet and pairs that must not; ``wrong`` lists (why, same, a, b)."""

    same: tuple[int, int]
    different: tuple[int, int]
    wrong: list[tuple[str, bool, str, str]]


def available() -> bool:
    """Tell whether the labelled data is there."""
    return SHARED.is_dir()


def rows(name: str) -> Iterator[dict[str, Any]]:
    """Give the rows of one file, by its name without ending."""
    with (SHARED / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def event_of(row: dict[str, Any]) -> Event:
    """Give a row's event as the pipeline reads it."""
    facts = Facts(
        project=1, kind="raygun" if row.get("protocol") == "raygun" else "sentry", category="error",
        event_id="0" * 32, received=1_780_000_000_000,
    )  # fmt: skip
    return normalise.event(facts, json.dumps(row["event"]).encode())


def id_of(event: Event) -> str:
    """Give the group's id."""
    return group(event).group


def labelled(names: tuple[str, ...], key: Key = id_of) -> Scores:
    """Score sets together by their labels."""
    found = [(row["label"], key(event_of(row))) for name in names for row in rows(f"events-{name}")]
    labels, groups, both = Counter(label for label, _ in found), Counter(one for _, one in found), Counter(found)
    precision = sum(both[one] / groups[one[1]] for one in found) / len(found)
    recall = sum(both[one] / labels[one[0]] for one in found) / len(found)
    together = _pairs(both)
    return Scores(
        precision, recall, 2 * precision * recall / (precision + recall),
        together / (_pairs(groups) or 1), together / (_pairs(labels) or 1),
    )  # fmt: skip


def _pairs(counts: Counter[Any]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def paired(name: str, key: Key = id_of) -> Pairs:
    """Score the pairs of one set."""
    groups = {row["id"]: key(event_of(row)) for row in rows(f"events-{name}")}
    kept: dict[bool, list[bool]] = defaultdict(list)
    wrong = []
    for pair in rows(f"pairs-{name}"):
        right = (groups[pair["a"]] == groups[pair["b"]]) is pair["same"]
        kept[pair["same"]].append(right)
        if not right:
            wrong.append((pair["why"], pair["same"], pair["a"], pair["b"]))
    return Pairs((sum(kept[True]), len(kept[True])), (sum(kept[False]), len(kept[False])), wrong)


def main() -> int:
    """Print all scores; 2 where the data is missing."""
    if not available():
        sys.stderr.write(f"no labelled crashes at {SHARED}: set FAULTLINE_SHARED\n")
        return 2
    for names in LABELLED:
        figures = " ".join(f"{field}={value:.3f}" for field, value in labelled(names)._asdict().items())
        sys.stdout.write(f"{'+'.join(names):24} {figures}\n")
    for name in PAIRED:
        same, different, wrong = paired(name)
        sys.stdout.write(f"{name:24} same {same[0]}/{same[1]}, different {different[0]}/{different[1]}\n")
        if "-v" in sys.argv:
            sys.stdout.writelines(
                f"    {'split' if one[1] else 'lumped'}: {one[0]}: {one[2]} {one[3]}\n" for one in wrong
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
