"""Did the gateway's program ever come up? One that does not has a wrong command or configuration."""

from collections.abc import Callable

from battle.actors.spec.gateways import CommandGateway, Gateway
from battle.actors.system import LifecycleChange
from battle.errors import StartError
from battle.run.nodes import NodeCrashed
from battle.run.plan import GATEWAY


class GatewayStart:
    """Takes the changes in the life of a run's nodes until the gateway's program is up, or ends before that.

    `failure` is set then, and `stop` is called: it is not tried again, and no gateway was tested.
    """

    def __init__(self, gateway: Gateway, stop: Callable[[], object]) -> None:
        self.failure: StartError | None = None
        self._gateway = gateway
        self._stop = stop
        self._was_up = False

    def note(self, change: LifecycleChange) -> None:
        """A node has started, crashed or stopped; those of others count for nothing."""
        if change.actor != GATEWAY or not isinstance(self._gateway, CommandGateway):
            return
        if change.change == "started":
            self._was_up = True
        elif change.change == "crashed" and not self._was_up:
            why = (change.reason or "").removeprefix(f"{NodeCrashed.__name__}: ")
            self.failure = StartError(f"gateway {self._gateway.name} did not start: {why}")
            self._stop()
