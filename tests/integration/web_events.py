"""Events as an SDK sends them, for tests of API and pages."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


def crash(text: str = "no price", *, user: str = "u1", release: str = "shop@1.0.0", **more: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """Return an unhandled crash that happens now."""
    frame = {"function": "price", "module": "shop.cart", "filename": "shop/cart.py", "lineno": 7, "in_app": True}
    raised = {"type": "PriceError", "value": text, "mechanism": {"type": "excepthook", "handled": False}}
    return {
        "event_id": uuid4().hex,
        "timestamp": datetime.now(UTC).timestamp(),
        "platform": "python",
        "release": release,
        "environment": "production",
        "user": {"id": user},
        "exception": {"values": [{**raised, "stacktrace": {"frames": [frame]}}]},
        **more,
    }


def other(text: str = "no stock") -> dict[str, Any]:
    """Return a crash of another group."""
    event = crash(text)
    event["exception"]["values"][0] |= {"type": "StockError"}
    event["exception"]["values"][0]["stacktrace"]["frames"][0] |= {"function": "stock", "module": "shop.stock"}
    return event


def java(kind: str, text: str, method: str, line: int, *, owner: str = "acme.Text", **more: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """Return a crash of a program whose SDK sends no source, raised in ``owner.method`` at a line."""
    places = [("acme.Web", "handle", 90), ("acme.Page", "render", 60), (owner, method, line)]
    frames = [
        {"module": module, "function": name, "filename": f"{module[5:]}.java", "lineno": at, "in_app": True}
        for module, name, at in places
    ]
    raised = {"type": kind, "module": "java.lang", "value": text, "stacktrace": {"frames": frames}}
    return {**crash(**more), "platform": "java", "exception": {"values": [raised]}}


def chained() -> dict[str, Any]:
    """Return a crash whose title is the outermost exception, and whose group the cause decides."""
    event = crash("could not pay")
    outer = event["exception"]["values"][0]
    outer |= {"type": "PaymentError", "mechanism": {"type": "chained", "exception_id": 0, "handled": False}}
    outer["stacktrace"]["frames"][0] |= {"context_line": "    raise PaymentError('could not pay') from error"}
    frame = {"function": "provider", "module": "shop.pay", "filename": "shop/pay.py", "lineno": 3, "in_app": True}
    inner = {"type": "KeyError", "value": "'adyen'", "stacktrace": {"frames": [frame]}}
    inner["mechanism"] = {"type": "chained", "exception_id": 1, "parent_id": 0, "source": "__cause__"}
    event["exception"]["values"] = [inner, outer]
    return event


def large() -> list[dict[str, Any]]:
    """Return events of up to 0.9 MB, each large in another part."""
    noise = "\"'<&>" * 40
    frame = {"function": "pay", "filename": "shop/pay.py", "lineno": 3, "in_app": True, "context_line": noise}
    frames = [{**frame, "function": f"f{place}", "vars": {f"v{at}": noise for at in range(8)}} for place in range(200)]
    chain = [{"type": f"E{place}", "value": noise, "stacktrace": {"frames": frames[:20]}} for place in range(20)]
    threads = [{"id": place, "name": noise, "stacktrace": {"frames": frames[:4]}} for place in range(50)]
    crumbs = [{"message": f"{place}{noise}", "data": {"a": noise}} for place in range(100)]
    native = [{"function": f"n{place}", "package": noise, "instruction_addr": hex(place)} for place in range(250)]
    images = [{"code_file": f"{place}{noise}", "image_addr": hex(place)} for place in range(1000)]
    tags = {f"tag{place}": f"{place}{noise}"[:200] for place in range(60)}
    parts: list[dict[str, Any]] = [
        {"exception": {"values": [{"type": "Deep", "value": noise, "stacktrace": {"frames": frames}}]}},
        {"exception": {"values": chain}},
        {"threads": {"values": threads}},
        {"breadcrumbs": {"values": crumbs}, "tags": tags},
        {"contexts": {f"{place}{noise}": {noise: noise, "b": [noise] * 9} for place in range(200)}},
        {"extra": {f"{place}": noise * 60 for place in range(50)}},
        {"modules": {f"m{place}": noise for place in range(200)}, "message": noise * 40},
        {"platform": "native", "debug_meta": {"images": images},
         "exception": {"values": [{"type": "SIGSEGV", "stacktrace": {"frames": native}}]}},
    ]  # fmt: skip
    return [{**crash(), **part, "fingerprint": [str(place)]} for place, part in enumerate(parts)]


def session(
    status: str, release: str = "shop@1.0.0", user: str = "u1", environment: str = "production"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a session item in its final state."""
    now = datetime.now(UTC).isoformat()
    attributes = {"release": release, "environment": environment}
    body = {"sid": str(uuid4()), "did": user, "init": True, "started": now, "timestamp": now, "status": status}
    return {"type": "session"}, {**body, "attrs": attributes}
