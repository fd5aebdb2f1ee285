"""How faults change the publishing of heads: not at all, twice, or after the next one. Pure.

Randomness is keyed by the fault and the height, so one fault less does not change what the others do.
"""

from collections.abc import Sequence

import msgspec

from battle.actors.provider.chain_view import InForce
from battle.actors.rng import Draws
from battle.actors.spec.faults.websocket import HeadChange, SessionFault


class HeadPublication(msgspec.Struct, frozen=True):
    """What becomes of one head; without a turn it is published once, in its time."""

    change: HeadChange | None = None
    fault_id: str | None = None


_AS_IT_SHOULD = HeadPublication()


def head_publication(height: int, in_force: Sequence[InForce], draws: Draws) -> HeadPublication:
    """What becomes of the head at `height`: a head that is missed is neither late nor twice; else the fault
    applied first decides."""
    changed = [
        HeadPublication(change, one.fault_id)
        for one in in_force
        if isinstance(one.fault, SessionFault)
        and (change := one.fault.on_head(_Head(height, draws, one.fault_id))) is not None
    ]
    missed = [publication for publication in changed if publication.change == "missed"]
    return next(iter([*missed, *changed]), _AS_IT_SHOULD)


class _Head(msgspec.Struct, frozen=True):
    """A `Head`, as the fault of this id sees it."""

    number: int
    draws: Draws
    fault_id: str

    def draw(self) -> float:
        return self.draws.uniform(self.fault_id, self.number)
