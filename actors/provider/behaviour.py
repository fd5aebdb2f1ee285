"""What becomes of a request: how long it takes, whether it fails, and whose fault that is. Pure.

A provider's behaviour is its specification plus the changes that faults hold on it. Each kind of change is
one function in `_INFLUENCES` that takes the fate so far and returns another. All chance is keyed by the
request, and a fault's also by the fault, so one fault less does not change what the others do.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from actors.behaviour import Change, FailureKind, ProviderChange
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


Influence: TypeAlias = Callable[[Any, Fate, Draws, Key], Fate]


class Behaviour(msgspec.Struct, frozen=True):
    """How a provider behaves at present; a new one for each change."""

    spec: MockProvider
    changes: tuple[Change, ...] = ()

    def changed(self, change: Change) -> "Behaviour":
        """With this change in force, in place of an earlier one of the same fault."""
        return Behaviour(self.spec, (*self.reverted(change.fault_id).changes, change))

    def reverted(self, fault_id: str) -> "Behaviour":
        """Without this fault's change; as it is if there is none."""
        return Behaviour(self.spec, tuple(one for one in self.changes if one.fault_id != fault_id))

    def fate(self, draws: Draws, key: Key) -> Fate:
        """What becomes of the attempt with this key."""
        spec = self.spec
        fate = Fate(
            draw_latency(spec.latency, draws, "latency", *key),
            _failure(spec.reliability.failure_ratio, spec.reliability.kinds, draws, ("reliability", *key)),
        )
        for change in self.changes:
            fate = _INFLUENCES[type(change)](change, fate, draws, key)
        return fate


def _degraded(change: ProviderChange, fate: Fate, draws: Draws, key: Key) -> Fate:
    """Slower, and failing more often. The failure of an earlier fault stands; a provider's own gives way."""
    added = draw_latency(change.added_latency, draws, change.fault_id, "latency", *key)
    failure = _failure(change.error_ratio, change.error_kinds, draws, (change.fault_id, "errors", *key))
    if failure is not None and (fate.failure is None or fate.fault_id is None):
        return Fate(fate.delay + added, failure, change.fault_id)
    if not added:
        return fate
    return Fate(fate.delay + added, fate.failure, fate.fault_id or change.fault_id)


_INFLUENCES: dict[type[Change], Influence] = {ProviderChange: _degraded}


def _failure(ratio: float, kinds: tuple[FailureKind, ...], draws: Draws, key: Key) -> FailureKind | None:
    if not ratio:
        return None
    share = draws.uniform(*key) / ratio
    return kinds[int(share * len(kinds))] if share < 1 else None
