"""Makes spans of the events of a log. Pure.

A trace is one client request: its span, below it the gateway's attempts, and below each of these what the provider
saw of it. Three nodes log these, each for itself, so they come in any order. A trace is put together until
`GRACE_NS` after the request ended; an attempt that comes later still finds its place, as long as the request is
among the last `REMEMBERED_MAX`. A fault is a trace of its own, of the service `faults`.

Which traces are kept follows from their ids, which follow from the run and the request: exporting a run again gives
the same spans with the same ids. Requests that failed are always kept. The decision is the one of OpenTelemetry's
consistent probability sampling (`ot=th:...` in the trace state), so backends can scale counts up on their own.
"""

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

from battle.actors.redaction import redacted
from battle.store.events import AttemptServed, Event, FaultChanged, GatewayAttemptEnded, RequestEnded

GRACE_NS = 2 * 10**9
"""After the end of a request, until its trace is put together: attempts that go on after it, such as hedges, mostly
end by then."""

PENDING_MAX = 20_000
"""Requests whose attempts are kept until it is known how they ended: 4 s of 5,000 a second. Some 20 MB."""

REMEMBERED_MAX = 50_000
"""Requests that ended and of which a late attempt would find its place. Some 20 MB."""

ATTRIBUTE_CHARS_MAX = 1_000
"""Of a text in an attribute: backends cut at 1,024 to 4,095."""

CLIENT, GATEWAY, FAULTS, PROVIDER = "client", "gateway", "faults", "provider-"
"""Names of services; that of a provider is `provider-` and its name."""

_RANDOM_MASK = (1 << 56) - 1
"""The 56 bits of a trace id that OpenTelemetry's consistent sampling decides by."""

