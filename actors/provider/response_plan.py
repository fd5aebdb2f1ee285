"""What becomes of a request: how long it takes, whether it fails, and whose fault that is. Pure.

A provider's behaviour is its specification plus the faults in force. Each kind of
fault says itself (`on_request`) what it makes of the plan so far. All randomness is keyed by the
request, and a fault's also by the fault, so one fault less does not change what the others do.

What faults do to the chain that a provider answers from is in `chain_view`; here they are only drawn for.
"""

from collections.abc import Container, Sequence
from typing import Self, TypeAlias, TypeVar

import msgspec

from battle.actors.provider.chain_view import InForce, in_order
from battle.actors.rng import Draws
from battle.actors.roles import ApplyFault
from battle.actors.spec.failures import RpcFailure, failure_of, fits
from battle.actors.spec.faults.behaviour import AnswerFault, Failure, MethodFault
from battle.actors.spec.latency import LatencyModel, draw_latency
from battle.actors.spec.providers import MockProvider
from battle.actors.units import Duration

Key: TypeAlias = tuple[object, ...]
"""What distinguishes one attempt from all others."""

F = TypeVar("F", bound=Failure)

HANDSHAKE = ("",)
"""The methods of what opens a WebSocket: it calls none."""


class CallFailure(msgspec.Struct, frozen=True):
    """A JSON-RPC error that falls on the calls of some methods, and the fault that puts it there, if one does."""

    failure: RpcFailure
    methods: tuple[str, ...]
    fault_id: str | None = None


class ResponsePlan(msgspec.Struct, frozen=True):
    """What becomes of one request. `fault_id` names the fault that decided it, if one did.

    `failure` is that of the whole request, or of each of its calls when it is a JSON-RPC error. Before it come those
    of `call_failures` that concern a call.
    """

    delay: Duration
    failure: Failure | None = None
    fault_id: str | None = None
    retry_after_s: int = 0
    """How long a client that is over a limit is asked to wait."""
    chain_faults: tuple[InForce, ...] = ()
    """The faults of the chain that fall on this request, `in_order`; whether they change its answer is seen later."""
    call_failures: tuple[CallFailure, ...] = ()

    def call_failure(self, method: str) -> CallFailure | None:
        """The error that falls on calls of this method and not on others."""
        return next((one for one in self.call_failures if fits(one.methods, method)), None)


class _PlanDraft(msgspec.Struct, frozen=True):
    """A response plan in the making, as the fault `one` sees it: `Draft` says what for."""

    draws: Draws
    key: Key
    over_limit: Container[str]
    one: InForce
    methods: Sequence[str] = ()
    added: Duration = 0
    failure: Failure | None = None
    fault_id: str | None = None
    at_once: bool = False
    retry_after_s: int = 0
    chain_faults: tuple[InForce, ...] = ()
    call_failures: tuple[CallFailure, ...] = ()

    @property
    def is_over_limit(self) -> bool:
        return self.one.fault_id in self.over_limit

    def falls(self, ratio: float) -> bool:
        return self.draws.uniform(self.one.fault_id, *self.key) < ratio

    def one_of(self, ratio: float, kinds: tuple[F, ...], *what: object) -> F | None:
        return _failure(ratio, kinds, self.draws, (self.one.fault_id, *what, *self.key))

    def slowed(self, latency: LatencyModel) -> Self:
        """Of those that slow a request down the first signs for it."""
        added = draw_latency(latency, self.draws, self.one.fault_id, "latency", *self.key)
        if not added:
            return self
        signed_by = self.fault_id or self.one.fault_id
        return msgspec.structs.replace(self, added=self.added + added, fault_id=signed_by)

    def failed(self, failure: Failure | None, *, at_once: bool = False, retry_after_s: int = 0) -> Self:
        if failure is None or self.failure is not None:
            return self
        fault = self.one.fault
        methods = fault.methods if isinstance(fault, MethodFault) else ()
        error = rpc_failure(failure) if methods else None
        if error is not None:
            of_calls = CallFailure(error, methods, self.one.fault_id)
            whole = all(fits(methods, method) for method in self.methods)
            return msgspec.structs.replace(
                self,
                call_failures=(*self.call_failures, of_calls),
                at_once=self.at_once or (at_once and whole),
            )
        return msgspec.structs.replace(
            self, failure=failure, fault_id=self.one.fault_id, at_once=at_once, retry_after_s=retry_after_s
        )

    def from_another_chain(self) -> Self:
        return msgspec.structs.replace(self, chain_faults=(*self.chain_faults, self.one))


