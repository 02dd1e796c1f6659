"""Whose address a request comes from."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from app.settings import PREFIX, SettingsError

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Read ``FAULTLINE_TRUSTED_PROXIES``: networks or addresses, by comma. Raises SettingsError."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(f"{PREFIX}TRUSTED_PROXIES: {error}") from error


def peer(remote: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Give the nearest address that is no trusted proxy's.

    ``X-Forwarded-For`` is read from its end, as far as proxies vouch for it.
    """
    if not trusted or not is_within(remote, trusted):
        return remote
    nearest = remote
    for hop in reversed(forwarded.split(",")):
        found = address(hop)
        if not found:
            break
        nearest = found
        if not is_within(found, trusted):
            break
    return nearest


def address(text: str) -> str:
    """Give an IP address without port and brackets, '' for what is none."""
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
    """Tell whether an address is of one of the networks."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return any(found in net for net in nets)
