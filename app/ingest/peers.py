"""Finds the address that a request comes from."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from app.settings import PREFIX, SettingsError

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Parse ``FAULTLINE_TRUSTED_PROXIES``: networks or addresses, by comma. Raises SettingsError."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {error}") from error


def peer(remote: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Return the nearest address that is no trusted proxy's.

    ``X-Forwarded-For`` is read from its end: each entry was added by the hop behind it, so that the first entry not
    of a trusted proxy is the last that a trusted proxy vouches for.
    """
    if not trusted or not is_within(remote, trusted):
        return remote
    nearest = remote
    for hop in reversed(forwarded.split(",")):
        forwarder = address(hop)
        if not forwarder:
            break
        nearest = forwarder
        if not is_within(forwarder, trusted):
            break
    return nearest


def address(text: str) -> str:
    """Return an IP address without port and brackets, '' for a text that is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def is_within(text: str, nets: tuple[Network, ...]) -> bool:
    """Return whether an address belongs to one of the networks."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return False
    return any(parsed in net for net in nets)
