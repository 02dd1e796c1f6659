"""The second grouping: the raising statement is the identity. The key of one event alone; pure, no I/O, no clock."""

from app.grouping.g2.decide import decide
from app.grouping.g2.decision import NOWHERE, Decision, Spot
from app.grouping.g2.explain import explain
from app.grouping.g2.key import group

__all__ = ["NOWHERE", "Decision", "Spot", "decide", "explain", "group"]
