"""Runs, comparisons and suites as notifications see them."""

from typing import Any

from battle.analysis.reports.comparison import Change, ComparedSide, Comparison
from battle.notifications.event import Figure, JudgedRun, Subject, title_of_run

REASONS = (
    "success_rate was missed: 97 % (target ≥ 99 %): provider a was down",
    "p95_latency_ms was missed: 340 ms (target ≤ 300 ms)",
)


def change(metric: str = "failover_p95_ns", **more: Any) -> Change:
    fields: dict[str, Any] = {
        "workload": None,
        "name": "p95 cost of failovers",
        "unit": "ns",
        "before": 1.9e9,
        "after": 4.2e9,
        "change": 4.2 / 1.9 - 1,
        "low": 1.6 / 1.9,
        "high": 3.0 / 1.9,
        "visible": 0.1,
        "verdict": "worse",
        "decides": True,
        "method": "bootstrap",
    }
    return Change(metric=metric, **(fields | more))


def comparison(*changes: Change, status: Any = "worse") -> Comparison:
    sides = [
        ComparedSide(
            name=name, run_id=name, scenario="Failover", world="simulated", gateway="embedded", seed=7, runs=1
        )
        for name in ("main", "now")
    ]
    return Comparison(
        schema_version=1,
        status=status,
        headline="Worse than main: p95 cost of failovers rose by 121 %.",
        before=sides[0],
        after=sides[1],
        threshold=0.1,
        level=0.95,
        differences=(),
        cautions=(),
        changes=changes,
    )


def run(verdict: Any = "FAIL", **more: Any) -> JudgedRun:
    fields: dict[str, Any] = {
        "run_id": "20261201-failover",
        "name": "failover.py:night",
        "command": "battle run failover.py:night --world simulated --seed 7",
        "scenario": "Failover",
        "world": "simulated",
        "gateway": "embedded (fastest)",
        "seed": 7,
        "started_at": "2026-12-01T02:00:00.000+00:00",
        "status": verdict,
        "headline": "Do not ship, because …" if verdict == "FAIL" else "OK to ship.",
        "reasons": REASONS if verdict != "PASS" else (),
        "missed": (Figure(name="success_rate", measured="97 %", target="≥ 99 %"),)
        if verdict == "FAIL"
        else (),
    }
    return JudgedRun(verdict=verdict, **(fields | more))


def subject(of: JudgedRun | None = None, **more: Any) -> Subject:
    """A run alone."""
    one = of or run()
    fields: dict[str, Any] = {
        "kind": "run",
        "id": one.run_id,
        "title": title_of_run(one),
        "verdict": one.verdict,
        "verdict_text": one.status,
        "headline": one.headline,
        "started_at": one.started_at,
        "runs": (one,),
    }
    return Subject(**(fields | more))


def suite(*runs: JudgedRun, verdict: Any = "FAIL", **more: Any) -> Subject:
    fields: dict[str, Any] = {
        "kind": "suite",
        "id": "20261201-fast",
        "title": "suite fast, simulated world",
        "verdict": verdict,
        "verdict_text": verdict,
        "headline": "1 failed, 1 passed, in 3 s",
        "started_at": "2026-12-01T02:00:00+00:00",
        "runs": runs,
    }
    return Subject(**(fields | more))
