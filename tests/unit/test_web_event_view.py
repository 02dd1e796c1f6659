"""The layout of an event: what is open, what folds, what is named, and that nothing makes it large."""

from typing import Any

import msgspec
import pytest

from app.model import Address, Breadcrumb, Event, Facts, Frame, Raised, Thread
from app.records import EventSummary, Stored
from app.stores.search.contract import Document
from app.web.pages.event_view import EventView, event_view, handled_of
from app.web.pages.stack import UNCLAIMED, VISIBLE, StackView, place_of, stack_view
from app.web.pages.values import Budget
from app.web.queries import FullEvent
from app.web.render import TEMPLATES

ADDRESS = Address("1.crashes", 0, 7)


def event_of(**fields: Any) -> Event:  # noqa: ANN401  any field
    return Event(event_id="a" * 32, project=1, kind="sentry", received=1000, time=1000, **fields)


def view_of(event: Event) -> EventView:
    summary = EventSummary(
        offset=7, event_id=event.event_id, project=1, received=1000, time=1000, group="b" * 32, title="E: text",
        culprit="", level="error", platform=event.platform, release="", environment="", user="", unhandled=False,
        server="", url="", sdk="", tags={}, text="",
    )  # fmt: skip
    facts = Facts(project=1, kind="sentry", category="error", event_id=event.event_id, received=1000)
    return event_view(FullEvent(event, Document(ADDRESS, summary), Stored(7, facts, b"{}"), "b" * 32, None))


def laid(frames: list[Frame], **options: Any) -> StackView:  # noqa: ANN401  any option
    return stack_view(frames, Budget(90_000), **{"registers": {}, **options})


def own(name: str, **fields: Any) -> Frame:  # noqa: ANN401  any field
    return Frame(function=name, file="shop/pay.py", line=3, in_app=True, **fields)


def test_the_innermost_frame_of_the_application_is_open() -> None:
    library = [Frame(function=name, file="lib.py", line=1, in_app=False, source="x") for name in "ab"]
    view = laid([own("outer", source="x"), *library, own("inner", source="raise_it()"), *library])
    assert [(run.label, [frame.function for frame in run.frames]) for run in view.runs] == [
        ("2 frames outside the application", ["b", "a"]),
        ("", ["inner"]),
        ("2 frames outside the application", ["b", "a"]),
        ("", ["outer"]),
    ]
    assert [frame.open for run in view.runs for frame in run.frames] == [False, False, True, False, False, False]


def test_a_frame_without_content_does_not_open() -> None:
    (run,) = laid([own("bare")]).runs
    assert not run.frames[0].opens
    (run,) = laid([own("told", vars={"a": 1})]).runs
    assert run.frames[0].opens


@pytest.mark.parametrize("period", [1, 2, 5])
def test_equal_neighbours_fold(period: int) -> None:
    frames = [own(f"f{place % period}", vars={"depth": place}) for place in range(178 * period)]
    view = laid(frames)
    (run,) = view.runs
    assert view.depth == 178 * period
    if period == 1:
        assert (run.label, run.frames[0].times) == ("", 178)
    else:
        assert (run.label, run.times, len(run.frames)) == (f"{period} frames in turn", 178, period)


def test_deep_stacks_are_folded_behind_the_first_frames() -> None:
    view = laid([own(f"f{place}") for place in range(250)])
    assert len(view.runs) == VISIBLE + 1
    assert view.runs[-1].label == f"{250 - VISIBLE} frames further out"
    unclaimed = laid([Frame(function=f"f{place}") for place in range(250)])
    assert len(unclaimed.runs) == UNCLAIMED + 1


@pytest.mark.parametrize(
    ("frame", "place"),
    [
        (Frame(file="shop/pay.py", abs_path="/srv/shop/pay.py", line=3), "shop/pay.py:3"),
        (Frame(abs_path="https://shop/app.js", line=1, column=9), "https://shop/app.js:1:9"),
        (Frame(module="acme.Stock", file="Stock.java", line=32), "acme.Stock (Stock.java:32)"),
        (Frame(module="pay", file="pay.py"), "pay.py"),
        (Frame(package="C:\\game\\engine.dll", address="0x1f"), "engine.dll 0x1f"),
        (Frame(), ""),
    ],
)
def test_the_place_of_a_frame(frame: Frame, place: str) -> None:
    assert place_of(frame) == place


def test_a_native_frame_shows_its_binary_and_address() -> None:
    frame = Frame(function="pay", symbol="_Z3payv", package="/lib/libshop.so", address="0x1f2", image="0x100")
    view = laid([frame], registers={"pc": "0x1f2"})
    facts = [("Address", "0x1f2"), ("Binary", "/lib/libshop.so"), ("Loaded at", "0x100"), ("Symbol", "_Z3payv")]
    assert view.runs[0].frames[0].facts == facts
    assert view.registers == [("pc", "0x1f2")]


