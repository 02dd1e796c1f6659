"""The crash reports of the bench: variations of recorded ones, each with its own id, time, words and user.

Where there is no corpus (``../shared``, or the folder of FAULTLINE_SHARED), made-up reports of the same shape stand in.
"""

import random
from collections.abc import Iterator
from typing import Any, Final

import orjson

from app.ingest.ids import EventId
from app.ingest.records import Layout, Origin, RequestRecords
from app.log.contract import NewRecord
from tests.support import payloads

START: Final = 1_795_503_300_000
"""ms; when the first report was received."""

SPREAD: Final = 600_000
"""ms from the first report to the last: ten windows of a minute."""

SMALLEST, LARGEST = 2500, 7000
"""Bytes of the recorded reports that are used: everyday ones, neither bare messages nor reports of 50 KB."""

USERS: Final = 5000
RELEASES: Final = ("shop@1.0.0", "shop@1.0.1", "shop@1.1.0")
SENT_TWICE: Final = 100
"""One report in this many repeats the id of an earlier one, as a client's retry does."""


def source() -> str:
    """Return what the reports are made from, for people."""
    return "recorded reports of ../shared/corpus" if payloads.CORPUS else "made-up reports (no ../shared/corpus)"


def templates() -> list[dict[str, Any]]:
    """Return the reports that all others are variations of."""
    if not payloads.CORPUS:
        return [made_up(deep) for deep in (6, 9, 12)]
    return [
        orjson.loads(report.payload)
        for report in payloads.events()
        if report.kind == "sentry"
        and report.name.startswith(("python", "node"))
        and SMALLEST <= len(report.payload) <= LARGEST
    ]


def bodies(count: int, seed: int = 1) -> Iterator[tuple[str, int, bytes]]:
    """Yield (event id, received time in ms, payload) of ``count`` reports; equal seeds give equal reports."""
    dice = random.Random(seed)
    kinds = templates()
    ids: list[str] = []
    for number in range(count):
        again = number % SENT_TWICE == SENT_TWICE - 1
        event_id = ids[-dice.randint(1, SENT_TWICE // 2)] if again else f"{dice.getrandbits(128):032x}"
        ids.append(event_id)
        received = START + SPREAD * number // count
        yield event_id, received, orjson.dumps(_varied(dice.choice(kinds), event_id, received, dice))


def different(count: int) -> int:
    """Return how many of ``count`` reports have an id that no earlier one has."""
    return count - count // SENT_TWICE


def records(project: int, count: int, partitions: int) -> Iterator[NewRecord]:
    """Yield the source records that ingest makes of ``count`` reports."""
    for event_id, received, payload in bodies(count):
        yield from kept(project, partitions, event_id, received, payload)


def kept(project: int, partitions: int, event_id: str, received: int, payload: bytes) -> Iterator[NewRecord]:
    """Yield the source records that ingest makes of one report received at ``received`` (ms), without their deadline.

    The received times of the bench lie in the past, so that the log would refuse the records as late.
    """
    batch = RequestRecords(
        Origin(project, received, received, "127.0.0.1", "sentry.python/2.75.0"), Layout(1, partitions)
    )
    batch.keep("sentry", EventId(event_id, unique=True), payload)
    for made in batch.records:
        yield NewRecord(made.topic, made.partition, made.key, made.value, made.headers, made.stamp)


def _varied(template: dict[str, Any], event_id: str, received: int, dice: random.Random) -> dict[str, Any]:
    user = f"user-{dice.randrange(USERS)}"
    event = template | {
        "event_id": event_id,
        "timestamp": received / 1000,
        "release": dice.choice(RELEASES),
        "user": {"id": user, "ip_address": f"10.0.{dice.randrange(256)}.{dice.randrange(256)}"},
    }
    raised = event.get("exception")
    if raised:
        last = raised["values"][-1]
        words = f"{last.get('value', '')} (order {dice.randrange(10**6)} of {user})"
        event["exception"] = {"values": [*raised["values"][:-1], last | {"value": words}]}
    return event


def made_up(deep: int) -> dict[str, Any]:
    """Return a made-up report with ``deep`` frames and breadcrumbs."""
    frames = [_frame(f"shop.part{number}", f"step_{number}", 20 + number) for number in range(deep)]
    crumbs = [
        {"timestamp": START / 1000, "category": "query", "message": f"looked for the goods of shelf {number}"}
        for number in range(deep)
    ]
    return {
        "platform": "python", "level": "error", "environment": "production", "server_name": "web-1",
        "transaction": f"shop.views.order_{deep}", "tags": {"region": "eu", "plan": "free"},
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "exception": {"values": [
            {"type": "OrderError", "value": "no stock", "module": "shop.errors", "stacktrace": {"frames": frames}},
        ]},
        "breadcrumbs": {"values": crumbs},
        "contexts": {"runtime": {"name": "CPython", "version": "3.11.9"}, "trace": {"trace_id": "c" * 32}},
        "request": {"url": "https://shop.example/order", "method": "POST", "headers": {"Accept": "*/*"}},
    }  # fmt: skip


def _frame(module: str, function: str, line: int) -> dict[str, Any]:
    return {
        "module": module, "function": function, "lineno": line, "in_app": True, "filename": f"{module}.py",
        "abs_path": f"/srv/app/{module}.py", "context_line": f"    return {function}(order, goods)",
        "pre_context": ["def work(order, goods):", "    check(order)"], "post_context": ["", "def undo(order):"],
        "vars": {"order": "Order(7, 'open')", "goods": ["cup", "plate"], "attempt": "2"},
    }  # fmt: skip
