"""Events of known truth: what is sent, and the expected figures of every window of every cell.

Everything follows from a seed. Times keep clear of the edges of lateness, so that only what Faultline stamped itself
(``received``, where a clock is corrected) has to be read afterwards.
"""

import json
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.support import truth_timings
from tests.support.truth_parts import ENVIRONMENTS, RELEASES, Request, iso, when, windows_of
from tests.support.truth_timings import SentTiming

LABELS = 24
USERS = 150
FUNCTIONS = ("charge_card", "place_order", "load_cart", "ship_parcel", "refund", "find_user")


@dataclass(frozen=True)
class Sent:
    """One event as it must be counted, once, however often it was sent."""

    event_id: str
    label: int
    release: str
    environment: str
    user: str
    time: float
    late: float
    crash: bool
    unhandled: bool
    payload: bytes
    shift: float | None = None
    """Seconds by which the client's clock was wrong; its ``sent_at`` shows it, so that time = received - age."""
    age: float = 0.0


@dataclass(frozen=True)
class SentSession:
    """One session, or ``count`` of an aggregate bucket."""

    started: float
    late: float
    release: str
    environment: str
    user: str
    count: int
    crashed: int


@dataclass
class Window:
    """The expected figures of one window of one cell."""

    crashes: int = 0
    unhandled: int = 0
    users: set[str] = field(default_factory=set)
    sessions: int = 0
    crashed_sessions: int = 0


class Cell(NamedTuple):
    """What is counted; '' stands for all. No cell has both a label and an environment."""

    label: str
    release: str
    environment: str


@dataclass
class Truth:
    """What was sent, and the figures that follow from it."""

    events: list[Sent] = field(default_factory=list)
    sessions: list[SentSession] = field(default_factory=list)
    timings: list[SentTiming] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def windows(self, received: dict[str, float]) -> dict[Cell, dict[tuple[int, int], Window]]:
        """Return every window; ``received`` (epoch seconds by event id) of the events whose clock was corrected."""
        cells: dict[Cell, dict[tuple[int, int], Window]] = defaultdict(lambda: defaultdict(Window))
        for sent in self.events:
            time = sent.time if sent.shift is None else received[sent.event_id] - sent.age
            for cell in _cells(str(sent.label), sent.release, sent.environment):
                for key in windows_of(time, sent.late) if sent.crash else ():
                    window = cells[cell][key]
                    window.crashes += 1
                    window.unhandled += sent.unhandled
                    window.users.add(sent.user)
        for session in self.sessions:
            for cell in _cells("", session.release, session.environment):
                for key in windows_of(session.started, session.late):
                    cells[cell][key].sessions += session.count
                    cells[cell][key].crashed_sessions += session.crashed
        return cells


def _cells(label: str, release: str, environment: str) -> list[Cell]:
    of_all = {Cell("", name, where) for name in ("", release) for where in ("", environment)}
    return sorted(of_all | {Cell(label, name, "") for name in ("", release)})


def make(project: dict[str, Any], count: int, now: float, seed: int = 7, clocks: float = 0.06) -> Truth:
    """Make ``count`` events, sessions and requests of timings (8 : 3 : 1) for a project of ``faultline.json``.

    ``clocks`` is the share of fresh Sentry events from a wrong clock, whose times follow from when they are received.
    """
    chance, truth = random.Random(seed), Truth()
    dsn_key = str(project["dsn"]).split("//")[1].split("@")[0]
    makers = [(_sentry, 45), (_raygun, 25), (_message, 5), (_session, 20), (_aggregate, 5), (_timings, 10)]
    for kind in chance.choices([maker for maker, _ in makers], [weight for _, weight in makers], k=count):
        kind(truth, chance, now, {**project, "key": dsn_key, "clocks": clocks})
    return truth


