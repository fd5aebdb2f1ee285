"""Faults with a file each. A file that is added here is a fault of the catalogue."""

from battle.actors.spec.faults.base import FaultSpec
from battle.store.definitions import classes_in

KINDS = classes_in(__name__, FaultSpec)
"""All of them; those of `behaviour`, `process`, `transport` and `websocket` are not among them."""
