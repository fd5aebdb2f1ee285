"""What becomes of a request: how long it takes, whether it fails, and whose fault that is. Pure.

A provider's behaviour is its specification plus the faults imposed on it. Each kind of fault is
one function in `_INFLUENCES` that takes the fate so far and returns another. All chance is keyed by the
request, and a fault's also by the fault, so one fault less does not change what the others do.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from actors.behaviour import FailureKind
from actors.faults.behaviour import Degrade
from actors.faults.imposing import Impose
from actors.provider.latency import draw_latency
from actors.provider.spec import MockProvider
from actors.units import Duration
from actors.world.chance import Draws

Key: TypeAlias = tuple[object, ...]
"""What tells one attempt from all others."""


class Fate(msgspec.Struct, frozen=True):
    """What becomes of one request. `fault_id` names the fault that decided it, if one did."""

    delay: Duration
    failure: FailureKind | None = None
    fault_id: str | None = None


Influence: TypeAlias = Callable[[str, Any, Fate, Draws, Key], Fate]


class Behaviour(msgspec.Struct, frozen=True):
    """How a provider behaves at present; a new one for each change."""

    spec: MockProvider
    imposed: tuple[Impose, ...] = ()

    def under(self, impose: Impose) -> "Behaviour":
        """With this fault in force, in place of what the same fault was before."""
        return Behaviour(self.spec, (*self.reverted(impose.fault_id).imposed, impose))

    def reverted(self, fault_id: str) -> "Behaviour":
        """Without this fault; as it is if it is not in force."""
        return Behaviour(self.spec, tuple(one for one in self.imposed if one.fault_id != fault_id))

    def fate(self, draws: Draws, key: Key) -> Fate:
        """What becomes of the attempt with this key."""
        spec = self.spec
        fate = Fate(
            draw_latency(spec.latency, draws, "latency", *key),
            _failure(spec.reliability.failure_ratio, spec.reliability.kinds, draws, ("reliability", *key)),
        )
        for one in self.imposed:
            influence = _INFLUENCES.get(type(one.fault))
            if influence is not None:
                fate = influence(one.fault_id, one.fault, fate, draws, key)
        return fate


def _degraded(fault_id: str, fault: Degrade, fate: Fate, draws: Draws, key: Key) -> Fate:
    """Slower, and failing more often. The failure of an earlier fault stands; a provider's own gives way."""
    added = draw_latency(fault.added_latency, draws, fault_id, "latency", *key)
    failure = _failure(fault.error_ratio, fault.error_kinds, draws, (fault_id, "errors", *key))
    if failure is not None and (fate.failure is None or fate.fault_id is None):
        return Fate(fate.delay + added, failure, fault_id)
    if not added:
        return fate
    return Fate(fate.delay + added, fate.failure, fate.fault_id or fault_id)


_INFLUENCES: dict[type[Any], Influence] = {Degrade: _degraded}


def _failure(ratio: float, kinds: tuple[FailureKind, ...], draws: Draws, key: Key) -> FailureKind | None:
    if not ratio:
        return None
    share = draws.uniform(*key) / ratio
    return kinds[int(share * len(kinds))] if share < 1 else None