@pytest.mark.parametrize(
    ("frame", "minified"),
    [
        (Frame(function="t", file="https://shop/app.min.js", line=1, column=20), True),
        (Frame(function="t", file="/assets/index-4f3a9c2b.js", line=3, column=20), True),
        (Frame(function="t", file="bundle.js", line=1, column=48_120), True),
        (Frame(function="pay", file="shop/pay.js", line=7, column=3), False),
    ],
)
def test_minified_code_is_named(frame: Frame, minified: bool) -> None:
    assert bool(laid([frame], platform="javascript").minified) == minified
    assert not laid([frame], platform="python").minified


@pytest.mark.parametrize(
    ("handled", "unhandled", "expected"),
    [(None, False, None), (True, False, True), (False, True, False), (None, True, False)],
)
def test_handled_is_said_only_where_the_sdk_said_it(
    handled: bool | None, unhandled: bool, expected: bool | None
) -> None:  # fmt: skip
    event = event_of(exceptions=[Raised(type="E", handled=handled)], unhandled=unhandled)
    assert handled_of(event) is expected
    assert ("Handled" in dict(view_of(event).facts)) == (expected is not None)


def test_the_outermost_exception_is_first_and_says_what_caused_it() -> None:
    chain = [Raised(type="KeyError", value="'adyen'"), Raised(type="PaymentError", frames=[own("pay")])]
    views = view_of(event_of(exceptions=chain)).exceptions
    assert [(view.raised.type, view.relation) for view in views] == [("PaymentError", ""), ("KeyError", "caused by")]


def test_a_crash_without_exception_shows_the_thread_that_crashed() -> None:
    threads = [Thread(id="1", main=True, frames=[own("wait")]), Thread(id="2", crashed=True, frames=[own("pay")])]
    view = view_of(event_of(threads=threads))
    assert view.crash is not None
    assert view.crash.thread.id == "2"
    assert [thread.thread.id for thread in view.threads] == ["1"]
    assert view.threads[0].top == "wait"


def test_an_exception_has_the_stack_of_its_thread() -> None:
    raised = Raised(type="SIGSEGV", thread_id="2")
    view = view_of(event_of(exceptions=[raised], threads=[Thread(id="2", frames=[own("pay")])]))
    assert view.exceptions[0].stack.depth == 1


def test_equal_breadcrumbs_fold_and_the_last_ones_are_in_sight() -> None:
    crumbs = [*(Breadcrumb(message=f"step {place}") for place in range(50)), *[Breadcrumb(message="again")] * 30]
    view = view_of(event_of(breadcrumbs=crumbs))
    assert (view.crumbs[-1].said, view.crumbs[-1].times) == ("again", 30)
    assert (len(view.earlier), len(view.crumbs)) == (39, 12)


def test_modules_are_sorted_and_folded() -> None:
    view = view_of(event_of(modules={"b": "2", "A": "1", "c": "3"}))
    (modules,) = view.tables
    assert (modules.rows, [name for name, _ in modules.folded]) == ([], ["A", "b", "c"])


def test_nothing_makes_an_event_large() -> None:
    noise = "\"'<&>" * 1600
    context = [(number, noise[:512]) for number in range(200)]
    frame = Frame(function=noise[:512], module=noise[:512], file=noise[:1024], line=9, in_app=True, source=noise[:512],
                  context=context, vars={noise[:200]: [noise] * 200})  # fmt: skip
    registers = {f"r{number}": noise[:200] for number in range(128)}
    event = event_of(
        message=noise,
        exceptions=[Raised(type=noise[:256], value=noise, module=noise[:256], frames=[frame] * 3 +
                           [msgspec.structs.replace(frame, line=at) for at in range(247)], registers=registers)] * 50,
        threads=[Thread(id=str(at), name=noise[:200], frames=[frame] * 250, registers=registers) for at in range(100)],
        breadcrumbs=[Breadcrumb(message=f"{at}{noise}", data={noise[:200]: noise}) for at in range(100)],
        contexts={f"{at}{noise[:190]}": {noise[:200]: noise} for at in range(200)},
        extra={f"{at}{noise[:190]}": noise for at in range(200)}, modules={f"m{at}": noise for at in range(200)},
        images=[{"code_file": f"{at}{noise}", "debug_id": noise} for at in range(1000)],
        tags={f"t{at}": noise[:200] for at in range(100)}, request={"headers": {noise[:200]: noise}},
        notes=["note"] * 20,
    )  # fmt: skip
    view = view_of(event)
    parts = [
        TEMPLATES.get_template(name).render(view=view, now=0, complete=1)
        for name in ("_trace.html", "_about.html", "_rest.html")
    ]
    assert sum(len(part.encode()) for part in parts) < 230_000
    assert view.dropped
