"""The demo's shop on sentry-sdk: reads one visit a line of JSON, and writes a line once the visit is handed to the SDK.

SENTRY_DSN and SENTRY_RELEASE name the destination and the release.
"""

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import event_from_exception

from app.demo import storefront

FLUSH_EVERY = 25
"""Visits between two flushes: the SDK's queue of 100 requests never overflows."""
PATIENCE_SECONDS = 10.0

log: Final = logging.getLogger("storefront")
log.addHandler(logging.NullHandler())  # the SDK alone takes what is logged
log.propagate = False


def main() -> None:
    """Serve until the input ends."""
    # Only visits are sessions; the process is none.
    sentry_sdk.init(
        environment="production",
        server_name="web-1",
        auto_session_tracking=False,
        integrations=[LoggingIntegration(event_level=logging.WARNING)],
    )
    for number, line in enumerate(sys.stdin, 1):
        with sentry_sdk.isolation_scope() as scope:
            visit(scope, json.loads(line))
        if number % FLUSH_EVERY == 0:
            sentry_sdk.flush(PATIENCE_SECONDS)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    sentry_sdk.flush(PATIENCE_SECONDS)


def visit(scope: sentry_sdk.Scope, planned: dict[str, Any]) -> None:
    """Serve one visit as a session of its own, and report its error."""
    at = datetime.now(UTC) - timedelta(seconds=planned["ago"])
    scope.set_user({"id": f"customer-{planned['customer']}", "email": f"customer{planned['customer']}@example.org"})
    scope.set_tag("checkout", "express" if planned["customer"] % 3 else "classic")
    scope.set_tag("demo", "made-up")
    scope.add_event_processor(partial(dated, planned, at))
    scope.start_session()
    if scope._session is not None:  # noqa: SLF001  no call of the SDK sets the start of a session
        scope._session.started, scope._session.environment = at, planned["environment"]  # noqa: SLF001  as above
    crumb = partial(sentry_sdk.add_breadcrumb, timestamp=at)
    crumb(category="navigation", message=f"/articles/{planned['sku']}", type="navigation")
    crumb(category="cart", message=f"added {planned['sku']}", data={"order": planned["order"]})
    if planned["outcome"] == "message":
        log.warning("stock of %s is low", planned["sku"])
    else:
        serve(planned)
    scope.end_session()


def dated(planned: dict[str, Any], at: datetime, event: Event, _: Hint) -> Event:
    """Return the visit's event with its request, at the time that the plan says."""
    event["request"] = request(planned)
    event["timestamp"], event["environment"] = at, planned["environment"]
    return event


def serve(planned: dict[str, Any]) -> None:
    """Serve, and report an error as an integration does: one that nothing handles is marked so."""
    try:
        storefront.serve(planned["fault"], planned["sku"], planned["order"])
    except Exception as error:  # noqa: BLE001  every error of the shop is reported
        mechanism = {"type": "shop", "handled": planned["outcome"] == "handled"}
        event, hint = event_from_exception(error, sentry_sdk.get_client().options, mechanism)
        sentry_sdk.capture_event(event, hint)


def request(planned: dict[str, Any]) -> dict[str, Any]:
    """Return the visit's request, with secrets as applications leak them."""
    return {
        "method": "POST",
        "url": f"https://shop.example.org/orders/{planned['order']}",
        "query_string": f"sku={planned['sku']}&token=made-up-token",
        "headers": {"User-Agent": "Mozilla/5.0", "Cookie": "session=made-up-session"},
    }


if __name__ == "__main__":
    main()
