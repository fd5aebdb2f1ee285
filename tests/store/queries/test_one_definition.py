"""Whoever says what the latencies of the same requests were says the same."""

from pathlib import Path
from typing import Any

import pytest

from battle.store.database import Run
from tests.battle.histories import MS, S, failed, open_history, request

EVERY: dict[str, Any] = {
    "workload": None, "method": None, "late_ns": None, "cut": False, "spared_starts_ns": (), "spared_ends_ns": (),
    "beyond_workloads": (), "beyond_starts_ns": (), "beyond_ends_ns": (),
}  # fmt: skip

P50, P95, P99 = "p50_latency_ns", "p95_latency_ns", "p99_latency_ns"


def said(run: Run) -> dict[str, list[int | None]]:
    """p50, p95 and p99 in nanoseconds, by who says so."""
    (scoped,) = run.query("request_measures", starts_ns=(0,), ends_ns=(S,), **EVERY)
    several = run.query("request_measures", starts_ns=(0, S // 2), ends_ns=(S // 2, S), **EVERY)[0]
    (cell,) = run.query("requests_over_time", from_ns=0, to_ns=S, cell_ns=S)
    slo = dict(run.execute(f"SELECT metric, value FROM slo WHERE metric IN ('{P50}', '{P95}', '{P99}')").rows)
    (second,) = run.execute(f"SELECT {P50}, {P95}, {P99} FROM latency_by_second").rows
    milliseconds = [cell.p50_ms, cell.p95_ms, cell.p99_ms]
    return {
        "request_measures": [scoped.p50_latency_ns, scoped.p95_latency_ns, scoped.p99_latency_ns],
        "request_measures of several": [
            several.p50_latency_ns,
            several.p95_latency_ns,
            several.p99_latency_ns,
        ],
        "requests_over_time": [None if ms is None else round(ms * MS) for ms in milliseconds],
        "slo": [slo[P50], slo[P95], slo[P99]],
        "latency_by_second": list(second),
    }


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        (0, [50 * MS, 95 * MS, 99 * MS]),
        (3, [50 * MS, 95 * MS, None]),
        (6, [50 * MS, None, None]),
        (51, [None, None, None]),
    ],
)
def test_percentiles_are_of_all_requests(tmp_path: Path, failures: int, expected: list[int | None]) -> None:
    events = [
        failed(n, n * 9 * MS, 1) if n >= 100 - failures else request(n, n * 9 * MS, (n + 1) * MS)
        for n in range(100)
    ]
    with open_history(tmp_path, *events) as run:
        found = said(run)
    assert found == dict.fromkeys(found, expected)


@pytest.mark.parametrize(
    ("failures", "p90", "p999"), [(0, 900 * MS, 999 * MS), (2, 900 * MS, None), (101, None, None)]
)
def test_the_other_percentiles_that_are_slos_are_of_all_requests_too(
    tmp_path: Path, failures: int, p90: int | None, p999: int | None
) -> None:
    events = [failed(n, 0, 1) if n >= 1000 - failures else request(n, 0, (n + 1) * MS) for n in range(1000)]
    with open_history(tmp_path, *events) as run:
        (scoped,) = run.query("request_measures", starts_ns=(0,), ends_ns=(S,), **EVERY)
        slo = dict(run.execute("SELECT metric, value FROM slo").rows)
    assert [scoped.p90_latency_ns, scoped.p999_latency_ns] == [p90, p999]
    assert [slo["p90_latency_ns"], slo["p999_latency_ns"]] == [p90, p999]
