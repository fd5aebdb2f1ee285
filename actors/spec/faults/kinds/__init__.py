"""Faults of how a provider answers, a file each. A file that is added here is a fault of the catalogue."""

from battle.actors.spec.faults.behaviour import AnswerFault
from battle.store.definitions import classes_in

KINDS = classes_in(__name__, AnswerFault)
"""All of them; those of `behaviour`, `process`, `transport` and `websocket` are not among them."""