AttributeValue: TypeAlias = str | int | float | bool
SpanKind: TypeAlias = Literal["client", "server", "internal"]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span. Times are nanoseconds of the run; `error` says why it failed."""

    service: str
    name: str
    kind: SpanKind
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int
    attributes: dict[str, AttributeValue]
    error: str | None = None
    trace_state: str = ""


class Sampling:
    """Which traces are kept: a `share` of them, and all that failed.

    Raises:
        ValueError: the share is not above 0 and at most 1.
    """

    def __init__(self, share: float) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share of traces is above 0 and at most 1, not {share:g}")
        self.share = share
        self._threshold = round((1 - share) * (_RANDOM_MASK + 1))
        self.trace_state = f"ot=th:{_threshold_text(self._threshold)}"

    def keeps(self, trace_id: int) -> bool:
        """Whether a trace is kept, however its request ended."""
        return trace_id & _RANDOM_MASK >= self._threshold


ALWAYS = "ot=th:0"
"""The trace state of what is always kept."""


def _threshold_text(threshold: int) -> str:
    return f"{threshold:014x}".rstrip("0") or "0"


def failed(request: RequestEnded) -> bool:
    """Whether its trace is always kept: it did not succeed, or its answer was wrong."""
    return request.outcome != "ok" or request.answer == "wrong"


class _Trace(msgspec.Struct):
    """What is known of a request so far."""

    request: RequestEnded | None = None
    of_gateway: list[GatewayAttemptEnded] = []
    of_providers: list[AttemptServed] = []


class _Parents(msgspec.Struct, frozen=True):
    """Where in a kept trace a late attempt belongs: the request's span, and the gateway's attempts."""

    share: float
    trace_state: str
    attempts: tuple[GatewayAttemptEnded, ...]


class SpanBuilder:
    """Puts traces together. `late` and `incomplete` count attempts that are in no trace.

    `incomplete`: the log has no end of their request. `late`: their request ended too long ago.
    """

    def __init__(self, run_id: str, sampling: Sampling) -> None:
        self._run_id = run_id
        self._sampling = sampling
        self._pending: OrderedDict[str, _Trace] = OrderedDict()
        self._ended: OrderedDict[str, _Parents | None] = OrderedDict()
        self._faults: dict[str, FaultChanged] = {}
        self._ready: list[Span] = []
        self.late = 0
        self.incomplete = 0

    def take(self, event: Event) -> None:
        """Take one event; others than those of requests, attempts and faults are ignored."""
        match event:
            case RequestEnded():
                self._take_request(event)
            case GatewayAttemptEnded() | AttemptServed():
                self._take_attempt(event)
            case FaultChanged():
                self._take_fault(event)

    def release(self, until_ns: int) -> list[Span]:
        """The spans of all that ended `GRACE_NS` before then."""
        for request_id in [
            request_id
            for request_id, trace in self._pending.items()
            if trace.request is not None and trace.request.ended_ns + GRACE_NS <= until_ns
        ]:
            self._release(request_id, self._pending.pop(request_id))
        return self._taken()

    def finish(self, last_ns: int) -> list[Span]:
        """The spans of all that is left. Faults that were not reverted end at `last_ns`."""
        while self._pending:
            self._release(*self._pending.popitem(last=False))
        for applied in self._faults.values():
            self._ready.append(self._fault_span(applied, max(last_ns, applied.at_ns), None))
        self._faults.clear()
        return self._taken()

    def _taken(self) -> list[Span]:
        ready, self._ready = self._ready, []
        return ready

    def _take_request(self, request: RequestEnded) -> None:
        request_id = request.request_id
        if not failed(request) and not self._sampling.keeps(self._trace_id(request_id)):
            self._pending.pop(request_id, None)
            self._remember(request_id, None)
            return
        self._pending_of(request_id).request = request

    def _take_attempt(self, attempt: GatewayAttemptEnded | AttemptServed) -> None:
        request_id = attempt.request_id
        if request_id is None:
            return  # the gateway's own: a probe, a backfill
        if request_id in self._ended:
            self._take_late(request_id, attempt)
            return
        trace = self._pending_of(request_id)
        if isinstance(attempt, AttemptServed):
            trace.of_providers.append(attempt)
        else:
            trace.of_gateway.append(attempt)

    def _take_late(self, request_id: str, attempt: GatewayAttemptEnded | AttemptServed) -> None:
        parents = self._ended[request_id]
        if parents is None:
            return
        if isinstance(attempt, AttemptServed):
            self._ready.append(self._provider_span(request_id, attempt, parents))
        else:
            self._ready.append(self._gateway_span(request_id, attempt, parents))
            known = msgspec.structs.replace(parents, attempts=(*parents.attempts, attempt))
            self._ended[request_id] = known

    def _pending_of(self, request_id: str) -> _Trace:
        if request_id not in self._pending:
            self._pending[request_id] = _Trace()
            if len(self._pending) > PENDING_MAX:
                self._release(*self._pending.popitem(last=False))
        return self._pending[request_id]

    def _remember(self, request_id: str, parents: _Parents | None) -> None:
        self._ended[request_id] = parents
        if len(self._ended) > REMEMBERED_MAX:
            self._ended.popitem(last=False)

    def _release(self, request_id: str, trace: _Trace) -> None:
        request = trace.request
        if request is None:
            self.incomplete += len(trace.of_gateway) + len(trace.of_providers)
            return
        always = failed(request)
        parents = _Parents(
            1.0 if always else self._sampling.share,
            ALWAYS if always else self._sampling.trace_state,
            tuple(trace.of_gateway),
        )
        self._remember(request_id, parents)
        self._ready.append(self._request_span(request, parents))
        self._ready += [self._gateway_span(request_id, each, parents) for each in trace.of_gateway]
        self._ready += [self._provider_span(request_id, each, parents) for each in trace.of_providers]

    def _request_span(self, request: RequestEnded, parents: _Parents) -> Span:
        sent_ns = request.sent_ns
        return Span(
            service=CLIENT,
            name=request.method,
            kind="client",
            trace_id=self._trace_id(request.request_id),
            span_id=self._request_span_id(request.request_id),
            parent_id=None,
            start_ns=request.scheduled_ns,
            end_ns=request.ended_ns,
            attributes=_attributes(
                {
                    "rpc.system": "jsonrpc",
                    "rpc.method": request.method,
                    "battle.request_id": request.request_id,
                    "battle.workload": request.workload,
                    "battle.outcome": request.outcome,
                    "battle.answer": request.answer,
                    "battle.failure": request.failure,
                    "battle.sampling.share": parents.share,
                    "battle.sent_late_seconds": None
                    if sent_ns is None
                    else (sent_ns - request.scheduled_ns) / 1e9,
                    "http.response.status_code": request.http_status,
                    "rpc.jsonrpc.error_code": request.rpc_code,
                }
            ),
            error=(request.failure or f"{request.outcome}, answer {request.answer}")
            if failed(request)
            else None,
            trace_state=parents.trace_state,
        )

    def _gateway_span(self, request_id: str, attempt: GatewayAttemptEnded, parents: _Parents) -> Span:
        return Span(
            service=GATEWAY,
            name=attempt.method,
            kind="client",
            trace_id=self._trace_id(request_id),
            span_id=self._gateway_span_id(request_id, attempt),
            parent_id=self._request_span_id(request_id),
            start_ns=attempt.started_ns,
            end_ns=attempt.ended_ns,
            attributes=_attributes(
                {
                    "rpc.system": "jsonrpc",
                    "rpc.method": attempt.method,
                    "battle.provider": attempt.provider,
                    "battle.transport": attempt.transport,
                    "battle.attempt": attempt.attempt,
                    "battle.reason": attempt.reason,
                    "battle.hedged": attempt.hedged,
                    "battle.outcome": attempt.outcome,
                    "battle.failure": attempt.failure,
                    "http.response.status_code": attempt.http_status,
                    "rpc.jsonrpc.error_code": attempt.rpc_code,
                }
            ),
            error=None if attempt.outcome == "ok" else attempt.failure or attempt.outcome,
            trace_state=parents.trace_state,
        )

    def _provider_span(self, request_id: str, attempt: AttemptServed, parents: _Parents) -> Span:
        replied_ns = attempt.replied_ns
        return Span(
            service=PROVIDER + attempt.provider,
            name=attempt.method,
            kind="server",
            trace_id=self._trace_id(request_id),
            span_id=_number(
                8, self._run_id, request_id, "provider", attempt.provider, str(attempt.received_ns)
            ),
            parent_id=self._parent_of(request_id, attempt, parents),
            start_ns=attempt.received_ns,
            end_ns=attempt.received_ns if replied_ns is None else replied_ns,
            attributes=_attributes(
                {
                    "rpc.system": "jsonrpc",
                    "rpc.method": attempt.method,
                    "battle.provider": attempt.provider,
                    "battle.transport": attempt.transport,
                    "battle.outcome": attempt.outcome,
                    "battle.fault_id": attempt.fault_id,
                    "battle.replied": replied_ns is not None,
                    "http.response.status_code": attempt.http_status,
                    "rpc.jsonrpc.error_code": attempt.rpc_code,
                }
            ),
            error=None if attempt.outcome == "ok" else attempt.outcome,
            trace_state=parents.trace_state,
        )

    def _parent_of(self, request_id: str, attempt: AttemptServed, parents: _Parents) -> int:
        """The gateway's attempt that this one answers; the request itself where the gateway reports none."""
        candidates = [
            each
            for each in parents.attempts
            if each.provider == attempt.provider and each.started_ns <= attempt.received_ns
        ]
        if not candidates:
            return self._request_span_id(request_id)
        return self._gateway_span_id(request_id, max(candidates, key=lambda each: each.started_ns))

    def _take_fault(self, fault: FaultChanged) -> None:
        match fault.phase:
            case "applied":
                self._faults[fault.fault_id] = fault
            case "reverted" if fault.fault_id in self._faults:
                self._ready.append(self._fault_span(self._faults.pop(fault.fault_id), fault.at_ns, None))
            case "failed":
                began = self._faults.pop(fault.fault_id, fault)
                why = fault.detail or "it could not be applied"
                self._ready.append(self._fault_span(began, fault.at_ns, why))

    def _fault_span(self, fault: FaultChanged, end_ns: int, error: str | None) -> Span:
        return Span(
            service=FAULTS,
            name=fault.kind,
            kind="internal",
            trace_id=_number(16, self._run_id, "fault", fault.fault_id),
            span_id=_number(8, self._run_id, "fault", fault.fault_id),
            parent_id=None,
            start_ns=fault.at_ns,
            end_ns=end_ns,
            attributes=_attributes(
                {
                    "battle.fault_id": fault.fault_id,
                    "battle.fault.kind": fault.kind,
                    "battle.fault.target": fault.target,
                    "battle.fault.parameters": msgspec.json.encode(fault.parameters).decode(),
                    "battle.sampling.share": 1.0,
                }
            ),
            error=error,
            trace_state=ALWAYS,
        )

    def _trace_id(self, request_id: str) -> int:
        return _number(16, self._run_id, request_id)

    def _request_span_id(self, request_id: str) -> int:
        return _number(8, self._run_id, request_id, "client")

    def _gateway_span_id(self, request_id: str, attempt: GatewayAttemptEnded) -> int:
        return _number(8, self._run_id, request_id, "gateway", str(attempt.attempt), str(attempt.started_ns))


def _number(size_bytes: int, *names: str) -> int:
    """An id that follows from names; never 0, which means none."""
    digest = blake2b("\0".join(names).encode(), digest_size=size_bytes).digest()
    return int.from_bytes(digest) or 1


def _attributes(values: dict[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    return dict(_bounded(values))


def _bounded(values: dict[str, AttributeValue | None]) -> Iterator[tuple[str, AttributeValue]]:
    for name, value in values.items():
        if isinstance(value, str):
            yield name, redacted(value)[:ATTRIBUTE_CHARS_MAX]
        elif value is not None:
            yield name, value