class Behaviour(msgspec.Struct, frozen=True):
    """How a provider behaves at present; a new one for each change."""

    spec: MockProvider
    in_force: tuple[InForce, ...] = ()

    def under(self, command: ApplyFault) -> "Behaviour":
        """With this fault in force, in place of what the same fault was before."""
        fault = InForce(command.fault_id, command.fault)
        return Behaviour(self.spec, (*self.reverted(command.fault_id).in_force, fault))

    def begun(self, head: int, oldest: int = 0) -> "Behaviour":
        """The same, where what is new begins now, while `head` is the newest block that the provider sees, and
        `oldest` the oldest one that there is."""
        return Behaviour(self.spec, tuple(one.begun(head, oldest) for one in self.in_force))

    def reverted(self, fault_id: str) -> "Behaviour":
        """Without this fault; as it is if it is not in force."""
        return Behaviour(self.spec, tuple(one for one in self.in_force if one.fault_id != fault_id))

    @property
    def looks_at_methods(self) -> bool:
        """Whether what becomes of a request can depend on the methods it calls."""
        return bool(self.in_force or self.spec.reliability.methods)

    @property
    def only_plan(self) -> ResponsePlan | None:
        """What becomes of every request, when that is the same for all; None when it depends on the request."""
        spec = self.spec
        fails = bool(self.in_force) or spec.reliability.failure_ratio > 0 or spec.call_limit is not None
        if fails or not isinstance(spec.latency, int):
            return None
        return ResponsePlan(spec.latency)

    def plan(
        self,
        draws: Draws,
        key: Key,
        over_limit: Container[str] = (),
        methods: Sequence[str] = (),
        *,
        is_over_own: bool = False,
    ) -> ResponsePlan:
        """What becomes of the attempt with this key, which calls these methods.

        `over_limit` names the rate limits among the faults that it exceeds; `is_over_own`: it exceeds the provider's.
        """
        own_latency = draw_latency(self.spec.latency, draws, "latency", *key)
        failure: Failure | None
        failure, own_failures = self._own_failure(draws, key, methods)
        if is_over_own and self.spec.call_limit is not None:
            own_latency, own_failures = self.spec.call_limit.delay, ()
            failure = self.spec.call_limit.refusal
        if not self.in_force:
            return ResponsePlan(own_latency, failure, call_failures=own_failures)
        draft = _PlanDraft(draws, key, over_limit, self.in_force[0], methods)
        for one in self.in_force:
            if isinstance(one.fault, AnswerFault) and concerns(one, methods):
                changed = one.fault.on_request(msgspec.structs.replace(draft, one=one))
                assert isinstance(changed, _PlanDraft)
                draft = changed
        return ResponsePlan(
            draft.added if draft.at_once else own_latency + draft.added,
            draft.failure or failure,
            draft.fault_id,
            draft.retry_after_s,
            in_order(draft.chain_faults),
            (*draft.call_failures, *own_failures),
        )

    def _own_failure(
        self, draws: Draws, key: Key, methods: Sequence[str]
    ) -> tuple[Failure | None, tuple[CallFailure, ...]]:
        """How the provider fails on its own: the whole request, or the calls of some methods."""
        own = self.spec.reliability
        if own.methods and not any(fits(own.methods, method) for method in methods):
            return None, ()
        failure = _failure(own.failure_ratio, own.kinds, draws, ("reliability", *key))
        error = rpc_failure(failure) if own.methods and failure is not None else None
        return (failure, ()) if error is None else (None, (CallFailure(error, own.methods),))


def concerns(one: InForce, methods: Sequence[str]) -> bool:
    """Whether a fault can fall on a request that calls these methods; on one of unknown methods unless it asks."""
    fault = one.fault
    if not isinstance(fault, MethodFault) or not fault.methods:
        return True
    return any(fault.concerns(method) for method in methods)


def rpc_failure(failure: Failure) -> RpcFailure | None:
    """The JSON-RPC error that a failure is; None when it is something else."""
    found = failure_of(failure)
    return found if isinstance(found, RpcFailure) else None


def _failure(ratio: float, kinds: tuple[F, ...], draws: Draws, key: Key) -> F | None:
    if not ratio:
        return None
    share = draws.uniform(*key) / ratio
    return kinds[int(share * len(kinds))] if share < 1 else None
