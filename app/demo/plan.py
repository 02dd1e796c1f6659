"""Plans the visits of the demo's shop: customer, release, and what fails. Pure, and the same for equal seeds.

The first release runs well; the second is rolled out and crashes often; the third replaces it and fixes the bug.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

Outcome = Literal["fine", "message", "handled", "crash"]

GOOD: Final = "2.3.0"
BAD: Final = "2.4.0"
MENDED: Final = "2.4.1"
ROLLOUT: Final = (0.3, 0.7)
"""Between these shares of the demo the share of the bad release grows."""
ROLLED_OUT: Final = 0.9
"""The share of visits that a new release has once its roll-out ends."""

FAULTS: Final[dict[Outcome, tuple[str, ...]]] = {
    "fine": ("",),
    "message": ("stock",),
    "handled": ("payment", "coupon", "payment", "inventory"),
    "crash": ("price", "address"),
}
BAD_CRASH: Final = "discount"
"""The fault that only the bad release has."""

CRASHES: Final = {GOOD: 0.02, BAD: 0.3, MENDED: 0.01}
HANDLED: Final = 0.12
MESSAGES: Final = 0.05
NOTHING: Final = {True: ("fine",), False: ("fine", "message")}
"""Outcomes of which no event is sent, by whether the SDK sends sessions: Raygun's SDKs send errors only."""
CUSTOMERS: Final = 400
SKUS: Final = ("apple", "pear", "plum", "quince", "medlar", "cherry")


class App(msgspec.Struct, frozen=True):
    """One application of the shop, named for its SDK, and whether that SDK sends sessions."""

    name: str
    sessions: bool


class Visit(msgspec.Struct, frozen=True):
    """One customer's visit."""

    app: str
    release: str
    outcome: Outcome
    fault: str
    customer: int
    sku: str
    order: int
    items: int
    """How many events and sessions the SDK sends for it, 0 to 2."""


def visits(apps: Sequence[App], total: int, seed: int = 7) -> Iterator[Visit]:
    """Yield visits until ``total`` events and sessions are planned; the last one may be cut to what is left."""
    dice = random.Random(seed)  # noqa: S311  the demo must be the same each time, not secret
    sent = 0
    while sent < total:
        visit = _visit(apps, sent / total, total - sent, dice)
        sent += visit.items
        if visit.items:
            yield visit


def _visit(apps: Sequence[App], done: float, left: int, dice: random.Random) -> Visit:
    app = dice.choice(apps)
    release = _release(done, dice)
    outcome = _outcome(app, release, left, dice)
    fault = dice.choice(FAULTS[outcome])
    if outcome == "crash" and release == BAD and dice.random() < 0.9:  # noqa: PLR2004  nine crashes of ten are the bug's
        fault = BAD_CRASH
    return Visit(
        app=app.name, release=release, outcome=outcome, fault=fault,
        # A few customers come often, most of them seldom.
        customer=1 + int(CUSTOMERS * dice.random() ** 2), sku=dice.choice(SKUS), order=dice.randint(1000, 9999),
        items=int(app.sessions) + int(outcome not in NOTHING[app.sessions]),
    )  # fmt: skip


def _release(done: float, dice: random.Random) -> str:
    first, last = ROLLOUT
    if done < first:
        return GOOD
    if done < last:
        return BAD if dice.random() < ROLLED_OUT * (done - first) / (last - first) else GOOD
    return MENDED if dice.random() < ROLLED_OUT else GOOD


def _outcome(app: App, release: str, left: int, dice: random.Random) -> Outcome:
    roll = dice.random()
    if app.sessions and left == 1:  # one more item: a session alone
        return "fine"
    if roll < CRASHES[release]:
        return "crash"
    roll -= CRASHES[release]
    if roll < HANDLED:
        return "handled"
    return "message" if roll < HANDLED + MESSAGES else "fine"
