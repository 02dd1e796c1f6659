"""What joins keys beside the stream: evidence by line, shapes of messages, likeness of stacks, decisions by people.

A key is made from one event alone. Here the first sights of keys are compared with each other, after they are counted.
Everything in this package is a pure function or plain state: no I/O, no clock. ``Kin`` puts the stages together.
"""

from app.grouping.kinship.explosion import Rule, match
from app.grouping.kinship.features import Features, features_of
from app.grouping.kinship.kin import Decision, Kin

__all__ = ["Decision", "Features", "Kin", "Rule", "features_of", "match"]
