"""Requests of real SDKs and sites, each small and rewritten, that once lost content or made wrong numbers.

``ALONE`` are single events with what the event must say, ``PAIRS`` two events of one error, or of two.
"""

import json
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final, NamedTuple

STORE: Final = "/api/{id}/store/?sentry_key={key}"
ENVELOPE: Final = "/api/{id}/envelope/?sentry_key={key}"
NOW: Final = int(time.time())
NIL: Final = "0" * 32


class Request(NamedTuple):
    """One POST; ``{id}``, ``{key}`` and ``{raygun}`` in path and headers stand for the project's."""

    path: str
    body: bytes
    headers: Mapping[str, str] = {}


class Alone(NamedTuple):
    """One event: how it is sent, its title, and further fields of it."""

    request: Request
    title: str
    says: Mapping[str, Any] = {}


class Pair(NamedTuple):
    """Two events, and whether they are of one group."""

    name: str
    together: bool
    one: Request
    other: Request


def envelope(*items: tuple[str, Mapping[str, Any]], header: Mapping[str, Any] | None = None) -> Request:
    """Return an envelope of items, each with its type."""
    lines = [json.dumps(header or {})]
    for kind, item in items:
        lines += [json.dumps({"type": kind}), json.dumps(item)]
    return Request(ENVELOPE, "\n".join(lines).encode())


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _event(**fields: object) -> Request:
    return envelope(("event", fields))


def _raised(kind: str, text: str, *frames: Mapping[str, Any], **fields: object) -> Request:
    raised: dict[str, Any] = {"type": kind, "value": text}
    return _event(exception={"values": [raised | ({"stacktrace": {"frames": frames}} if frames else {})]}, **fields)


def _frame(function: str, file: str = "", module: str = "", **fields: object) -> dict[str, Any]:
    named = {"function": function, "filename": file, "module": module}
    return {"in_app": True, **{name: value for name, value in named.items() if value}, **fields}


def _pair(name: str, platform: str, kind: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Pair:
    return Pair(name, True, *(_raised(kind, "m", frame, platform=platform) for frame in (one, other)))


LEGACY: Final = {
    "platform": "java", "level": "error", "message": "order broke",
    "sentry.interfaces.Exception": [
        {"type": "IllegalStateException", "value": "order broke", "module": "java.lang",
         "stacktrace": {"frames": [_frame("total", "Cart.java", "shop.Cart")]}},
    ],
    "sentry.interfaces.User": {"id": "42"},
}  # fmt: skip
ODD_NAME: Final = rb"""{}
{"type":"event"}
{"message":"beside a surrogate"}
{"type":"attachment","length":3,"filename":"a\ud83d.txt"}
abc
"""
BASIC: Final = {"Authorization": "Basic YWxpY2U6d29uZGVy"}
RAYGUN: Final = {
    "occurredOn": formatdate(NOW - 7200, usegmt=True),
    "details": {"version": "raygun@1", "error": {"className": "T", "message": "t"}},
}

ALONE: Final = [
    Alone(Request(STORE, json.dumps(LEGACY).encode()), "IllegalStateException: order broke",
          {"culprit": "total in shop.Cart", "user": {"id": "42"}}),
    Alone(_raised("Numbers", "as texts", release=20260101, environment=7), "Numbers: as texts",
          {"release": "20260101", "environment": "7"}),
    Alone(_event(logentry={"message": "cleanup of %(one)s: %(two)s", "params": {"one": "disk", "two": "denied"}}),
          "cleanup of disk: denied"),
    Alone(_event(logentry={"message": "{1} came before {0}", "params": ["first", "second"]}),
          "second came before first"),
    Alone(Request(ENVELOPE, b'{"exception": {"values": [{"type": "Bare", "value": "v"}]}}'), "Bare: v"),
    Alone(_event(message="basic and query")._replace(headers=BASIC), "basic and query"),
    Alone(Request(ENVELOPE, ODD_NAME), "beside a surrogate"),
    Alone(_raised("Clock", "1970", timestamp=0), "Clock: 1970"),
    Alone(_event(message=105), "105"),
    Alone(_event(message="launch \U0001f680"), "launch \U0001f680"),
    Alone(_event(platform="native", level="fatal",
                 threads={"values": [{"id": 1, "crashed": True, "stacktrace": {"frames": [_frame("boom", "m.c")]}}]}),
          "crash in boom in m.c"),
    Alone(Request("/entries", json.dumps(RAYGUN).encode(), {"X-ApiKey": "{raygun}"}), "T: t",
          {"time": _iso(NOW - 7200)}),
]  # fmt: skip
PAIRS: Final = [
    _pair("PHP 8.4", "php", "PhpError",
          *(_frame(f"{{closure:{file}:12}}", file) for file in ("/srv/r1/app/routes.php", "/srv/r2/app/routes.php"))),
    _pair("Scala", "java", "ScalaError", *(_frame(f"$anonfun$main${at}", module="shop.Main$") for at in (1, 3))),
    _pair("Compose", "java", "ComposeError",
          *(_frame("invoke", module=f"shop.ComposableSingletons$CartKt$lambda-{at}$1") for at in (1, 3))),
    _pair("Rust", "native", "panic", *(_frame(f"shop::cart::total::{{closure#{at}}}") for at in (0, 1))),
    Pair("dart2js", True, *(_raised(f"minified:{name}", "Null check operator used",
                                    _frame("pay", "main.dart.js", "main.dart"), platform="javascript")
                            for name in ("aB", "k3"))),
    Pair("boost", False, *(_raised("SIGSEGV", "Segfault", {"function": f"shop::{name}", "filename": f"{name}.cpp"},
                                   {"function": "boost::function0<T>::operator()",
                                    "filename": "../boost/function_template.hpp"}, platform="native")
                           for name in ("load", "save"))),
    Pair("MAC addresses", True, *(_event(message=f"gatt {mac} lost")
                                  for mac in ("F4:12:FA:00:9C:01", "AC:23:3F:A1:B2:C3"))),
    Pair("queries", True, *(_event(message=f"GET /search?q={word} failed") for word in ("shoes", "hats"))),
    Pair("BEAM", True, *(_event(message=f"bad ref #Reference<{at}>") for at in ("0.1.2.3", "0.44112.98811.31"))),
    Pair("nil ids", False, *(envelope(("event", {"exception": {"values": [{"type": f"Nil{name}", "value": "v"}]}}),
                                      header={"event_id": NIL}) for name in "AB")),
]  # fmt: skip

STARTED: Final = _iso(NOW)
TRANSACTION: Final = {"type": "transaction", "transaction": "/cart", "release": "transaction@1", "spans": []}
NO_EVENTS: Final = [
    Request(STORE, json.dumps(TRANSACTION).encode()),
    Request("/api/{id}/cron/nightly/{key}/", b'{"status":"ok"}', {"Content-Type": "application/json"}),
    envelope(("session", {"sid": "5de34f01-168a-4d68-8fa6-75789b08efb8", "init": True, "started": STARTED,
                          "status": "exited", "attrs": {"release": 20260101, "environment": 7}})),
    envelope(
        ("session", {"sid": "18eb0bcb-7780-44b9-b779-35456ee84e93", "init": True, "started": STARTED, "status": "ok",
                     "attrs": {"release": "session@1"}}),
        ("session", {"sid": "18eb0bcb778044b9b77935456ee84e93", "started": STARTED, "status": "crashed", "errors": 1,
                     "attrs": {"release": "session@1"}}),
    ),
]  # fmt: skip
"""A transaction, a check-in, a session of a numeric release, and one session whose id comes in two forms."""
