"""Scripted runs for the tests of queries, checkers and reports: a few lines say what happened, and where."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from battle.store.database import Run, open_run
from battle.store.events import (
    ActorChanged,
    AttemptServed,
    BreakerChanged,
    Event,
    FaultActed,
    FaultChanged,
    GapFilled,
    GatewayAttemptEnded,
    GeneratorSampled,
    HeadPublished,
    NotificationReceived,
    RequestEnded,
    RunChanged,
    SubscriptionChanged,
    SystemSampled,
)
from battle.store.seal import seal
from battle.store.segment import SegmentWriter, open_segment

MS = 10**6
S = 10**9


def against(kind: str = "command", *providers: str, **scenario: Any) -> dict[str, Any]:
    """What `run.json` says of a run against a gateway of this kind, with these providers: `a` and `b` unless told."""
    named = [{"type": "mock", "name": name} for name in providers or ("a", "b")]
    return {"scenario": {"name": "scripted", "gateway": {"type": kind}, "providers": named, **scenario}}


def request(number: int, at_ns: int = 0, took_ns: int = 50 * MS, **changes: Any) -> RequestEnded:
    """Request `r<number>`, due at `at_ns`, sent 1 ms later, and answered right after `took_ns`."""
    fields: dict[str, Any] = {
        "request_id": f"r{number}",
        "workload": "load",
        "method": "eth_blockNumber",
        "scheduled_ns": at_ns,
        "sent_ns": at_ns + MS,
        "ended_ns": at_ns + took_ns,
        "outcome": "ok",
        "answer": "right",
        "http_status": 200,
    }
    return RequestEnded(**{**fields, **changes})


def failed(number: int, at_ns: int = 0, took_ns: int = 50 * MS, **changes: Any) -> RequestEnded:
    """A request that ended in an error."""
    wrong = {"outcome": "error", "answer": "none", "failure": "http_status", "http_status": 503}
    return request(number, at_ns, took_ns, **{**wrong, **changes})


def tried(
    number: int, provider: str, start_ns: int, end_ns: int, outcome: Any = "ok", **changes: Any
) -> GatewayAttemptEnded:
    """The embedded gateway's attempt for request `r<number>`; `attempt` above 1 is a retry unless told."""
    fields: dict[str, Any] = {
        "attempt": 1,
        "provider": provider,
        "transport": "http",
        "method": "eth_blockNumber",
        "hedged": False,
        "started_ns": start_ns,
        "ended_ns": end_ns,
        "outcome": outcome,
        "request_id": f"r{number}",
        "failure": None if outcome == "ok" else "refused",
    }
    fields.update(changes)
    fields.setdefault("reason", "primary" if fields["attempt"] == 1 else "retry")
    return GatewayAttemptEnded(**fields)


def served(number: int, provider: str, at_ns: int, took_ns: int = 10 * MS, **changes: Any) -> AttemptServed:
    """A provider served request `r<number>`."""
    fields: dict[str, Any] = {
        "provider": provider,
        "transport": "http",
        "method": "eth_blockNumber",
        "received_ns": at_ns,
        "replied_ns": at_ns + took_ns,
        "outcome": "ok",
        "request_id": f"r{number}",
        "http_status": 200,
    }
    return AttemptServed(**{**fields, **changes})


def breaker(at_ns: int, from_state: Any, to_state: Any, provider: str = "a") -> BreakerChanged:
    return BreakerChanged(
        at_ns=at_ns,
        provider=provider,
        transport="http",
        from_state=from_state,
        to_state=to_state,
        reason="scripted",
    )


