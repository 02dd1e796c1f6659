"""The caches between events are bounded in bytes, whatever clients send: long texts are not cached."""

import tracemalloc
from collections.abc import Callable

import pytest

from app.grouping import group
from app.grouping.g1.files import place
from app.grouping.g1.frames import look
from app.stores.search.text import runs
from tests.unit.grouping_parts import crash

TEXTS = 200
LONG = 4000
BOUND = 400_000
"""Bytes; each of these held 500,000 at least when every text was cached."""


def _place(text: str) -> object:
    return place(f"/srv/{text}.py")


def _look(text: str) -> object:
    return look("js", "f", "m", f"https://shop.example/{text[:900]}.js", text[900:1800], "", text[1800:2300], None)


def _runs(text: str) -> object:
    return list(runs(text))


def _group(text: str) -> object:
    return group(crash("python", *(f"{text[:300]}{at}|{text[300:600]}|shop.py" for at in "abcdefghijklmnop")))


@pytest.mark.parametrize("use", [_place, _look, _runs, _group])
def test_long_texts_are_not_cached(use: Callable[[str], object]) -> None:
    use(_text(0))
    tracemalloc.start()
    try:
        for number in range(1, TEXTS):
            use(_text(number))
        assert tracemalloc.get_traced_memory()[0] < BOUND
    finally:
        tracemalloc.stop()


def _text(number: int) -> str:
    return f"{number:x}".translate(str.maketrans("0123456789", "ghijklmnop")) * LONG
