"""Scores of the groupings on the labelled crashes: ``python -m tests.bench.grouping_scores [-v]`` prints them.

Set by set, all stages stand beside each other, with 95 % intervals by bootstrap over bugs (over pairs, where a set
has pairs). The data lies at ``$FAULTLINE_SHARED/grouping`` (default: ``../shared`` beside the repository); its README
defines the scores.
"""

import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from app import normalise
from app.grouping import group
from app.model import Event, Facts
from tests.bench import grouping_kinship, grouping_speed, grouping_streams

SHARED = Path(os.environ.get("FAULTLINE_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "grouping"
LABELLED = (
    ("defects4j",),
    ("defects4j-r2",),
    ("defects4j", "defects4j-r2"),
    ("casr-gdb",),
    ("casr-asan",),
    ("casr-python",),
)
PAIRED = ("metamorphic", "complaints", "sentry-inputs", "freewords")
STREAMS = "freewords-streams"
RECEIVED = 1_780_000_000_000
"""When events without a time of their own were received."""
_SAMPLES, _SEED = 1000, 20
Key = Callable[[Event], str]
Row = dict[str, Any]


class Grouper(Protocol):
    """A stage of grouping: it sees events in their order, and says at the end which ended in one group."""

    def see(self, event: Event) -> None:
        """Take the next event; events of several projects may mix."""

    def groups(self) -> Sequence[str]:
        """Return the group of each event seen, in the order in which they were seen."""


class ByKey:
    """A key alone: what one event says of itself."""

    def __init__(self, key: Key) -> None:
        """Take the function from an event to its group's id."""
        self._key, self._seen = key, list[str]()

    def see(self, event: Event) -> None:
        """Group one event."""
        self._seen.append(self._key(event))

    def groups(self) -> Sequence[str]:
        """Return the ids in order."""
        return self._seen


STAGES: dict[str, Callable[[], Grouper]] = {
    "g1": lambda: ByKey(lambda event: group(event, "g1").group),
    "g2 key": lambda: ByKey(lambda event: group(event, "g2").group),
    "g2": grouping_kinship.ByKinship,
}
"""What is scored, by name, the first of them as the one that others are compared with."""


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


class Interval(NamedTuple):
    """The 2.5th and 97.5th percentile of a figure over resampled bugs."""

    low: float
    high: float

    def __str__(self) -> str:
        """Return both with three digits."""
        return f"[{self.low:.3f}, {self.high:.3f}]"


def available() -> bool:
    """Tell whether the labelled data is there."""
    return SHARED.is_dir()


def rows(name: str) -> Iterator[Row]:
    """Yield the rows of one file, by its name without ending."""
    with (SHARED / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def event_of(row: Row, project: int = 1) -> Event:
    """Return a row's event as the pipeline reads it; it is received when it happened."""
    facts = Facts(
        project=project, kind="raygun" if row.get("protocol") == "raygun" else "sentry", category="error",
        event_id="0" * 32, received=_received(row["event"]),
    )  # fmt: skip
    return normalise.event(facts, json.dumps(row["event"]).encode())


def _received(event: Any) -> int:  # noqa: ANN401  any JSON value
    fields = event if isinstance(event, dict) else {}
    time = fields.get("timestamp") or fields.get("occurredOn") or fields.get("OccurredOn")
    try:
        return int(datetime.fromisoformat(str(time)).timestamp() * 1000)
    except ValueError:
        return RECEIVED


def id_of(event: Event) -> str:
    """Return the group's id by the first grouping."""
    return group(event).group


def grouped(given: Iterable[Row], stage: Callable[[], Grouper]) -> list[str]:
    """Return the groups of rows in their order; each ``source`` is a project of its own."""
    grouper, projects = stage(), dict[str, int]()
    for row in given:
        grouper.see(event_of(row, projects.setdefault(row.get("source", ""), len(projects) + 1)))
    return list(grouper.groups())


def labelled(names: tuple[str, ...], key: Key = id_of) -> Scores:
    """Score sets together by their labels."""
    given = [row for name in names for row in rows(f"events-{name}")]
    return scored(labels_of(given), grouped(given, lambda: ByKey(key)))


def labels_of(given: Iterable[Row]) -> list[str]:
    """Return the bug of each row; equal labels of two sources are two bugs."""
    return [f"{row.get('source', '')}/{row['label']}" for row in given]


def scored(labels: Sequence[str], groups: Sequence[str]) -> Scores:
    """Return the figures of events with these bugs and groups."""
    found = list(zip(labels, groups, strict=True))
    by_event = _by_event(found)
    precision, recall = (sum(column) / len(found) for column in zip(*by_event, strict=True))
    ofgroup, oflabel = _pairs(Counter(groups)), _pairs(Counter(labels))
    together = _pairs(Counter(found))
    return Scores(precision, recall, _f1(precision, recall), together / (ofgroup or 1), together / (oflabel or 1))


def _by_event(found: Sequence[tuple[str, str]]) -> list[tuple[float, float]]:
    """Return precision and recall of each event."""
    labels, groups = Counter(label for label, _ in found), Counter(one for _, one in found)
    both = Counter(found)
    return [(both[one] / groups[one[1]], both[one] / labels[one[0]]) for one in found]


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)


def _pairs(counts: Mapping[Any, int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def intervals(labels: Sequence[str], stages: Mapping[str, Sequence[str]]) -> dict[str, Interval]:
    """Return the interval of B-cubed F1 of each stage, and of its gain over the first (``stage - first``)."""
    sums = {name: _sums(labels, groups) for name, groups in stages.items()}
    bugs, first = sorted(set(labels)), next(iter(stages))
    dice = random.Random(_SEED)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(_SAMPLES):
        drawn = dice.choices(bugs, k=len(bugs))
        values = {name: _resampled(one, drawn) for name, one in sums.items()}
        for name, value in values.items():
            found[name].append(value)
            found[f"{name} - {first}"].append(value - values[first])
    return {name: _interval(values) for name, values in found.items()}


def _sums(labels: Sequence[str], groups: Sequence[str]) -> dict[str, tuple[float, float, int]]:
    """Return of each bug the sums of its events' precision and recall, and how many they are."""
    made: dict[str, tuple[float, float, int]] = {}
    for label, (precision, recall) in zip(labels, _by_event(list(zip(labels, groups, strict=True))), strict=True):
        before = made.get(label, (0.0, 0.0, 0))
        made[label] = (before[0] + precision, before[1] + recall, before[2] + 1)
    return made


def _resampled(sums: Mapping[str, tuple[float, float, int]], drawn: Sequence[str]) -> float:
    precision, recall, count = (sum(column) for column in zip(*(sums[label] for label in drawn), strict=True))
    return _f1(precision / count, recall / count)


def _interval(values: list[float]) -> Interval:
    values.sort()
    return Interval(values[len(values) * 25 // 1000], values[len(values) * 975 // 1000 - 1])


def paired(name: str, key: Key = id_of) -> Pairs:
    """Score the pairs of one set by a key."""
    return paired_by(name, lambda: ByKey(key))


def paired_by(name: str, stage: Callable[[], Grouper]) -> Pairs:
    """Score the pairs of one set by a stage."""
    given = list(rows(f"events-{name}"))
    groups = dict(zip((row["id"] for row in given), grouped(given, stage), strict=True))
    kept: dict[bool, list[bool]] = defaultdict(list)
    wrong = []
    for pair in rows(f"pairs-{name}"):
        right = (groups[pair["a"]] == groups[pair["b"]]) is pair["same"]
        kept[pair["same"]].append(right)
        if not right:
            wrong.append((pair["why"], pair["same"], pair["a"], pair["b"]))
    return Pairs((sum(kept[True]), len(kept[True])), (sum(kept[False]), len(kept[False])), wrong)


def share(kept: int, of: int) -> Interval:
    """Return the interval of a share of pairs, by bootstrap over pairs."""
    dice = random.Random(_SEED)
    drawn = [sum(dice.random() * of < kept for _ in range(of)) / of for _ in range(_SAMPLES)]
    return _interval(drawn)


def _print_labelled(title: str, given: Sequence[Row]) -> None:
    labels = labels_of(given)
    found = {name: grouped(given, stage) for name, stage in STAGES.items()}
    ranges, first = intervals(labels, found), next(iter(found))
    for name, groups in found.items():
        one = scored(labels, groups)
        line = (
            f"{title:34} {name:8} F1 {one.f1:.3f} {ranges[name]}  P {one.precision:.3f} R {one.recall:.3f}  "
            f"pairs {one.pair_precision:.2f}/{one.pair_recall:.2f}"
        )
        gain = "" if name == first else f"  over {first} {ranges[f'{name} - {first}']}"
        _print(f"{line}{_shape(labels, groups)}{gain}")


def _shape(labels: Sequence[str], groups: Sequence[str]) -> str:
    """Return the groups made of so many bugs, the most groups of one bug, and how many groups hold several bugs."""
    ofbug, ofgroup = defaultdict(set), defaultdict(set)
    for label, one in zip(labels, groups, strict=True):
        ofbug[label].add(one)
        ofgroup[one].add(label)
    mixed = sum(len(bugs) > 1 for bugs in ofgroup.values())
    return f"  {len(ofgroup)} groups of {len(ofbug)} bugs, most of one {max(map(len, ofbug.values()))}, mixed {mixed}"


def _print_paired(name: str, *, verbose: bool) -> None:
    for stage, made in STAGES.items():
        same, different, wrong = paired_by(name, made)
        _print(
            f"{name:34} {stage:8} same {same[0]}/{same[1]} {share(*same)}  "
            f"different {different[0]}/{different[1]} {share(*different)}"
        )
        if verbose:
            for why, together, one, other in wrong:
                _print(f"    {'split' if together else 'lumped'}: {why}: {one} {other}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def run(*, verbose: bool = False) -> int:
    """Print all scores and times; 2 where the data is missing."""
    if not available():
        sys.stderr.write(f"no labelled crashes at {SHARED}: set FAULTLINE_SHARED\n")
        return 2
    for names in LABELLED:
        _print_labelled("+".join(names), [row for name in names for row in rows(f"events-{name}")])
    for name in PAIRED:
        _print_paired(name, verbose=verbose)
    given = list(rows(f"events-{STREAMS}"))
    _print_labelled(STREAMS, given)
    for change, alter in grouping_streams.ALTERED.items():
        _print_labelled(f"{STREAMS}: {change}", alter(given))
    events = [event_of(row) for row in given]
    for line in grouping_speed.report(events):
        _print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(verbose="-v" in sys.argv))
