"""A shop that reports by raven (Python): a chained error, a message, then a crash. SENTRY_DSN says where to."""

import os

import raven

PRICES = {"apple": 120}


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
    """Send one event of each kind; ends by an exception that nothing catches."""
    client = raven.Client(release="shop@1.2.0", environment="production", name="web-1")
    client.user_context({"id": "user-7", "email": "ada@example.org"})
    client.tags_context({"plan": "gold"})
    client.captureBreadcrumb(category="cart", message="added a pear", level="info")
    try:
        checkout("pear", os.environ["SHOP_PASSWORD"])
    except RuntimeError:
        client.captureException()
    client.captureMessage("stock of %s is low", params=("apples",), level="warning")
    checkout("plum", os.environ["SHOP_PASSWORD"])


main()
