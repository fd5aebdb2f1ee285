"""What becomes of a request: how long it takes, whether it fails, and whose fault that is. Pure.

A provider's behaviour is its specification plus the faults in force. Each kind of fault is
one function in `_EFFECTS` that takes the plan so far and returns another. All randomness is keyed by the
request, and a fault's also by the fault, so one fault less does not change what the others do.

What faults do to the chain that a provider answers from is in `sight`; here they are only drawn for.
"""

from collections.abc import Callable, Container
from math import cos, exp, log, pi, sqrt
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from battle.actors.provider.chain_view import InForce, in_order
from battle.actors.rng import Draws
from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.behaviour import (
    Degrade,
    ErrorKind,
    ErrorRate,
    Hang,
    LimitStyle,
    Malformation,
    Malformed,
    MissingData,
    RateLimit,
    Reorg,
    StaleHead,
    Truncated,
    WrongAnswer,
    WrongChain,
)
from battle.actors.spec.latency import (
    LatencyModel,
    LogNormal,
    Normal,
    Uniform,
)
from battle.actors.spec.providers import FailureKind, MockProvider
from battle.actors.units import Duration, seconds

Key: TypeAlias = tuple[object, ...]
"""What tells one attempt from all others."""

Failure: TypeAlias = FailureKind | ErrorKind | LimitStyle | Malformation | Literal["truncated"]
"""All ways in which a request can go wrong, but for those in which the answer alone does."""


F = TypeVar("F", bound=Failure)


class ResponsePlan(msgspec.Struct, frozen=True):
    """What becomes of one request. `fault_id` names the fault that decided it, if one did."""

    delay: Duration
    failure: Failure | None = None
    fault_id: str | None = None
    retry_after_s: int = 0
    """What a client that is over a limit is told to wait."""
    chain_faults: tuple[InForce, ...] = ()
    """The faults of the chain that fall on this request, `in_order`; whether they change its answer is seen later."""


class _PlanDraft(msgspec.Struct, frozen=True):
    """A response plan in the making."""

    draws: Draws
    key: Key
    over_limit: Container[str]
    added: Duration = 0
    failure: Failure | None = None
    fault_id: str | None = None
    at_once: bool = False
    retry_after_s: int = 0
    chain_faults: tuple[InForce, ...] = ()

    def failed(
        self, fault_id: str, failure: Failure | None, *, at_once: bool = False, retry_after_s: int = 0
    ) -> "_PlanDraft":
        """The failure of an earlier fault stands."""
        if failure is None or self.failure is not None:
            return self
        return msgspec.structs.replace(
            self, failure=failure, fault_id=fault_id, at_once=at_once, retry_after_s=retry_after_s
        )


class Behaviour(msgspec.Struct, frozen=True):
    """How a provider behaves at present; a new one for each change."""

    spec: MockProvider
    in_force: tuple[InForce, ...] = ()

    def under(self, command: ApplyFault) -> "Behaviour":
        """With this fault in force, in place of what the same fault was before."""
        fault = InForce(command.fault_id, command.fault)
        return Behaviour(self.spec, (*self.reverted(command.fault_id).in_force, fault))

    def begun(self, head: int) -> "Behaviour":
        """The same, where what is new begins now, while `head` is the newest block that the provider sees."""
        return Behaviour(self.spec, tuple(one.begun(head) for one in self.in_force))

    def reverted(self, fault_id: str) -> "Behaviour":
        """Without this fault; as it is if it is not in force."""
        return Behaviour(self.spec, tuple(one for one in self.in_force if one.fault_id != fault_id))

    def plan(self, draws: Draws, key: Key, over_limit: Container[str] = ()) -> ResponsePlan:
        """What becomes of the attempt with this key. `over_limit` names the rate limits that it exceeds."""
        spec = self.spec
        own_latency = draw_latency(spec.latency, draws, "latency", *key)
        failure = _failure(
            spec.reliability.failure_ratio, spec.reliability.kinds, draws, ("reliability", *key)
        )
        if not self.in_force:
            return ResponsePlan(own_latency, failure)
        draft = _PlanDraft(draws, key, over_limit)
        for one in self.in_force:
            effect = _EFFECTS.get(type(one.fault))
            if effect is not None:
                draft = effect(one, one.fault, draft)
        return ResponsePlan(
            draft.added if draft.at_once else own_latency + draft.added,
            draft.failure or failure,
            draft.fault_id,
            draft.retry_after_s,
            in_order(draft.chain_faults),
        )


