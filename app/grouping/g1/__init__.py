"""The first grouping. Frozen: once released, nothing in this package changes; another grouping is another package."""

from app.grouping.g1.explain import explain
from app.grouping.g1.key import group

__all__ = ["explain", "group"]
