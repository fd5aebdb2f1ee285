"""Snapshots made by hand: what they measured is known, because it was drawn here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from battle.analysis.baselines.snapshot import (
    SCHEMA_VERSION,
    Identity,
    OneRun,
    Sample,
    Snapshot,
)
from battle.analysis.statistics.summary import LatencySummary

MS = 10**6
S = 10**9
LOAD_NS = 60 * S


def drawn(
    seed: int, *, median_ms: float = 50, sigma: float = 0.4, failing: float = 0.0, requests: int = 6000
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """When requests were due, and how long they took: lognormal; a share of them was never answered."""
    rng = np.random.default_rng(seed)
    due_ns = np.sort(rng.integers(0, LOAD_NS, requests))
    took_ns = median_ms * MS * np.exp(sigma * rng.standard_normal(requests))
    return due_ns, np.where(rng.random(requests) < failing, np.inf, took_ns)


def one_run(number: int, seed: int, latencies_ns: np.ndarray[Any, Any], **values: float | None) -> OneRun:
    """A run's values: its percentiles and success rate, and what else is said."""
    measured: dict[str, float | None] = {
        f"load/p{int(q * 100)}_latency_ns": float(rank)
        for q in (0.5, 0.95, 0.99)
        if np.isfinite(rank := np.quantile(latencies_ns, q, method="higher"))
    }
    measured["load/success_ratio"] = float(np.isfinite(latencies_ns).mean())
    counts = dict.fromkeys(("wrong_answers", "stale_answers", "failovers", "breaker_changes"), 0.0)
    return OneRun(run_id=f"run-{number}-{seed}", seed=seed, values={**measured, **counts, **values})


def snapshot(
    seed: int = 1,
    *,
    world: str = "live",
    runs: int = 1,
    number: int = 0,
    changes: dict[str, Any] | None = None,
    values: Mapping[str, float | None] | None = None,
    **shape: Any,
) -> Snapshot:
    """A snapshot of one workload, `load`. `shape` is of its latencies, `values` is measured besides."""
    due_ns, took_ns = drawn(seed, **shape)
    others = [drawn(1000 * seed + extra, **shape)[1] for extra in range(1, runs)]
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": f"run-{number}-{seed}",
        "identity": Identity(scenario="Made up", world=world, gateway="embedded (priority)"),
        "verdict": "PASS",
        "partial": False,
        "reasons": (),
        "distrusted": (),
        "load_ns": LOAD_NS,
        "host": {"cpu": "Any", "cpus": 2},
        "versions": {"battle": "0.1.0"},
        "parts": {"providers": "aa", "workloads": "bb"},
        "gateway_digest": "cc",
        "runs": tuple(
            one_run(number, seed + extra, latencies, **(values or {}))
            for extra, latencies in enumerate([took_ns, *others])
        ),
        "samples": (
            Sample(workload="load", latencies=LatencySummary.from_samples(due_ns, took_ns, workload="load")),
        ),
        "failover_costs": None,
    }
    return Snapshot(**{**fields, **(changes or {})})