FaultEffect: TypeAlias = Callable[[InForce, Any, _PlanDraft], _PlanDraft]


def _degraded(one: InForce, fault: Degrade, draft: _PlanDraft) -> _PlanDraft:
    """Slower, and failing more often. Of those that slow a request down the first signs for it."""
    added = draw_latency(fault.added_latency, draft.draws, one.fault_id, "latency", *draft.key)
    key = (one.fault_id, "errors", *draft.key)
    if added:
        signed_by = draft.fault_id or one.fault_id
        draft = msgspec.structs.replace(draft, added=draft.added + added, fault_id=signed_by)
    return draft.failed(one.fault_id, _failure(fault.error_ratio, fault.error_kinds, draft.draws, key))


def _failing(one: InForce, fault: ErrorRate, draft: _PlanDraft) -> _PlanDraft:
    failure = _failure(fault.ratio, fault.kinds, draft.draws, (one.fault_id, *draft.key))
    return draft.failed(one.fault_id, failure, at_once=True)


def _limited(one: InForce, fault: RateLimit, draft: _PlanDraft) -> _PlanDraft:
    if one.fault_id not in draft.over_limit:
        return draft
    wait_s = -(-fault.retry_after // seconds(1))
    return draft.failed(one.fault_id, fault.style, at_once=True, retry_after_s=wait_s)


def _hanging(one: InForce, fault: Hang, draft: _PlanDraft) -> _PlanDraft:
    return draft.failed(one.fault_id, "no_answer" if _falls(one, fault.ratio, draft) else None)


def _malformed(one: InForce, fault: Malformed, draft: _PlanDraft) -> _PlanDraft:
    form = _failure(fault.ratio, fault.forms, draft.draws, (one.fault_id, *draft.key))
    return draft.failed(one.fault_id, form)


def _truncated(one: InForce, fault: Truncated, draft: _PlanDraft) -> _PlanDraft:
    return draft.failed(one.fault_id, "truncated" if _falls(one, fault.ratio, draft) else None)


def _sees_otherwise(one: InForce, _fault: StaleHead | Reorg | WrongChain, draft: _PlanDraft) -> _PlanDraft:
    return msgspec.structs.replace(draft, chain_faults=(*draft.chain_faults, one))


def _answers_otherwise(one: InForce, fault: MissingData | WrongAnswer, draft: _PlanDraft) -> _PlanDraft:
    if not _falls(one, fault.ratio, draft):
        return draft
    return msgspec.structs.replace(draft, chain_faults=(*draft.chain_faults, one))


_EFFECTS: dict[type[Any], FaultEffect] = {
    Degrade: _degraded,
    ErrorRate: _failing,
    RateLimit: _limited,
    Hang: _hanging,
    Malformed: _malformed,
    Truncated: _truncated,
    StaleHead: _sees_otherwise,
    Reorg: _sees_otherwise,
    WrongChain: _sees_otherwise,
    MissingData: _answers_otherwise,
    WrongAnswer: _answers_otherwise,
}


def _falls(one: InForce, ratio: float, draft: _PlanDraft) -> bool:
    return draft.draws.uniform(one.fault_id, *draft.key) < ratio


def _failure(ratio: float, kinds: tuple[F, ...], draws: Draws, key: Key) -> F | None:
    if not ratio:
        return None
    share = draws.uniform(*key) / ratio
    return kinds[int(share * len(kinds))] if share < 1 else None


def draw_latency(latency: LatencyModel, draws: Draws, *key: object) -> Duration:
    """A latency in nanoseconds, never negative, that follows from `key` alone. A constant costs no draw."""
    if isinstance(latency, int):
        return latency
    if isinstance(latency, Uniform):
        return latency.low + int(draws.uniform(*key) * (latency.high - latency.low + 1))
    if isinstance(latency, Normal):
        return max(0, round(latency.mean + latency.deviation * _standard_normal(draws, key)))
    if isinstance(latency, LogNormal):
        return round(latency.median * exp(latency.sigma * _standard_normal(draws, key)))
    return latency.samples[int(draws.uniform(*key) * len(latency.samples))]


def _standard_normal(draws: Draws, key: tuple[object, ...]) -> float:
    """Box and Muller's transform of two uniform draws; the first must not be 0."""
    radius = sqrt(-2 * log(1 - draws.uniform(*key, "radius")))
    return radius * cos(2 * pi * draws.uniform(*key, "angle"))
