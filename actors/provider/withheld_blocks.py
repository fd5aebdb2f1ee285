"""Notes in the log that a fault of the chain has held back a block: that it had its effect here."""

from battle.actors.provider.service import Service
from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.chain import ChainFault
from battle.store.events import FaultActed


class WithheldBlocks:
    """Looks at each block time under a fault of the chain whether a block came, until one did not."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world

    def watch(self, command: ApplyFault) -> None:
        """A fault begins; of one that is not of the chain nothing is noted."""
        if isinstance(command.fault, ChainFault):
            self._look_at_next(command.fault_id)

    def _look_at_next(self, fault_id: str) -> None:
        block_time = self._service.model.spec.block_time
        due_ns = (self._world.now_ns() // block_time + 1) * block_time
        self._world.call_at(due_ns, self._look, fault_id, due_ns)

    def _look(self, fault_id: str, due_ns: int) -> None:
        if all(one.fault_id != fault_id for one in self._service.behaviour.in_force):
            return
        head_at = self._service.model.head_at
        if head_at(due_ns) > head_at(due_ns - 1):
            self._look_at_next(fault_id)
            return
        self._world.log.append(
            FaultActed(at_ns=due_ns, fault_id=fault_id, node=self._world.node, action="withheld")
        )
