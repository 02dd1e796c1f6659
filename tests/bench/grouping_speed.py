"""How long a grouping takes an event: warm, at first sight of a stack of 40 frames, of 40 frames; as ratios of one run."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from time import perf_counter_ns

from app.grouping import versions
from app.model import Event, Frame, Raised

_ROUNDS, _FIRST, _DEEP = 3, 200, 40


def report(events: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each measure: µs an event at the median, and the ratio to the first version."""
    measures = (
        ("warm", _warm),
        ("first sight of a stack of 40 frames", _new_stack),
        ("first sight of each of 40 frames", _new_frames),
    )
    for what, measure in measures:
        found = {name: measure(name, version.group, events) for name, version in versions.items()}
        first = next(iter(found.values()))
        yield f"{what:36} " + "  ".join(f"{name} {us:.1f} us ({us / first:.2f} x)" for name, us in found.items())


def _warm(_: str, group: Callable[[Event], object], events: Sequence[Event]) -> float:
    return min(_timed(group, events) for _ in range(_ROUNDS))


def _new_stack(name: str, group: Callable[[Event], object], _: Sequence[Event]) -> float:
    """Measure stacks whose frames were seen in others, raised by statements with words that were never seen."""
    group(_deep("known", name))
    return _timed(group, [_deep("known", f"{name}_{number}") for number in range(_FIRST)])


def _new_frames(name: str, group: Callable[[Event], object], _: Sequence[Event]) -> float:
    """Measure stacks of which nothing was ever seen."""
    return _timed(group, [_deep(f"{name}_{number}", f"{name}_{number}") for number in range(_FIRST)])


def _timed(group: Callable[[Event], object], events: Sequence[Event]) -> float:
    times = []
    for event in events:
        start = perf_counter_ns()
        group(event)
        times.append(perf_counter_ns() - start)
    return median(times) / 1000


def _deep(name: str, word: str) -> Event:
    """Return a crash of 40 frames named by ``name``; the lines of the raise hold ``word``."""
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
        f'        raise OrderError(f"no order {{order!r}} of {{name}} in {word}")', "    return row",
    ]  # fmt: skip
    last.in_app, last.source = True, lines[3]
    last.context = [(last.line - 3 + at, text) for at, text in enumerate(lines)] if last.line else []
    raised = Raised(type="OrderError", value=f"no order 5 of Tom in {word}", module="shop.orders", frames=frames)
    made = Event(event_id="0" * 32, project=1, kind="sentry", received=1, time=1, platform="python")
    made.exceptions = [raised]
    return made
