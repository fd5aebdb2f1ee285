"""Workloads over HTTP with an arrival schedule of their own, a file each. A file that is added here is a workload."""

from battle.actors.spec.workloads.http import HttpScheduled
from battle.store.definitions import classes_in

KINDS = classes_in(__name__, HttpScheduled)
"""All of them; those of `http` and `websocket` are not among them."""
