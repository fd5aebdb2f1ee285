"""How requests fare: their success, and their latency from the moment at which each was due.

All are columns of the query `request_measures`.
"""

from battle.scenario.slo.metric import Metric

SUCCESS_RATE = Metric(
    place=10,
    name="success_rate",
    unit="ratio",
    at_least=True,
    log_name="success_ratio",
    parts=("window", "workload", "method"),
    needs="requests",
    samples="requests",
)


def _percentile(place: int, name: str, log_name: str) -> Metric:
    return Metric(
        place=place,
        name=name,
        unit="ms",
        log_name=log_name,
        scale=1e-6,
        parts=("window", "workload", "method"),
        needs="requests",
        samples="requests",
    )


P50_LATENCY_MS = _percentile(20, "p50_latency_ms", "p50_latency_ns")
P90_LATENCY_MS = _percentile(25, "p90_latency_ms", "p90_latency_ns")
P95_LATENCY_MS = _percentile(30, "p95_latency_ms", "p95_latency_ns")
P99_LATENCY_MS = _percentile(40, "p99_latency_ms", "p99_latency_ns")
P999_LATENCY_MS = _percentile(45, "p999_latency_ms", "p999_latency_ns")
