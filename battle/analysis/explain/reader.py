"""Asks a run's log for all that may matter to some of its requests.

The large tables are asked once for all of them, by their ids; the rest is asked by time.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from battle.analysis.explain.history import (
    BreakerRow,
    ClientRow,
    ConnectionRow,
    FaultActionRow,
    FaultRow,
    GatewayEndRow,
    GatewayRow,
    History,
    LogCoverage,
    NodeRow,
    PaceRow,
    RejectionRow,
    RunContext,
    ServedRow,
)
from battle.analysis.log import Log
from battle.errors import BattleError
from battle.store.database import Run

ROWS_MAX = 50
"""Of what happened around a request, from each table: more nobody reads, and a request may last for minutes."""

NEAREST = 3

CALLS_MAX = 10_000
"""Calls of one batch that are looked for. A batch of more is not what `run.json` of ours would say."""

_ID = re.compile(r"w(\d{1,20})-(\d{1,20})")


class UnknownRequestError(BattleError):
    """The log knows no such request."""


def read_histories(run: Run, request_ids: Sequence[str]) -> list[History]:
    """The histories of these requests, in the same order.

    Raises:
        UnknownRequestError: no side's log knows one of them.
    """
    plan = _Plan(run)
    resolved = [plan.batch_of(asked) for asked in request_ids]
    ids = [one.request_id for one in resolved]
    calls = [call for one in resolved for call in one.call_ids]
    clients = {row.request_id: row for row in run.query_as(ClientRow, "story_requests", request_ids=ids)}
    attempts = run.query_as(GatewayRow, "story_gateway_attempts", request_ids=ids)
    served = run.query_as(ServedRow, "story_attempts", request_ids=calls)
    rejections = run.query_as(RejectionRow, "story_rejections", request_ids=ids)
    context = _run_context(run, plan)
    histories = []
    for one, asked in zip(resolved, request_ids, strict=True):
        call_ids = set(one.call_ids)
        bare = History(
            request_id=one.request_id,
            run=context,
            client=clients.get(one.request_id),
            gateway=tuple(row for row in attempts if row.request_id == one.request_id),
            served=tuple(row for row in served if row.request_id in call_ids),
            rejections=tuple(row for row in rejections if row.request_id == one.request_id),
            transport=plan.transport(clients.get(one.request_id)),
            calls=len(one.call_ids),
            asked_for=None if asked == one.request_id else asked,
        )
        if not (bare.client or bare.gateway or bare.served or bare.rejections):
            raise UnknownRequestError(_unknown(run, asked))
        histories.append(_with_surroundings(run, bare))
    return histories


def _with_surroundings(run: Run, bare: History) -> History:
    span = {"from_ns": bare.from_ns, "until_ns": bare.until_ns, "limit": ROWS_MAX}
    client = bare.client
    pace: list[PaceRow] = []
    connections: list[ConnectionRow] = []
    if client is not None:
        pace = run.query_as(
            PaceRow, "story_pace", workload=client.workload, node=client.node, at_ns=client.scheduled_ns
        )
        if bare.transport == "ws":
            connections = run.query_as(ConnectionRow, "story_connections", workload=client.workload, **span)
    return msgspec.structs.replace(
        bare,
        breakers=tuple(run.query_as(BreakerRow, "story_breakers", **span)),
        faults=tuple(run.query_as(FaultRow, "story_faults", **span)),
        fault_actions=tuple(run.query_as(FaultActionRow, "story_fault_actions", **span)),
        nodes=tuple(run.query_as(NodeRow, "story_nodes", **span)),
        gateway_ends=tuple(run.query_as(GatewayEndRow, "story_gateway_ends", **span)),
        connections=tuple(connections),
        pace=pace[0] if pace else None,
    )


class _Batch(msgspec.Struct, frozen=True):
    """A request, and the ids of its calls: only its own, if it is no batch."""

    request_id: str
    call_ids: list[str]


class _Plan:
    """What `run.json` says of the workloads; nothing, if it cannot be understood."""

    def __init__(self, run: Run) -> None:
        header = Log(run).header
        self.world = header.world or "unknown"
        self._workloads = header.workloads

    def batch_of(self, asked: str) -> _Batch:
        """The request that an id belongs to: of a batch, each call has one of its own."""
        match = _ID.fullmatch(asked)
        if match is None:
            return _Batch(asked, [asked])
        index, number = int(match[1]), int(match[2])
        size = self._workloads[index].get("batch", 1) if index < len(self._workloads) else 1
        if not isinstance(size, int) or not 1 < size <= CALLS_MAX:
            return _Batch(asked, [asked])
        first = number // size * size
        return _Batch(f"w{index}-{first}", [f"w{index}-{call}" for call in range(first, first + size)])

    def transport(self, client: ClientRow | None) -> Any:
        """How a client's workload reaches the gateway."""
        kinds = {one.get("name"): one.get("type") for one in self._workloads}
        kind = None if client is None else kinds.get(client.workload)
        return "ws" if isinstance(kind, str) and kind.startswith("ws") else "http"


def _run_context(run: Run, plan: _Plan) -> RunContext:
    phases = {row.phase: row.at_ns for row in run.query("run_phases")}
    [coverage] = run.query_as(LogCoverage, "log_coverage")
    return RunContext(
        world=plan.world, ended="ended" in phases, load_began_ns=phases.get("load_began"), coverage=coverage
    )


def _unknown(run: Run, asked: str) -> str:
    rows = run.query("nearest_requests", request_id=asked, limit=NEAREST)
    near = [row.request_id for row in rows]
    hint = "--worst 5 and --errors 5 list some"
    if near:
        hint = f"the nearest ids are {', '.join(near)}; {hint}"
    return f"the log has no request {asked!r}: {hint}"
