"""What the log holds that may matter to one request. Rows of the queries `story_*`; times are of the run's epoch."""

from typing import Literal

import msgspec

from battle.store.events import Answer, AttemptReason, BreakerState, Outcome, Transport


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ClientRow(_Row, frozen=True, kw_only=True):
    """The request as its client saw it."""

    request_id: str
    workload: str
    method: str
    scheduled_ns: int
    ended_ns: int
    outcome: Outcome
    answer: Answer
    sent_ns: int | None
    http_status: int | None
    rpc_code: int | None
    failure: str | None
    provider: str | None
    response_bytes: int | None
    node: str | None

    @property
    def got_answer(self) -> bool:
        """Whether anything came back, be it an error."""
        return self.outcome == "ok" or self.http_status is not None or self.rpc_code is not None


class GatewayRow(_Row, frozen=True, kw_only=True):
    """One attempt as the gateway made it."""

    request_id: str
    attempt: int
    provider: str
    transport: Transport
    method: str
    reason: AttemptReason
    hedged: bool
    started_ns: int
    ended_ns: int
    outcome: Outcome
    failure: str | None = None
    http_status: int | None = None
    rpc_code: int | None = None


class ServedRow(_Row, frozen=True, kw_only=True):
    """One attempt as a provider saw it; of a batch, one of its calls."""

    request_id: str
    provider: str
    transport: Transport
    method: str
    received_ns: int
    outcome: Outcome
    replied_ns: int | None = None
    http_status: int | None = None
    rpc_code: int | None = None
    fault_id: str | None = None


class RejectionRow(_Row, frozen=True, kw_only=True):
    """A provider that the gateway passed over."""

    at_ns: int
    provider: str
    transport: Transport
    request_id: str


class BreakerRow(_Row, frozen=True, kw_only=True):
    """A breaker came into a state: the last change before the story, or one in it."""

    at_ns: int
    provider: str
    transport: Transport
    from_state: BreakerState
    to_state: BreakerState
    reason: str


class FaultRow(_Row, frozen=True, kw_only=True):
    """A fault that was in force during the story."""

    fault_id: str
    kind: str
    target: str
    parameters: str
    applied_ns: int
    reverted_ns: int | None


class FaultActionRow(_Row, frozen=True, kw_only=True):
    """What a fault did to connections of a node during the story, and how often."""

    fault_id: str
    node: str
    action: str
    at_ns: int
    times: int


class NodeRow(_Row, frozen=True, kw_only=True):
    """A node's last change before the story, or one in it."""

    at_ns: int
    node: str
    change: Literal["started", "crashed", "stopped"]
    reason: str | None


class GatewayEndRow(_Row, frozen=True, kw_only=True):
    """An end of the gateway's process during the story, or before it while it was not back yet."""

    how: Literal["stopped", "killed", "crashed"]
    fault_id: str | None
    begun_ns: int
    gone_ns: int
    forced: bool
    restarted_ns: int | None
    back_ns: int | None
    reason: str | None


class ConnectionRow(_Row, frozen=True, kw_only=True):
    """WebSocket connections of the workload's clients that were lost at one moment of the story."""

    at_ns: int
    change: Literal["closed", "refused"]
    close_code: int | None
    connections: int


class PaceRow(_Row, frozen=True, kw_only=True):
    """How the load generator was doing when the request was due."""

    at_ns: int
    backlog: int
    in_flight: int
    dropped: int
    lateness_p99_ns: int | None
    loop_lag_ns: int | None


class LogCoverage(_Row, frozen=True, kw_only=True):
    """Whose log can have anything of single requests: row of the query `log_coverage`, which says how it counts."""

    clients: bool
    gateway: bool
    breakers: bool
    providers: bool


class RunContext(_Row, frozen=True, kw_only=True):
    """What holds for the whole run."""

    world: str
    ended: bool
    load_began_ns: int | None = None
    coverage: LogCoverage


class History(_Row, frozen=True, kw_only=True):
    """Everything that the log has of one request, and what else happened meanwhile.

    `client` is None when its end is not in the log. `asked_for` is the id that somebody asked for, when that is the
    id of one call of the batch `request_id`.
    """

    request_id: str
    run: RunContext
    client: ClientRow | None = None
    gateway: tuple[GatewayRow, ...] = ()
    served: tuple[ServedRow, ...] = ()
    rejections: tuple[RejectionRow, ...] = ()
    breakers: tuple[BreakerRow, ...] = ()
    faults: tuple[FaultRow, ...] = ()
    fault_actions: tuple[FaultActionRow, ...] = ()
    nodes: tuple[NodeRow, ...] = ()
    gateway_ends: tuple[GatewayEndRow, ...] = ()
    connections: tuple[ConnectionRow, ...] = ()
    pace: PaceRow | None = None
    transport: Transport = "http"
    calls: int = 1
    asked_for: str | None = None

    @property
    def from_ns(self) -> int:
        """When the story begins: when the request was due, or when anybody first heard of it."""
        first = [self.client.scheduled_ns] if self.client else []
        first += [row.started_ns for row in self.gateway] + [row.received_ns for row in self.served]
        first += [row.at_ns for row in self.rejections]
        return min(first)

    @property
    def until_ns(self) -> int:
        """When it ends: with the request, for the client; otherwise with what was last heard of it."""
        if self.client is not None:
            return self.client.ended_ns
        last = [row.ended_ns for row in self.gateway] + [row.at_ns for row in self.rejections]
        last += [row.received_ns if row.replied_ns is None else row.replied_ns for row in self.served]
        return max(last)

    @property
    def dropped_by(self) -> GatewayEndRow | None:
        """The end of the gateway's process that cost the request its answer, under way as it was."""
        client = self.client
        if client is None or client.sent_ns is None or client.got_answer:
            return None
        ends = [one for one in self.gateway_ends if client.sent_ns <= one.gone_ns]
        return next((one for one in ends if one.begun_ns <= client.ended_ns), None)

    def serving(self, attempt: GatewayRow) -> list[ServedRow]:
        """What its provider saw of one of the gateway's attempts."""
        return [row for row in self.served if attempt_of(row, self.gateway) is attempt]

    def breaker(self, provider: str, transport: str, at_ns: int) -> BreakerRow | None:
        """The last change of a breaker before a moment; None: it had never left `closed`."""
        found = None
        for row in self.breakers:
            if (row.provider, row.transport) == (provider, transport) and row.at_ns < at_ns:
                found = row
        return found

    def down_at(self, at_ns: int) -> list[str]:
        """The nodes that were down at a moment, as far as the story goes back."""
        latest = {node.node: node.change for node in self.nodes if node.at_ns < at_ns}
        return [node for node, change in latest.items() if change != "started"]

    def faults_at(self, node: str, from_ns: int, until_ns: int) -> list[FaultRow]:
        """The faults in force at a node at any time of a span."""
        return [
            fault
            for fault in self.faults
            if fault.target == node
            and fault.applied_ns <= until_ns
            and (fault.reverted_ns is None or fault.reverted_ns >= from_ns)
        ]


def attempt_of(row: ServedRow, attempts: tuple[GatewayRow, ...]) -> GatewayRow | None:
    """The gateway's attempt that a provider served: the last one there that had begun before.

    The clocks of two nodes are one clock, but each looks at it when it gets to it: one that is logged to have begun
    after it arrived is still the one, when there is no other.
    """
    there = [one for one in attempts if one.provider == row.provider]
    begun = [one for one in there if one.started_ns <= row.received_ns]
    return begun[-1] if begun else there[0] if there else None
