"""Plans the visits of the demo's shop: time, customer, release, and what fails. Pure, and the same for equal seeds.

The visits tell the story of a day. The first release runs well. The second is rolled out, and goes bad at a moment that
the chart shows: a discount begins, for which it divides by zero. The third replaces it and fixes the bug. One customer
meets one error after the other. The last visits happen as they are sent.
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

CRASHES: Final = {GOOD: 0.02, BAD: 0.35, MENDED: 0.01}
GOES_BAD: Final = 0.5
"""The share of the demo from which on the bad release crashes often; before it does as the one before."""
DAY_SECONDS: Final = 23.5 * 3600
HISTORY: Final = 0.8
"""The share of the demo that happened in the last day; the rest happens now."""
UNLUCKY: Final = 7
"""The customer who meets several bugs."""
UNLUCKY_SHARE: Final = 0.12
"""The share of errors that this customer meets."""
STAGING: Final = 0.15
"""The share of visits to the staging environment."""
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
    environment: str
    ago: float
    """Seconds before it is sent, at which it happened."""
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
    outcome = _outcome(app, left, dice, CRASHES[release if done >= GOES_BAD else GOOD])
    fault = dice.choice(FAULTS[outcome])
    is_bad = release == BAD and done >= GOES_BAD
    if outcome == "crash" and is_bad and dice.random() < 0.9:  # noqa: PLR2004  nine crashes of ten are the bug's
        fault = BAD_CRASH
    # A few customers come often, most of them seldom.
    customer = 1 + int(CUSTOMERS * dice.random() ** 2)
    if outcome in ("crash", "handled") and dice.random() < UNLUCKY_SHARE:
        customer = UNLUCKY
    return Visit(
        app=app.name, release=release, outcome=outcome, fault=fault,
        customer=customer, sku=dice.choice(SKUS), order=dice.randint(1000, 9999),
        environment="staging" if dice.random() < STAGING else "production",
        ago=DAY_SECONDS * max(0.0, 1 - done / HISTORY),
        items=int(app.sessions) + int(outcome not in NOTHING[app.sessions]),
    )  # fmt: skip


def _release(done: float, dice: random.Random) -> str:
    first, last = ROLLOUT
    if done < first:
        return GOOD
    if done < last:
        return BAD if dice.random() < ROLLED_OUT * (done - first) / (last - first) else GOOD
    return MENDED if dice.random() < ROLLED_OUT else GOOD


def _outcome(app: App, left: int, dice: random.Random, crashes: float) -> Outcome:
    roll = dice.random()
    if app.sessions and left == 1:  # one more item: a session alone
        return "fine"
    if roll < crashes:
        return "crash"
    roll -= crashes
    if roll < HANDLED:
        return "handled"
    return "message" if roll < HANDLED + MESSAGES else "fine"
