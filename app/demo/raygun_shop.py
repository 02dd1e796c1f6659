"""The demo's shop on raygun4py: one visit for each line of JSON that comes in, one line out when it is sent.

RAYGUN_KEY, RAYGUN_URL and SHOP_RELEASE say where to and as what.
"""

import json
import os
import sys
from typing import Any

from raygun4py.raygunprovider import RaygunSender

from app.demo import storefront


def main() -> None:
    """Serve until the input ends."""
    protocol, separator, host = os.environ["RAYGUN_URL"].partition("://")
    RaygunSender.endpointprotocol, RaygunSender.endpointhost = protocol + separator, host
    sender = RaygunSender(os.environ["RAYGUN_KEY"], {"transmit_global_variables": False})
    sender.set_version(os.environ["SHOP_RELEASE"])
    for number, line in enumerate(sys.stdin, 1):
        visit(sender, json.loads(line))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def visit(sender: RaygunSender, seen: dict[str, Any]) -> None:
    """Serve one visit and report what fails; Raygun's mark of a crash is a tag."""
    try:
        storefront.serve(seen["fault"], seen["sku"], seen["order"])
    except Exception:  # noqa: BLE001  whatever fails in a shop is reported
        sender.send_exception(
            user_override={
                "identifier": f"customer-{seen['customer']}",
                "email": f"customer{seen['customer']}@example.org",
            },
            tags=["worker", *(["UnhandledException"] if seen["outcome"] == "crash" else [])],
            userCustomData={"order": seen["order"], "sku": seen["sku"]},
        )


if __name__ == "__main__":
    main()