def _sentry(truth: Truth, chance: random.Random, now: float, project: dict[str, Any], level: str = "error") -> None:
    label, crash = chance.randrange(LABELS), level == "error"
    unhandled = crash and chance.random() < 0.3
    time, late = when(chance, now)
    sent = Sent(
        uuid.UUID(int=chance.getrandbits(128), version=4).hex,
        label if crash else LABELS,
        chance.choice(RELEASES),
        chance.choice(ENVIRONMENTS),
        f"user-{chance.randrange(USERS)}",
        time,
        late,
        crash,
        unhandled,
        b"",
        *_clock(chance, late, project["clocks"]),
    )
    event: dict[str, Any] = {"event_id": sent.event_id, "level": level, "platform": "python", "user": {"id": sent.user}}
    event["timestamp"] = sent.time if sent.shift is None else now + sent.shift - sent.age
    event |= {"release": sent.release} if sent.release else {}
    event |= {"environment": sent.environment} if sent.environment else {}
    event |= _exception(label, chance, unhandled) if crash else {"message": "the nightly job took long"}
    payload = json.dumps(event).encode()
    header: dict[str, Any] = {"event_id": sent.event_id}
    if sent.shift is not None:
        header["sent_at"] = iso(now + sent.shift)
    body = b"\n".join(
        [json.dumps(header).encode(), json.dumps({"type": "event", "length": len(payload)}).encode(), payload]
    )
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}, sentry_version=7, sentry_client=truth/1"}
    _add(
        truth,
        chance,
        Sent(**{**sent.__dict__, "payload": payload}),
        Request(f"/api/{project['id']}/envelope/", headers, body),
    )


def _clock(chance: random.Random, late: float, share: float) -> tuple[float | None, float]:
    """Return (by how much the client's clock is wrong, age at sending): corrected, its time is received - age."""
    if late > 60 or chance.random() > share:
        return None, 0.0
    return chance.choice([-7200.0, 5400.0, 86_400.0 * 3]), float(chance.randrange(30))


def _message(truth: Truth, chance: random.Random, now: float, project: dict[str, Any]) -> None:
    _sentry(truth, chance, now, project, level="info")


def _exception(label: int, chance: random.Random, unhandled: bool) -> dict[str, Any]:
    frames = [
        {"function": "main", "module": "shop.main", "filename": "shop/main.py", "lineno": 10, "in_app": True},
        {
            "function": f"{FUNCTIONS[label % 6]}_{'abcdefgh'[label // 6]}",
            "module": f"shop.m{'abcdefgh'[label % 8]}",
            "filename": "shop/orders.py",
            "lineno": chance.randrange(900),
            "in_app": True,
        },
    ]
    text = f"could not finish order {chance.randrange(10**6)} in {chance.random():.3f} s"
    raised = {"type": "OrderError", "value": text, "mechanism": {"type": "generic", "handled": not unhandled}}
    return {"exception": {"values": [{**raised, "stacktrace": {"frames": frames}}]}}


def _raygun(truth: Truth, chance: random.Random, now: float, project: dict[str, Any]) -> None:
    label, unhandled = chance.randrange(LABELS), chance.random() < 0.3
    time, late = when(chance, now)
    time = int(time * 1000) / 1000 + (0.001 if int(time * 1000) % 1000 == 0 else 0)
    release, environment, user = chance.choice(RELEASES), chance.choice(ENVIRONMENTS), chance.randrange(USERS)
    sent = Sent("", label + 100, release, environment, f"user-{user}", time, late, True, unhandled, b"")
    error = _exception(label, chance, unhandled)["exception"]["values"][0]
    trace = [
        {
            "className": frame["module"],
            "methodName": frame["function"],
            "fileName": frame["filename"],
            "lineNumber": frame["lineno"],
        }
        for frame in reversed(error["stacktrace"]["frames"])
    ]
    details: dict[str, Any] = {
        "machineName": "web-1",
        "client": {"name": "Raygun4Ruby", "version": "3"},
        "error": {"className": "RaygunOrderError", "message": error["value"], "stackTrace": trace},
        "user": {"identifier": sent.user},
        "tags": ["UnhandledException"] if unhandled else [],
        "userCustomData": {"nonce": f"{chance.getrandbits(64):x}-n"},
    }
    details["userCustomData"] |= {"environment": environment} if environment else {}
    details |= {"version": sent.release} if sent.release else {}
    occurred = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = json.dumps({"occurredOn": occurred, "details": details}).encode()
    request = Request("/entries", {"X-ApiKey": str(project["raygun_key"]), "Content-Type": "application/json"}, body)
    _add(truth, chance, Sent(**{**sent.__dict__, "payload": body}), request)


