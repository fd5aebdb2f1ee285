"""How faults change the publishing of heads: not at all, twice, or after the next one. Pure.

Randomness is keyed by the fault and the height, so one fault less does not change what the others do.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from battle.actors.provider.chain_view import InForce
from battle.actors.rng import Draws
from battle.actors.spec.faults.websocket import DuplicateHeads, MissHeads, ReorderHeads

HeadChange: TypeAlias = Literal["missed", "duplicated", "reordered"]

_HEAD_CHANGES: dict[type[MissHeads | DuplicateHeads | ReorderHeads], HeadChange] = {
    MissHeads: "missed",
    DuplicateHeads: "duplicated",
    ReorderHeads: "reordered",
}


class HeadPublication(msgspec.Struct, frozen=True):
    """What becomes of one head; without a turn it is published once, in its time."""

    change: HeadChange | None = None
    fault_id: str | None = None


_AS_IT_SHOULD = HeadPublication()


def head_publication(height: int, in_force: Sequence[InForce], draws: Draws) -> HeadPublication:
    """What becomes of the head at `height`: a head that is missed is neither late nor twice; else the fault
    applied first decides."""
    drawn = [
        HeadPublication(_HEAD_CHANGES[type(one.fault)], one.fault_id)
        for one in in_force
        if isinstance(one.fault, MissHeads | DuplicateHeads | ReorderHeads)
        and draws.uniform(one.fault_id, height) < one.fault.ratio
    ]
    missed = [publication for publication in drawn if publication.change == "missed"]
    return next(iter([*missed, *drawn]), _AS_IT_SHOULD)
