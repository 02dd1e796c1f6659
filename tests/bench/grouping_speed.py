"""How long a grouping takes an event: warm, and at first sight of a stack of 40 frames; as ratios of one run."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from time import perf_counter_ns

from app.grouping import versions
from app.model import Event, Frame, Raised

_ROUNDS, _FIRST, _DEEP = 3, 200, 40


def report(events: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each measure: µs an event at the median, and the ratio to the first version."""
    for what, measure in (("warm", _warm), ("first sight of 40 frames", _first)):
        found = {name: measure(name, version.group, events) for name, version in versions.items()}
        first = next(iter(found.values()))
        yield f"{what:34} " + "  ".join(f"{name} {us:.1f} us ({us / first:.2f} x)" for name, us in found.items())


def _warm(_: str, group: Callable[[Event], object], events: Sequence[Event]) -> float:
    return min(_timed(group, events) for _ in range(_ROUNDS))


def _first(name: str, group: Callable[[Event], object], events: Sequence[Event]) -> float:
    for event in events[:50]:
        group(event)
    return _timed(group, [_deep(f"{name}_{number}") for number in range(_FIRST)])


def _timed(group: Callable[[Event], object], events: Sequence[Event]) -> float:
    times = []
    for event in events:
        start = perf_counter_ns()
        group(event)
        times.append(perf_counter_ns() - start)
    return median(times) / 1000


def _deep(name: str) -> Event:
    """Return a crash whose frames were never seen; the raise and its callers have their lines."""
    frames = [
        Frame(
            function=f"step_{at}_{name}", module=f"shop.{name}.part_{at}", file=f"shop/{name}/part_{at}.py",
            abs_path=f"/srv/app/shop/{name}/part_{at}.py", line=100 + at, in_app=at % 4 != 1, source="    run(order)",
        )
        for at in range(_DEEP)
    ]  # fmt: skip
    last = frames[-1]
    lines = [
        f"def step_{name}(order, name):", "    row = store.get(order)", "    if row is None:",
        f'        raise OrderError(f"no order {{order!r}} of {{name}} in {name}")', "    return row",
    ]  # fmt: skip
    last.in_app, last.source = True, lines[3]
    last.context = [(last.line - 3 + at, text) for at, text in enumerate(lines)] if last.line else []
    raised = Raised(type="OrderError", value=f"no order 5 of Tom in {name}", module="shop.orders", frames=frames)
    made = Event(event_id="0" * 32, project=1, kind="sentry", received=1, time=1, platform="python")
    made.exceptions = [raised]
    return made