def _add(truth: Truth, chance: random.Random, sent: Sent, request: Request) -> None:
    truth.events.append(sent)
    truth.requests.append(request)
    if sent.shift is None and chance.random() < 0.05:
        # A client's retry of an event that had arrived; the senders decide its place among the others.
        truth.requests.append(request)


def _session(truth: Truth, chance: random.Random, now: float, project: dict[str, Any]) -> None:
    started, late = when(chance, now)
    status = chance.choices(["exited", "crashed", "ok"], [70, 20, 10])[0]
    release, environment, user, sid = (
        chance.choice(RELEASES[:3]),
        chance.choice(ENVIRONMENTS),
        f"user-{chance.randrange(USERS)}",
        str(uuid.UUID(int=chance.getrandbits(128))),
    )
    truth.sessions.append(SentSession(started, late, release, environment, user, 1, int(status == "crashed")))
    attrs = {"release": release, **({"environment": environment} if environment else {})}
    base = {"sid": sid, "did": user, "started": iso(started), "timestamp": iso(started), "attrs": attrs}
    updates = [{**base, "init": True, "status": "ok", "errors": 0}]
    updates += [{**base, "status": status, "errors": int(status == "crashed")}] if status != "ok" else []
    if chance.random() < 0.3:
        updates.append(updates[-1])
    truth.requests += [_envelope(project, "session", update) for update in updates]


def _aggregate(truth: Truth, chance: random.Random, now: float, project: dict[str, Any]) -> None:
    release, environment, buckets = chance.choice(RELEASES[:3]), chance.choice(ENVIRONMENTS[:2]), []
    for _ in range(chance.randrange(1, 4)):
        started, late = when(chance, now)
        exited, crashed = chance.randrange(1, 40), chance.randrange(3)
        started = started // 60 * 60
        buckets.append({"started": iso(started), "exited": exited, "crashed": crashed})
        truth.sessions.append(SentSession(started, late, release, environment, "", exited + crashed, crashed))
    content = {"aggregates": buckets, "attrs": {"release": release, "environment": environment}}
    truth.requests.append(_envelope(project, "sessions", content, retry=False))


def _timings(truth: Truth, chance: random.Random, now: float, project: dict[str, Any]) -> None:
    request, sent = truth_timings.request(chance, now, str(project["raygun_key"]))
    truth.timings += sent
    truth.requests += [request] * (2 if chance.random() < 0.2 else 1)


def _envelope(project: dict[str, Any], kind: str, content: dict[str, Any], *, retry: bool = True) -> Request:
    payload = json.dumps(content).encode()
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}, sentry_version=7, sentry_client=truth/1"}
    body = b"{}\n" + json.dumps({"type": kind}).encode() + b"\n" + payload + b"\n"
    return Request(f"/api/{project['id']}/envelope/", headers, body, retry)


def in_order(truth: Truth, seed: int = 3) -> list[Request]:
    """Return the requests mixed, copies away from their originals, those that may not be repeated first."""
    first = [request for request in truth.requests if not request.retry]
    rest = [request for request in truth.requests if request.retry]
    return first + _near_shuffle(rest, random.Random(seed))


def _near_shuffle(requests: Iterable[Request], chance: random.Random) -> list[Request]:
    ranked = sorted(((index + chance.uniform(0, 400), index, request) for index, request in enumerate(requests)))
    return [request for *_, request in ranked]
