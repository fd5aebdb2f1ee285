"""The history of a request from scripted events, without a log in between."""

from collections import Counter
from typing import Any

import msgspec

from battle.analysis.explain.history import (
    BreakerRow,
    ClientRow,
    ConnectionRow,
    FaultActionRow,
    FaultRow,
    GatewayRow,
    History,
    LogCoverage,
    NodeRow,
    RejectionRow,
    RunContext,
    ServedRow,
)
from battle.store.events import (
    ActorChanged,
    AttemptServed,
    BreakerChanged,
    BreakerRejected,
    Event,
    FaultActed,
    FaultChanged,
    GatewayAttemptEnded,
    RequestEnded,
    SubscriptionChanged,
)


def history(*events: Event, request_id: str = "r1", **changes: Any) -> History:
    """What `read_histories` would make of a log of these events, all of them near the request."""
    by_type: dict[type, list[Any]] = {}
    for event in events:
        by_type.setdefault(type(event), []).append(event)
    clients = by_type.get(RequestEnded, [])
    coverage = LogCoverage(
        clients=bool(clients),
        gateway=GatewayAttemptEnded in by_type,
        breakers=GatewayAttemptEnded in by_type or BreakerChanged in by_type,
        providers=AttemptServed in by_type,
    )
    own = [one for one in clients if one.request_id == request_id]
    return History(
        **{
            "request_id": request_id,
            "run": RunContext(world="live", ended=True, coverage=coverage),
            "client": _rows(ClientRow, own, node="load-load.0")[0] if own else None,
            "gateway": _of(request_id, _rows(GatewayRow, by_type.get(GatewayAttemptEnded, []))),
            "served": _of(request_id, _rows(ServedRow, by_type.get(AttemptServed, []))),
            "rejections": _of(request_id, _rows(RejectionRow, by_type.get(BreakerRejected, []))),
            "breakers": _rows(BreakerRow, by_type.get(BreakerChanged, [])),
            "faults": tuple(_faults(by_type.get(FaultChanged, []))),
            "fault_actions": tuple(_actions(by_type.get(FaultActed, []))),
            "nodes": _rows(NodeRow, by_type.get(ActorChanged, [])),
            "connections": tuple(_connections(by_type.get(SubscriptionChanged, []))),
            **changes,
        }
    )


def _rows(row_type: Any, events: list[Any], **more: Any) -> tuple[Any, ...]:
    names = [field.name for field in msgspec.structs.fields(row_type)]
    return tuple(
        row_type(**{name: getattr(event, name) for name in names if name not in more}, **more)
        for event in sorted(events, key=_moment)
    )


def _moment(event: Any) -> int:
    names = ("at_ns", "started_ns", "received_ns", "scheduled_ns")
    return next(getattr(event, name) for name in names if hasattr(event, name))


def _of(request_id: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row for row in rows if row.request_id == request_id)


def _faults(events: list[FaultChanged]) -> list[FaultRow]:
    moments = {(event.fault_id, event.phase): event.at_ns for event in events}
    planned = {event.fault_id: event for event in events}
    return [
        FaultRow(
            fault_id=fault_id,
            kind=event.kind,
            target=event.target,
            parameters=msgspec.json.encode(event.parameters).decode(),
            applied_ns=moments[fault_id, "applied"],
            reverted_ns=moments.get((fault_id, "reverted")),
        )
        for fault_id, event in planned.items()
        if (fault_id, "applied") in moments
    ]


def _actions(events: list[FaultActed]) -> list[FaultActionRow]:
    counts = Counter((event.fault_id, event.node, event.action) for event in events)
    return [
        FaultActionRow(
            fault_id=fault_id,
            node=node,
            action=action,
            times=times,
            at_ns=min(e.at_ns for e in events if (e.fault_id, e.node, e.action) == (fault_id, node, action)),
        )
        for (fault_id, node, action), times in counts.items()
    ]


def _connections(events: list[SubscriptionChanged]) -> list[ConnectionRow]:
    counts = Counter((event.at_ns, event.change, event.close_code) for event in events)
    return [
        ConnectionRow(at_ns=at_ns, change=change, close_code=code, connections=times)
        for (at_ns, change, code), times in counts.items()
        if change in ("closed", "refused")
    ]
