"""The run behind the golden reports: ten seconds, a fault that is survived, and one that is not noticed."""

from collections.abc import Mapping
from pathlib import Path

from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    life,
    node_sample,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)

SLO = {
    "success_rate": 0.95,
    "p95_latency_ms": 300,
    "max_failover_latency_ms": 2000,
    "min_breaker_changes": 2,
    "max_memory_mb": 256,
}

DOWN_FROM_NS, DOWN_TO_NS = 3 * S, 5 * S


def golden_run(
    run_dir: Path, *, world: str = "live", idle_fault: bool = False, slo: Mapping[str, float] | None = SLO
) -> Path:
    """100 requests in 10 s. Provider a is down for two seconds: three requests fail over, one fails."""
    moments = [(number, number * 100 * MS) for number in range(100)]
    coordinator = [
        *phases(),
        *(life(node, "started") for node in ("gateway", "a", "b", "load-load.0")),
        *fault("flap-a.1", DOWN_FROM_NS, DOWN_TO_NS, kind="flap"),
        *(fault("slow-b", 7 * S, 8 * S, kind="degrade", target="b", planned_ns=7 * S) if idle_fault else []),
        *(sampled(node, world) for node in ("coordinator", "a", "b", "gateway", "load-load.0")),
    ]
    segments: dict[str, list[Event]] = {
        "coordinator": coordinator,
        "load-load.0": [*(_asked(number, at_ns) for number, at_ns in moments), sample(10 * S, 100)],
        "gateway": [*(event for number, at_ns in moments for event in _routed(number, at_ns)), *_breaker()],
        "a.1": [served(number, "a", at_ns + 3 * MS) for number, at_ns in moments if at_ns < DOWN_FROM_NS],
        "a.2": [served(number, "a", at_ns + 3 * MS) for number, at_ns in moments if at_ns >= 6 * S],
        "b": [served(number, "b", at_ns + 9 * MS) for number, at_ns in moments if 30 <= number < 60],
    }
    return write_run(
        run_dir,
        segments,
        run_id="golden",
        scenario={"name": "http_failover"},
        world=world,
        slo=slo,
        host={"cpus": 2, "system": "Linux"},
        versions={"battle": "0.1.0", "python": "3.11.4"},
    )


def sampled(node: str, world: str) -> Event:
    if world == "live":
        return node_sample(5 * S, node)
    return node_sample(5 * S, node, rss_bytes=None, cpu_percent=None)


def _asked(number: int, at_ns: int) -> Event:
    if number == 31:
        return failed(number, at_ns, 1200 * MS, outcome="unknown", failure="timeout", http_status=None)
    stale = {"answer": "stale", "blocks_behind": 1} if number == 50 else {}
    return request(number, at_ns, 40 * MS + number % 7 * MS, **stale)


def _routed(number: int, at_ns: int) -> list[Event]:
    if 30 <= number < 33:
        gave_up_ns = at_ns + (number - 29) * 5 * MS
        first = tried(number, "a", at_ns + 2 * MS, gave_up_ns, "error")
        outcome = "unknown" if number == 31 else "ok"
        return [first, tried(number, "b", gave_up_ns + MS, at_ns + 39 * MS, outcome, attempt=2)]
    return [tried(number, "b" if 33 <= number < 60 else "a", at_ns + 2 * MS, at_ns + 39 * MS)]


def _breaker() -> list[Event]:
    return [
        breaker(DOWN_FROM_NS + 215 * MS, "closed", "open"),
        breaker(DOWN_TO_NS + 200 * MS, "open", "half_open"),
        breaker(DOWN_TO_NS + 900 * MS, "half_open", "closed"),
    ]
