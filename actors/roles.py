"""How a node is told of a fault that it must carry out itself, and of its end."""

from typing import TypeAlias

from battle.actors.spec.base import Spec
from battle.actors.spec.faults.behaviour import BehaviourFault
from battle.actors.spec.faults.transport import TransportFault
from battle.actors.spec.faults.websocket import WebSocketFault

ImposedFault: TypeAlias = BehaviourFault | TransportFault | WebSocketFault
"""All faults but those of processes, which happen to a node and not in it."""


class Impose(Spec, frozen=True, tag="impose"):
    """From now on this fault holds. The fault's own times are the plan's business and mean nothing here."""

    fault_id: str
    fault: ImposedFault


class Revert(Spec, frozen=True, tag="revert"):
    """The fault's hold ends."""

    fault_id: str
