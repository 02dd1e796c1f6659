"""The demo's shop on sentry-sdk: one visit for each line of JSON that comes in, one line out when it is sent.

SENTRY_DSN and SENTRY_RELEASE say where to and as what.
"""

import json
import sys
from typing import Any

import sentry_sdk
from sentry_sdk.utils import event_from_exception

from app.demo import storefront

FLUSH_EVERY = 25
"""Visits after which the SDK's queue (100 requests) is waited for, so that it never drops any."""
PATIENCE_SECONDS = 10.0


def main() -> None:
    """Serve until the input ends."""
    # Only the shop's own visits are sessions; the process is none.
    sentry_sdk.init(environment="production", server_name="web-1", auto_session_tracking=False)
    for number, line in enumerate(sys.stdin, 1):
        with sentry_sdk.isolation_scope() as scope:
            visit(scope, json.loads(line))
        if number % FLUSH_EVERY == 0:
            sentry_sdk.flush(PATIENCE_SECONDS)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    sentry_sdk.flush(PATIENCE_SECONDS)


def visit(scope: sentry_sdk.Scope, seen: dict[str, Any]) -> None:
    """Serve one visit, a session of its own, and report what fails."""
    scope.set_user({"id": f"customer-{seen['customer']}", "email": f"customer{seen['customer']}@example.org"})
    scope.set_tag("checkout", "express" if seen["customer"] % 3 else "classic")
    scope.add_event_processor(lambda event, _: event | {"request": request(seen)})
    scope.start_session()
    sentry_sdk.add_breadcrumb(category="navigation", message=f"/articles/{seen['sku']}", type="navigation")
    sentry_sdk.add_breadcrumb(category="cart", message=f"added {seen['sku']}", data={"order": seen["order"]})
    if seen["outcome"] == "message":
        sentry_sdk.capture_message(f"stock of {seen['sku']} is low", level="warning")
    else:
        serve(seen)
    scope.end_session()


def serve(seen: dict[str, Any]) -> None:
    """Serve, and report an error as an integration does: what nothing handles is marked so."""
    try:
        storefront.serve(seen["fault"], seen["sku"], seen["order"])
    except Exception as error:  # noqa: BLE001  whatever fails in a shop is reported
        mechanism = {"type": "shop", "handled": seen["outcome"] == "handled"}
        event, hint = event_from_exception(error, sentry_sdk.get_client().options, mechanism)
        sentry_sdk.capture_event(event, hint)


def request(seen: dict[str, Any]) -> dict[str, Any]:
    """Give the visit's request, with the secrets that applications leak."""
    return {
        "method": "POST",
        "url": f"https://shop.example.org/orders/{seen['order']}",
        "query_string": f"sku={seen['sku']}&token=made-up-token",
        "headers": {"User-Agent": "Mozilla/5.0", "Cookie": "session=made-up-session"},
    }


if __name__ == "__main__":
    main()