def fault(
    fault_id: str,
    start_ns: int | None,
    end_ns: int | None,
    *,
    kind: str = "kill",
    target: str = "a",
    planned_ns: int = 3 * S,
    aimed_at: str | None = None,
) -> list[Event]:
    """A planned fault; applied and reverted when there is a time for it. A killed node crashes 2 ms later."""
    common: dict[str, Any] = {"fault_id": fault_id, "kind": kind, "target": target, "parameters": {}}
    if aimed_at is not None:
        common["parameters"] = {"aimed_at": aimed_at}
    events: list[Event] = [FaultChanged(at_ns=0, phase="planned", planned_ns=planned_ns, **common)]
    if start_ns is not None:
        events.append(FaultChanged(at_ns=start_ns, phase="applied", **common))
        if kind in ("kill", "flap"):
            events.append(
                life(target, "crashed", start_ns + 2 * MS, reason=f"killed by SIGKILL (fault {fault_id})")
            )
    if end_ns is not None:
        events.append(FaultChanged(at_ns=end_ns, phase="reverted", **common))
    return events


def life(node: str, change: Any, at_ns: int = 0, *, actor: str | None = None, **changes: Any) -> ActorChanged:
    return ActorChanged(
        **{
            "at_ns": at_ns,
            "node": node,
            "actor": actor or node,
            "change": change,
            "incarnation": 1,
            **changes,
        }
    )


def phases(*names: Any, end_ns: int = 10 * S) -> list[Event]:
    """The run's phases: `started` and `load_began` at 0, the rest at the end."""
    names = names or ("started", "load_began", "load_ended", "ended")
    return [
        RunChanged(at_ns=0 if name in ("started", "load_began") else end_ns, phase=name) for name in names
    ]


def sample(at_ns: int, due: int, sent: int | None = None, workload: str = "load", **changes: Any) -> Event:
    """One second of the generator."""
    counts = {"errors": 0, "dropped": 0, "in_flight": 1, "backlog": 0}
    sent = due if sent is None else sent
    return GeneratorSampled(
        **{"at_ns": at_ns, "workload": workload, "due": due, "sent": sent, "ended": sent, **counts, **changes}
    )


def node_sample(at_ns: int, node: str, **changes: Any) -> Event:
    """One second of a node, with all that the live world measures."""
    fields = {
        "tasks": 5,
        "open_fds": 9,
        "rss_bytes": 50 * 10**6,
        "cpu_percent": 12.5,
        "loop_lag_ns": 300_000,
        "threads": 3,
    }
    return SystemSampled(**{"at_ns": at_ns, "node": node, **fields, **changes})


def healthy(requests: int = 100) -> dict[str, list[Event]]:
    """A run of ten seconds in which nothing happened but load: segment name to events."""
    every_ns = 10 * S // requests
    moments = [(number, number * every_ns) for number in range(requests)]
    return {
        "coordinator": [*phases(), *(life(node, "started") for node in ("gateway", "a", "b", "load-load.0"))],
        "load-load.0": [*(request(number, at_ns) for number, at_ns in moments), sample(10 * S, requests)],
        "gateway": [tried(number, "a", at_ns + 2 * MS, at_ns + 48 * MS) for number, at_ns in moments],
    }


def write_run(
    run_dir: Path, segments: Mapping[str, Iterable[Event]], *, sealed: bool = True, **header: Any
) -> Path:
    """A run directory with these segments; `a.2` is node a's second incarnation. Each is closed in order.

    The coordinator's log tells that each of them was started, where the script does not.
    """
    run_dir.mkdir(parents=True)
    described = {
        "format": 1,
        "run_id": "scripted",
        "scenario": {"name": "scripted"},
        "world": "live",
        "gateway": "embedded",
        "seed": 7,
        "min_requests": 0,  # a scripted history has as few as it takes to say what happened
        "started_at": "2026-01-02T03:04:05Z",
        **header,
    }
    (run_dir / "run.json").write_text(json.dumps(described))
    named = {_incarnation(name): list(events) for name, events in segments.items()}
    if (leading := named.get(("coordinator", 1))) is not None:
        told = {(e.node, e.incarnation) for e in leading if isinstance(e, ActorChanged) and e.actor == e.node}
        untold = [one for one in named if one not in told and one != ("coordinator", 1)]
        leading += [life(node, "started", incarnation=incarnation) for node, incarnation in untold]
    for (node, incarnation), events in named.items():
        _write_segment(run_dir, node, incarnation, events)
    if sealed:
        seal(run_dir)
    return run_dir


