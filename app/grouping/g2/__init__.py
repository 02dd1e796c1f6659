"""The second grouping: the raising statement is the identity. The key of one event alone; pure, no I/O, no clock."""

from app.grouping.g2.decision import NOWHERE, Decision, Spot

__all__ = ["NOWHERE", "Decision", "Spot"]
