"""The second grouping of anything at all: it never fails, is a pure function, explains itself, stays linear."""

import random
import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import normalise
from app.grouping import g2
from app.grouping.g2 import tokens
from app.grouping.g2.expressions import texts
from app.grouping.g2.key import judge
from app.grouping.g2.languages import LANGUAGES
from app.grouping.g2.statement import assigned, parameters, passed, read
from app.grouping.g2.templates import Template, cut, whole, within
from app.model import Event, Facts, Frame, Raised, Thread
from tests.unit.grouping_g2_parts import PLATFORMS, lines_of, said

SOURCES = st.sampled_from([
    "raise X(f'no {name!r:>{w}} left')", "raise X(text)", "raise X(f'{a}: {b}')", "    text = f'no {name}'",
    "def work(text, name):",
    "throw new X(`no ${a ? `${b}` : 'c'} left`);", "throw e;", "reject(new StockError('no ' + name));",
    "fail(`no ${name}`);",
    'raise X, "no #{name} left" if x', "throw new \\X(\"no {$a->b['c']} $d\");", 'panic("no " + name)',
    "abort(404, 'no pear')",
    "raise X('a' + ", "${", "{", "'", '"', "`", "'''", '"""', "/*", "#", "//", "%(", "\\", "(((",
    "x = y ?? z || w ? a : b",
    "logger.error('no %s left', name)", 'require(x) { "no $x" }', "assert a, 'no pear'", "", "\t",
    "if (/['\"]/.test(x)) {",
])  # fmt: skip
LINE = SOURCES | st.text(max_size=30) | st.text(alphabet="'\"`{}()[]$#%\\/<>=?:,.+ \nabrX", max_size=60)
WORDS = st.sampled_from([
    "", "work", "fail", "abort", "lambda$a$1", "a::b<c>(d)", "{closure:/a/b.php:1}", "f-impl", "minified:aB",
    "invariant", "shop",
    "/home/bob/a.py", "https://a.example/orders/12", "Script error.", "ANR", "StackOverflowError", "OutOfMemoryError",
    "boost::f",
    "no pear left", "5: no pear", "'net'", "bilebaga", "{{ default }}", "anr", "minidump", "raise", "\ud800", "\0",
])  # fmt: skip
TEXT = WORDS | st.text(max_size=40)
NUMBER = st.none() | st.integers(0, 4)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    made = Frame(
        function=draw(TEXT), module=draw(TEXT),
        file=draw(TEXT | st.sampled_from([f"a.{end}" for _, end in PLATFORMS.values()])),
        abs_path=draw(TEXT), package=draw(TEXT), symbol=draw(TEXT), in_app=draw(st.none() | st.booleans()),
        address=draw(WORDS), image=draw(WORDS), line=draw(NUMBER), column=draw(NUMBER),
    )  # fmt: skip
    lines = draw(st.lists(LINE, max_size=5))
    if lines:
        at = draw(st.integers(0, len(lines) - 1))
        made.source = lines[at]
        if made.line is not None and draw(st.booleans()):
            made.context = [(made.line - at + index, text) for index, text in enumerate(lines)]
    return made


FRAMES = st.lists(frames(), max_size=5)
RAISED = st.builds(
    Raised, type=TEXT, value=TEXT, mechanism=TEXT, synthetic=st.booleans(), exception_id=NUMBER, parent_id=NUMBER,
    is_group=st.booleans(), thread_id=WORDS, frames=FRAMES, module=TEXT,
)  # fmt: skip
THREADS = st.builds(Thread, id=WORDS, crashed=st.booleans(), current=st.booleans(), main=st.booleans(), frames=FRAMES)
EVENTS = st.builds(
    Event, event_id=st.just("0" * 32), project=st.integers(1, 3), kind=st.just("sentry"), received=st.just(1),
    time=st.just(1), platform=st.sampled_from(sorted({platform for platform, _ in PLATFORMS.values()})) | TEXT,
    message=TEXT,
    template=TEXT, transaction=TEXT, exceptions=st.lists(RAISED, max_size=4), threads=st.lists(THREADS, max_size=3),
    fingerprint=st.lists(TEXT, max_size=2), sdk_name=TEXT, url=TEXT,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_anything_groups_is_decided_and_explained(event: Event) -> None:
    before = msgspec.structs.asdict(event)
    grouped = g2.group(event)
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in (grouped.group, grouped.coarse, grouped.variant))
    assert 0 < len(grouped.title) <= 200
    assert len(grouped.cause) <= 200
    decision = g2.decide(event)
    assert len(decision.template) <= 240
    assert len(decision.frames) <= 40
    assert all(part.why for part in g2.explain(event))
    assert msgspec.structs.asdict(event) == before
    assert g2.group(event) == grouped
    assert g2.decide(event) == decision


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_explain_counts_what_the_key_is_made_of(event: Event) -> None:
    judgement, parts = judge(event), g2.explain(event)
    looked = sum(len(leaf.stack.frames) for leaf in judgement.leaves)
    assert len([part for part in parts if part.name == "frame"]) == looked
    if judgement.rule == "fingerprint":
        assert {part.name for part in parts if part.counted} == {"fingerprint"}
        return
    counted = sum(len(leaf.counted) for leaf in judgement.leaves)
    assert len([part for part in parts if part.counted and part.name == "frame"]) == counted
    key = "\1".join(judgement.key)
    assert all(
        part.value in key for part in parts if part.counted and part.name in ("frame", "type", "message", "statement")
    )


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_lines_releases_people_and_order_of_threads_do_not_count(event: Event, dice: random.Random) -> None:
    one = g2.group(event)
    event.release, event.environment, event.server, event.tags = "9", "dev", "web-9", {"a": "b"}
    event.event_id, event.received, event.time = "f" * 32, 99, 98
    for frame in (frame for raised in event.exceptions for frame in raised.frames):
        frame.column, frame.address, frame.image, frame.vars = 7, "0x7", "0x1", {"a": 1}
        if frame.line is not None:
            frame.context = [(number + 100, text) for number, text in frame.context]
            frame.line += 100
    dice.shuffle(event.threads)
    named = [thread.id for thread in event.threads]
    if len(set(named)) == len(named):
        assert g2.group(event) == one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | TEXT | LINE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "exception", "values", "stacktrace", "frames", "function", "filename", "context_line", "pre_context",
        "post_context",
        "lineno", "in_app", "type", "value", "mechanism", "message", "logentry", "params", "threads", "platform",
        "image_addr",
    ]), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["exception", "platform", "message", "logentry", "threads", "stacktrace"]), JSON)
)
def test_any_json_event_groups_alike_light_and_full(payload: dict[str, object]) -> None:
    facts = Facts(project=1, kind="sentry", category="error", event_id="0" * 32, received=1_780_000_000_000)
    raw = msgspec.json.encode(_encodable(payload))
    light, full = (normalise.event(facts, raw, full=full) for full in (False, True))
    assert g2.group(light) == g2.group(full)


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


