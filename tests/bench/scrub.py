"""Scrubbing against itself without its searches: how many times the CPU time of the one the other takes, by turns.

The everyday reports are those of the other parts, with secrets that were planted. The others hold words of sessions and
tokens that differ from report to report, as values of variables and breadcrumbs do, and a secret in each breadcrumb or
none.
"""

from collections.abc import Sequence
from random import Random
from time import process_time
from typing import Final

import orjson

from app.normalise import scrub
from tests.bench import events
from tests.bench.ratios import Figure, Ratio, console, line
from tests.support.whole_scrub import forget, whole

ROUNDS: Final = 5
SMALL, LARGE = 2, 50
"""Frames and breadcrumbs of a made-up report: about 2.7 KB and 50 KB."""

_WORDS: Final = (
    "the", "session", "of", "order", "token", "expired", "for", "author", "card", "passed", "to", "checkout", "while",
    "cookie", "user", "was", "read", "auth", "state", "kept", "in", "store", "secretary", "password", "field", "shown",
)  # fmt: skip


def run(count: int) -> list[Figure]:
    """Measure the ratios; print and return them."""
    kinds = {
        "everyday": [payload for _, _, payload in events.bodies(max(1, count // 10))],
        "small, no secret": _wordy(max(1, count // 10), SMALL, ""),
        "small, secrets": _wordy(max(1, count // 10), SMALL, "&token="),
        "large, no secret": _wordy(max(1, count // 200), LARGE, ""),
        "large, secrets": _wordy(max(1, count // 200), LARGE, "&token="),
    }
    console.print(f"[bold]scrub[/bold]: whole readings against searches, {ROUNDS} rounds, {events.source()}")
    return [_ratio(name, payloads) for name, payloads in kinds.items()]


def _ratio(name: str, payloads: Sequence[bytes]) -> Figure:
    rates: list[float] = []
    whole_rates: list[float] = []
    _seconds(payloads)  # the automata of re2 grow while they first read
    for _ in range(ROUNDS):
        forget()
        rates.append(1 / _seconds(payloads))
        with whole():
            whole_rates.append(1 / _seconds(payloads))
    size = sum(map(len, payloads)) / len(payloads) / 1000
    return line(f"{name} ({size:.1f} KB)", Ratio.of(rates, whole_rates))


def _seconds(payloads: Sequence[bytes]) -> float:
    start = process_time()
    for payload in payloads:
        scrub(payload, 1)
    return process_time() - start


def _wordy(count: int, deep: int, secret: str) -> list[bytes]:
    dice = Random(deep)
    return [orjson.dumps(_with_words(deep, dice, secret)) for _ in range(count)]


def _with_words(deep: int, dice: Random, secret: str) -> object:
    report = events.made_up(deep)
    for frame in report["exception"]["values"][0]["stacktrace"]["frames"]:
        frame["context_line"] = "    order = self.sessions.get(order.session_id)"
        frame["vars"] = {name: _sentence(dice, 8) for name in ("order", "cart", "plan", "result", "previous", "next")}
    for crumb in report["breadcrumbs"]["values"]:
        crumb["message"] = _sentence(dice, 12)
        crumb["data"] = {
            "url": f"https://shop.example/cart?page={dice.random()}{secret}{dice.random() if secret else ''}"
        }
    return report


def _sentence(dice: Random, words: int) -> str:
    return f"{' '.join(dice.choices(_WORDS, k=words))} {dice.random()}"