def _incarnation(name: str) -> tuple[str, int]:
    if name.count(".") <= _dots(name):
        return name, 1
    node, _, incarnation = name.rpartition(".")
    return node, int(incarnation)


def _dots(name: str) -> int:
    # The name of a workload's node has a dot of its own: load-<workload>.<shard>
    return 1 if name.startswith("load-") else 0


def _write_segment(run_dir: Path, node: str, incarnation: int, events: Iterable[Event]) -> None:
    writer = SegmentWriter(open_segment(run_dir, node, incarnation))
    for event in events:
        writer.append(event)
    writer.close()


def open_history(tmp_path: Path, *events: Event, **header: Any) -> Run:
    """An open run whose log holds these events, all in one segment. Not sealed: syncing files takes time."""
    return open_run(write_run(tmp_path / "run", {"coordinator": list(events)}, sealed=False, **header))


# WebSocket


def head_hash(number: int, branch: str = "") -> str:
    return f"0x{number}{branch}"


def published(
    number: int,
    at_ns: int,
    provider: str = "a",
    *,
    branch: str = "",
    parent: str | None = None,
    **changes: Any,
) -> HeadPublished:
    """Provider `provider` published head `number`, child of the one before it on the same branch unless told."""
    fields = {
        "at_ns": at_ns,
        "provider": provider,
        "number": number,
        "hash": head_hash(number, branch),
        "parent_hash": parent or head_hash(number - 1, branch),
        "subscriptions": 1,
    }
    return HeadPublished(**{**fields, **changes})


def notified(
    number: int,
    at_ns: int,
    connection: str = "1",
    *,
    branch: str = "",
    parent: str | None = None,
    workload: str = "heads",
    **changes: Any,
) -> NotificationReceived:
    """A client of workload `heads` got head `number`."""
    fields: dict[str, Any] = {
        "at_ns": at_ns,
        "workload": workload,
        "connection": connection,
        "subscription": "s",
        "kind": "newHeads",
        "key": head_hash(number, branch),
        "answer": "right",
        "number": number,
        "hash": head_hash(number, branch),
        "parent_hash": parent or head_hash(number - 1, branch),
    }
    return NotificationReceived(**{**fields, **changes})


def connection_changed(
    change: Any,
    at_ns: int,
    connection: str = "1",
    *,
    side: Any = "client",
    name: str = "heads",
    **changes: Any,
) -> SubscriptionChanged:
    """The life of a connection, or with `subscribed` of its one subscription to heads."""
    if change in ("subscribed", "unsubscribed"):
        changes = {"subscription": "s", "kind": "newHeads", **changes}
    return SubscriptionChanged(
        at_ns=at_ns, side=side, name=name, connection=connection, change=change, **changes
    )


def subscribed(
    from_ns: int = 0, to_ns: int | None = 10 * S, connection: str = "1", **changes: Any
) -> list[Event]:
    """A client connection with a subscription to heads, from its start to its end."""
    began = [
        connection_changed(change, from_ns, connection, **changes) for change in ("connected", "subscribed")
    ]
    ended = (
        [] if to_ns is None else [connection_changed("closed", to_ns, connection, close_code=1000, **changes)]
    )
    return [*began, *ended]


def acted(fault_id: str, action: str, at_ns: int, node: str = "a") -> FaultActed:
    return FaultActed(at_ns=at_ns, fault_id=fault_id, node=node, action=action)


def gap(began_ns: int, first: int | None, last: int | None, **changes: Any) -> GapFilled:
    """The gateway filled the gap from head `first` to `last` after it left provider a for b."""
    fields: dict[str, Any] = {
        "began_ns": began_ns,
        "ended_ns": began_ns + 20 * MS,
        "kind": "newHeads",
        "reason": "failover",
        "outcome": "filled",
        "filled": 0 if first is None or last is None else last - first + 1,
        "to_provider": "b",
        "from_provider": "a",
        "first_number": first,
        "last_number": last,
    }
    return GapFilled(**{**fields, **changes})
