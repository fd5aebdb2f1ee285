"""Rows of histories that nobody ran."""

from typing import Any

from battle.history.row import HistoryMetric, HistoryRow


def metric(name: str, value: float | None, **changes: Any) -> HistoryMetric:
    """A metric of the whole run."""
    return HistoryMetric(name=name, value=value, **changes)


def history_row(number: int = 1, *metrics: HistoryMetric, **changes: Any) -> HistoryRow:
    """A run of an hour of December 2026, of a commit of its own."""
    day, hour = divmod(number, 24)
    fields: dict[str, Any] = {
        "run_id": f"run-{number}",
        "scenario": "HTTP failover",
        "world": "live",
        "gateway": "embedded (priority)",
        "seed": number,
        "started_at": f"2026-12-{1 + day:02}T{hour:02}:00:00.000+00:00",
        "verdict": "PASS",
        "requests": 100,
        "commit": f"{number:04}" + "c" * 36,
        "dirty": False,
        "branch": "main",
        "machine": "m1",
        "host": {"cpu": "EPYC", "cpus": 4},
        "versions": {"battle": "0.1.0"},
        "scenario_digest": "s1",
        "gateway_digest": "g1",
        "metrics": metrics or (metric("p95_latency_ms", 10.0 + number, low=9.0, high=12.5),),
    }
    return HistoryRow(**{**fields, **changes})
