"""The demo's shop on raygun4py: reads one visit a line of JSON, and writes a line once the visit is handed to the SDK.

RAYGUN_KEY, RAYGUN_URL and SHOP_RELEASE name the destination and the release.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from raygun4py.raygunprovider import RaygunSender

from app.demo import storefront


def main() -> None:
    """Serve until the input ends."""
    protocol, separator, host = os.environ["RAYGUN_URL"].partition("://")
    RaygunSender.endpointprotocol, RaygunSender.endpointhost = protocol + separator, host
    sender = DatedSender(os.environ["RAYGUN_KEY"], {"transmit_global_variables": False})
    sender.set_version(os.environ["SHOP_RELEASE"])
    for number, line in enumerate(sys.stdin, 1):
        visit(sender, json.loads(line))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


class DatedSender(RaygunSender):
    """Sends reports of errors that happened at ``at``."""

    at = datetime.now(UTC)

    def _post(self, raygunMessage: Any) -> Any:  # noqa: ANN401, N803  raygun4py's own signature
        raygunMessage.occurredOn = self.at
        return super()._post(raygunMessage)


def visit(sender: DatedSender, planned: dict[str, Any]) -> None:
    """Serve one visit and report its error; Raygun marks a crash by a tag."""
    sender.at = datetime.now(UTC) - timedelta(seconds=planned["ago"])
    try:
        storefront.serve(planned["fault"], planned["sku"], planned["order"])
    except Exception:  # noqa: BLE001  every error of the shop is reported
        sender.send_exception(
            user_override={
                "identifier": f"customer-{planned['customer']}",
                "email": f"customer{planned['customer']}@example.org",
            },
            tags=[
                "worker",
                "demo:made-up",
                *(["UnhandledException"] if planned["outcome"] == "crash" else []),
            ],
            userCustomData={name: planned[name] for name in ("order", "sku", "environment")},
        )


if __name__ == "__main__":
    main()
