"""Events and small runs for the tests of the log."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from battle.store.events import (
    ActorChanged,
    AttemptServed,
    BreakerChanged,
    Event,
    FaultChanged,
    GatewayAttemptEnded,
    GeneratorSampled,
    RequestEnded,
    RunChanged,
    SystemSampled,
)
from battle.store.segment import SegmentWriter, open_segment, segment_path

S = 10**9
MS = 10**6


def request(number: int, **changes: Any) -> RequestEnded:
    """One request of many, all different; `changes` are fields."""
    fields: dict[str, Any] = {
        "request_id": f"load-{number}",
        "workload": "load",
        "method": "eth_blockNumber",
        "scheduled_ns": number * 10 * MS,
        "sent_ns": number * 10 * MS + 1000,
        "ended_ns": number * 10 * MS + 50 * MS,
        "outcome": "ok",
        "answer": "right",
        "http_status": 200,
    }
    return RequestEnded(**{**fields, **changes})


def fault(phase: Any, at_ns: int, **parameters: Any) -> FaultChanged:
    return FaultChanged(
        at_ns=at_ns, fault_id="kill-a", kind="kill", target="a", phase=phase, parameters=parameters
    )


def write_segment(
    run_dir: Path, node: str, blocks: Sequence[Sequence[Event]], incarnation: int = 1, *, closed: bool = True
) -> Path:
    """Write a segment of given blocks; without `closed` it ends as a killed node's does."""
    writer = SegmentWriter(open_segment(run_dir, node, incarnation))
    for block in blocks:
        for event in block:
            writer.append(event)
        writer.flush()
    if closed:
        writer.close()
    else:
        writer.discard()
    return segment_path(run_dir, node, incarnation)


def golden_run(run_dir: Path) -> None:
    """Ten seconds at 10 requests a second; provider `a` is killed from 3 s to 5 s, and the gateway copes."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "run.json").write_text('{"run_id": "golden", "world": "simulated", "seed": 7, "strange": [1]}')
    moments = [n * S // 10 for n in range(100)]
    down = [at_ns for at_ns in moments if 3 * S <= at_ns < 5 * S]
    write_segment(run_dir, "load", [_client_side(at_ns, n) for n, at_ns in enumerate(moments)])
    write_segment(run_dir, "gateway", [_gateway_side(at_ns, n, down) for n, at_ns in enumerate(moments)])
    served_by_a = [[_served(at_ns, n, "a")] for n, at_ns in enumerate(moments) if at_ns not in down]
    write_segment(run_dir, "a", served_by_a[:30], closed=False)
    write_segment(run_dir, "a", served_by_a[30:], incarnation=2)
    write_segment(
        run_dir, "b", [[_served(at_ns, n, "b")] for n, at_ns in enumerate(moments) if at_ns in down]
    )
    write_segment(run_dir, "run", [_coordinator_side()])


def _client_side(at_ns: int, n: int) -> list[Event]:
    ended = request(n, scheduled_ns=at_ns, sent_ns=at_ns + MS, ended_ns=at_ns + 60 * MS)
    if n % 10:
        return [ended]
    second = GeneratorSampled(
        at_ns=at_ns, workload="load", due=10, sent=10, ended=10, errors=0, dropped=0, in_flight=1, backlog=0,
        lateness_p50_ns=100, lateness_p99_ns=200, lateness_max_ns=300, latency_p95_ns=60 * MS,
    )  # fmt: skip
    return [ended, second, SystemSampled(at_ns=at_ns, node="load", tasks=5, open_fds=9, rss_bytes=10**7)]


def _gateway_side(at_ns: int, n: int, down: list[int]) -> list[Event]:
    made = GatewayAttemptEnded(
        attempt=1, provider="a", transport="http", method="eth_blockNumber", reason="primary", hedged=False,
        started_ns=at_ns + 2 * MS, ended_ns=at_ns + 50 * MS, outcome="ok", request_id=f"load-{n}",
    )  # fmt: skip
    if at_ns not in down:
        return [made]
    changes: dict[str, Any] = {"outcome": "error", "failure": "refused", "ended_ns": at_ns + 3 * MS}
    failed = _changed(made, **changes)
    retried = _changed(made, attempt=2, provider="b", reason="retry", started_ns=at_ns + 4 * MS)
    if at_ns != down[5]:
        return [failed, retried]
    opened = BreakerChanged(
        at_ns=at_ns, provider="a", transport="http", from_state="closed", to_state="open", reason="failures"
    )
    return [failed, opened, retried]


def _changed(made: GatewayAttemptEnded, **changes: Any) -> GatewayAttemptEnded:
    fields = {name: getattr(made, name) for name in made.__struct_fields__}
    return GatewayAttemptEnded(**{**fields, **changes})


def _served(at_ns: int, n: int, provider: str) -> AttemptServed:
    return AttemptServed(
        provider=provider, transport="http", method="eth_blockNumber", received_ns=at_ns + 3 * MS,
        replied_ns=at_ns + 49 * MS, outcome="ok", request_id=f"load-{n}", http_status=200,
    )  # fmt: skip


def _coordinator_side() -> list[Event]:
    return [
        RunChanged(at_ns=0, phase="started"),
        RunChanged(at_ns=0, phase="load_began"),
        fault("planned", 0, restart=True),
        fault("applied", 3 * S, restart=True),
        ActorChanged(
            at_ns=3 * S, actor="a", node="a", change="crashed", incarnation=1, reason="killed (fault kill-a)"
        ),
        fault("reverted", 5 * S, restart=True),
        RunChanged(at_ns=10 * S, phase="load_ended"),
        RunChanged(at_ns=10 * S, phase="ended"),
    ]
