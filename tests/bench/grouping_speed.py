"""How long a grouping takes an event: warm, at first sight of a stack, of frames; as ratios of one run.

The versions take turns event by event, and only this thread's own time counts: others on the machine weigh the same.
"""

from collections.abc import Iterator, Sequence
from statistics import median
from time import thread_time_ns

from app.grouping import versions
from app.model import Event, Frame, Raised

_TIMES, _DEEP = 200, 40


def report(events: Sequence[Event]) -> Iterator[str]:
    """Yield a line for each measure: µs an event at the median, and the ratio to the first version."""
    for version in versions.values():
        for event in events:
            version.group(event)
        version.group(_deep("known", "known"))
    yield _line("warm", dict.fromkeys(versions, events))
    yield _line("first sight of a stack of 40 frames", {name: _stacks("known", name) for name in versions})
    yield _line("first sight of each of 40 frames", {name: _stacks("", name) for name in versions})


def _stacks(frames: str, name: str) -> list[Event]:
    """Return stacks that this version never saw; of frames that it knows, where those are named."""
    return [_deep(frames or f"{name}_{at}", f"{name}_{at}") for at in range(_TIMES)]


def _line(what: str, given: dict[str, Sequence[Event]]) -> str:
    times: dict[str, list[int]] = {name: [] for name in given}
    for together in zip(*given.values(), strict=True):
        for name, event in zip(given, together, strict=True):
            start = thread_time_ns()
            versions[name].group(event)
            times[name].append(thread_time_ns() - start)
    found = {name: median(values) / 1000 for name, values in times.items()}
    first = next(iter(found.values()))
    return f"{what:36} " + "  ".join(f"{name} {us:.1f} us ({us / first:.2f} x)" for name, us in found.items())


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