CONSTANTS = st.lists(st.text(alphabet="ab: ", max_size=4), min_size=1, max_size=4)


@given(CONSTANTS, st.lists(st.text(alphabet="ab: ", max_size=4), min_size=3, max_size=3))
def test_what_a_template_makes_it_fits(constants: list[str], values: list[str]) -> None:
    template = Template(tuple(constants), ("x",) * (len(constants) - 1))
    text = constants[0] + "".join(f"{value}{constant}" for value, constant in zip(values, constants[1:], strict=False))
    filled = whole(template, text)
    assert filled is not None
    assert len(filled) == len(constants) - 1
    assert text.startswith(constants[0]) or not constants[0].strip()


@given(CONSTANTS, st.text(alphabet="ab: ", max_size=10))
def test_a_text_fits_exactly_where_a_pattern_does(constants: list[str], text: str) -> None:
    template = Template(tuple(constants), ("x",) * (len(constants) - 1))
    pattern = ".*".join(map(re.escape, constants))
    if re.fullmatch(pattern, text, re.DOTALL):
        assert whole(template, text) is not None
    for fits in (cut, within):
        fits(template, text)


BITS = [
    "raise X('a' + ", "${", "{", "'", '"', "`", "\\'", '\\"', "f'{", '"#{', "/[", "/*", "a.b.", "a::", "x(", '"a"+',
    "'a' 'b' ",
    "a if b else ", "or ", "? :", "throw new Error(", "(", "[(", "assert a, ", '"{}".format(', "Error.", "$a->b", "%s",
    "\\", "'''",
]  # fmt: skip


@pytest.mark.parametrize("bit", BITS)
@pytest.mark.parametrize("language", ["python", "js", "ruby", "php"])
def test_hostile_lines_are_read_in_a_bounded_number_of_steps(language: str, bit: str) -> None:
    """No character is part of two tokens, and no operand is looked at more than some dozen times."""
    source = tokens.tokenise(("raise X(throw new Error(" + bit * 4096), LANGUAGES[language])
    spans = [(token.start, token.end) for token in source.tokens]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert len(spans) <= tokens.MOST
    looked = _Counting(source.tokens)
    texts(source._replace(tokens=looked), 0, len(looked), LANGUAGES[language])
    assert looked.times <= 60 * tokens.MOST


class _Counting(list[tokens.Token]):
    """Tokens that count how often one is asked for."""

    times = 0

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401  as of any list
        self.times += 1
        return super().__getitem__(index)


@pytest.mark.parametrize("mark", ["\\'", "${", "#{", "{", "{{", "'", "`", '"', "$a", "%s", "\\x41"])
def test_strings_of_hostile_marks_are_scanned_once(mark: str) -> None:
    for language in LANGUAGES.values():
        for quote in language.quotes.values():
            counted = _Scanned(quote.stops)
            tokens.string(mark * 2000, 0, quote._replace(stops=counted), language)  # type: ignore[arg-type]  # it searches
            assert counted.times <= 2000 * len(mark) + 2


class _Scanned:
    """A pattern that counts how often it was searched for."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern, self.times = pattern, 0

    def search(self, text: str, at: int) -> re.Match[str] | None:
        self.times += 1
        return self._pattern.search(text, at)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=14), st.sampled_from(sorted(LANGUAGES)), TEXT, st.booleans(), st.data())
def test_any_lines_are_read(lines: list[str], language: str, name: str, log: bool, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    read(tuple(lines), at, language, log=log)
    assigned(tuple(lines), at, name, language)
    parameters(tuple(lines), at, name)
    passed(tuple(lines), at, name, language)


@given(st.text(min_size=1, max_size=30))
def test_a_hole_may_hold_anything_also_the_next_constant(word: str) -> None:
    value = f"a {word} of b has no author"
    assert said("python", "raise X(f'a {title} of {shelf} has no author')", value) == "a <> of <> has no author"


def test_the_parts_of_the_tests_mark_the_failing_line() -> None:
    assert lines_of("a\n>b\nc") == (["a", "b", "c"], 1)
    assert lines_of("a\nb") == (["a", "b"], 1)
