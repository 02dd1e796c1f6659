"""A shop that reports by raygun4py: a chained error, then a crash. RAYGUN_KEY and RAYGUN_HOST say where to."""

import os
import sys
from types import TracebackType

from raygun4py.raygunprovider import RaygunSender

PRICES = {"apple": 120}
RaygunSender.endpointprotocol = "http://"
RaygunSender.endpointhost = os.environ["RAYGUN_HOST"]


def price(sku: str) -> int:
    """Fail for what is not sold."""
    return PRICES[sku]


def checkout(sku: str, password: str) -> None:
    """Fail, with the cause behind it; the local variables go along."""
    try:
        price(sku)
    except KeyError as error:
        raise RuntimeError(f"cannot price the cart of {len(password)} things") from error


def main() -> None:
    """Send a handled error; ends by an exception that nothing catches."""
    sender = RaygunSender(os.environ["RAYGUN_KEY"])
    sender.set_version("1.2.0")
    sender.set_user({"identifier": "user-7", "email": "ada@example.org"})

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sender.send_exception(exc_info=(kind, error, trace), tags=["UnhandledException", "gold"])

    sys.excepthook = report
    try:
        checkout("pear", os.environ["SHOP_PASSWORD"])
    except RuntimeError:
        sender.send_exception(tags=["gold"], userCustomData={"cart": "c-1"})
    checkout("plum", os.environ["SHOP_PASSWORD"])


main()
