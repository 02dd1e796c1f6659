"""A shop that reports by sentry-sdk: a chained error, a message, then a crash. SENTRY_DSN says where to."""

import os

import sentry_sdk

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
    sentry_sdk.init(release="shop@1.2.0", environment="production", server_name="web-1")
    sentry_sdk.get_isolation_scope().start_session()
    sentry_sdk.set_user({"id": "user-7", "email": "ada@example.org"})
    sentry_sdk.set_tag("plan", "gold")
    sentry_sdk.add_breadcrumb(category="cart", message="added a pear", level="info")
    try:
        checkout("pear", os.environ["SHOP_PASSWORD"])
    except RuntimeError:
        sentry_sdk.capture_exception()
    sentry_sdk.capture_message("stock of apples is low", level="warning")
    checkout("plum", os.environ["SHOP_PASSWORD"])


main()
