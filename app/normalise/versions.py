"""The versions of normalisation by name. Ingest stamps each record with the newest one (``Facts.normalisation``)."""

from typing import Final

from app.normalise import n1, n2
from app.normalise.rules import Rules
from app.records import UnknownSchema

VERSIONS: Final[dict[str, Rules]] = {rules.name: rules for rules in (n1.RULES, n2.RULES)}
"""Oldest first. None is ever removed: a record redelivered after an upgrade must count as it did before."""


def rules_of(version: str) -> Rules:
    """Return the rules of a version. Raises UnknownSchema: an older worker must stop, not guess."""
    rules = VERSIONS.get(version)
    if rules is None:
        raise UnknownSchema("normalisation", version, VERSIONS)
    return rules


def counts_more(version: str) -> bool:
    """Return whether records of a version count by environment, and as handled. Raises UnknownSchema."""
    return rules_of(version).counts_more
