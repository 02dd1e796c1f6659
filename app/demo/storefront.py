"""The demo's shop: code that fails as real code does, each fault in a function of its own."""

from typing import Final

PRICES: Final = {"apple": 120, "pear": 180, "plum": 90}


class PricingError(Exception):
    """A cart cannot be priced."""


class PaymentError(Exception):
    """The payment service refused, or did not answer."""


def serve(fault: str, sku: str, order: int) -> str:
    """Serve one visit; raise the error of the named fault."""
    return {
        "": browse,
        "price": price_cart,
        "discount": apply_discount,
        "address": ship,
        "payment": pay,
        "coupon": redeem,
        "inventory": reserve,
    }[fault](sku, order)


def browse(sku: str, order: int) -> str:
    """Show a page."""
    return f"{sku} for order {order}"


def price_cart(sku: str, order: int) -> str:
    """Price a cart. Raises PricingError, with its cause, for an article without a price."""
    try:
        return str(PRICES[f"{sku}-xl"])
    except KeyError as error:
        raise PricingError(f"order {order} has an article without a price") from error


def apply_discount(sku: str, order: int) -> str:
    """Share a discount among the articles of a cart; the bad release divides by zero for an empty cart."""
    articles = [name for name in PRICES if name == sku.upper()]
    return str(order // len(articles))


def ship(sku: str, order: int) -> str:
    """Return where an order is sent to."""
    customer: dict[str, dict[str, str]] = {"billing": {"city": "Wellington"}}
    return f"{sku} {order} to {customer['shipping']['city']}"


def pay(sku: str, order: int) -> str:
    """Charge a card. Raises PaymentError: the payment service does not answer in time."""
    card_number, amount = "4111 1111 1111 1111", PRICES.get(sku, 150)
    try:
        return _charge(card_number, amount)
    except TimeoutError as error:
        raise PaymentError(f"payment of order {order} did not go through") from error


def _charge(card_number: str, amount: int) -> str:
    raise TimeoutError(f"no answer within {3000 + amount + len(card_number)} ms")


def redeem(sku: str, order: int) -> str:
    """Redeem a coupon."""
    raise ValueError(f"unknown coupon 'SPRING-{order}' for {sku}")


def reserve(sku: str, order: int) -> str:
    """Reserve stock at the inventory service."""
    raise ConnectionError(f"inventory at 10.0.3.{order % 250}:5432 refused to reserve {sku}")
