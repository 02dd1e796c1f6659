"""Equal log lines of aiokafka are rate limited by kind; no other line is hidden."""

import logging
from collections.abc import Iterator

import pytest

from app.log.kafka.quiet import AIOKAFKA, MOST_KINDS, RateLimited, quieten


@pytest.fixture
def shown() -> Iterator[list[str]]:
    """Yield the lines that reach the root's handlers."""
    lines: list[str] = []

    class Listing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    listing = Listing()
    logging.getLogger().addHandler(listing)
    yield lines
    logging.getLogger().removeHandler(listing)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Yield aiokafka's logger, which is restored afterwards."""
    found = logging.getLogger(AIOKAFKA)
    before = (found.level, found.propagate, found.handlers)
    yield found
    found.level, found.propagate, found.handlers = before
    found.setLevel(before[0])


def test_the_first_line_passes_then_one_in_ten_seconds_with_the_number_left_out(
    shown: list[str], logger: logging.Logger
) -> None:
    now = 100.0
    logger.propagate, logger.handlers = False, [RateLimited(lambda: now)]
    for tenth in range(250):
        now = 100 + tenth / 10
        logger.getChild("conn").error("Unable connect to %s", f"b{tenth}")
    assert shown == [
        "Unable connect to b0",
        "Unable connect to b100 (99 more like it since the last)",
        "Unable connect to b200 (99 more like it since the last)",
    ]


def test_other_lines_are_not_hidden_and_the_original_is_not_changed(shown: list[str], logger: logging.Logger) -> None:
    logger.propagate, logger.handlers = False, [RateLimited(lambda: 100.0)]
    for name, text in (("a", "one %d"), ("b", "one %d"), ("a", "two %d"), ("a", "one %d")):
        logger.getChild(name).warning(text, 1)
    logger.getChild("a").error("one %d", 1)
    assert shown == ["one 1", "one 1", "two 1", "one 1"]


def test_what_is_remembered_is_bounded(shown: list[str]) -> None:
    quiet = RateLimited(lambda: 100.0)
    for number in range(MOST_KINDS + 10):
        quiet.handle(logging.makeLogRecord({"name": "a", "levelno": 40, "msg": f"line {number}"}))
    assert len(shown) == MOST_KINDS + 10
    assert len(quiet._kinds) <= MOST_KINDS


def test_its_steps_are_left_out_and_its_warnings_are_not(shown: list[str], logger: logging.Logger) -> None:
    quieten()
    logger.getChild("consumer").info("Updating subscribed topics to: %s", "x")
    logger.getChild("consumer").warning("the broker is away")
    assert shown == ["the broker is away"]
