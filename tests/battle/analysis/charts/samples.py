"""A chart of each kind, made by hand, and a run that has something for every one of them."""

from pathlib import Path
from typing import Any

from battle.analysis.charts.chart import (
    Chart,
    ChartSet,
    Kind,
    Row,
    Shade,
    TimeAxis,
)
from battle.analysis.charts.collect import EVERY_KIND, collect_charts
from battle.analysis.log import Log
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    notified,
    phases,
    published,
    request,
    subscribed,
    tried,
    write_run,
)

AXIS = TimeAxis("time (s)", "s", 0.0, 10.0)

ROWS: dict[Kind, tuple[Row, ...]] = {
    "fault_lanes": ({"lane": "a: kill", "t": 2.0, "end": 4.0, "faults": 1, "named": "kill-a.1"},),
    "latency_histogram": (
        {"from": 1.0, "to": 2.0, "requests": 10},
        {"from": 2.0, "to": 4.0, "requests": 90},
    ),
    "percentile_curve": (
        {"clock": "from scheduled time", "percentile": 50.0, "nines": 0.30103, "ms": 2.0},
        {"clock": "from scheduled time", "percentile": 99.0, "nines": 2.0, "ms": 4.0},
    ),
    "latency_over_time": (
        {"t": 0.0, "end": 5.0, "requests": 9, "p50": 10.0, "p95": 20.0, "p99": 80.0},
        {"t": 5.0, "end": 10.0, "requests": 0, "p50": None, "p95": None, "p99": None},
    ),
    "throughput_over_time": (
        {"t": 0.0, "end": 5.0, "due": 8.0, "answered": 8.0},
        {"t": 5.0, "end": 10.0, "due": 8.0, "answered": 0.0},
    ),
    "success_over_time": (
        {"t": 0.0, "end": 5.0, "percent": 100.0, "failed": 0, "requests": 9},
        {"t": 5.0, "end": 10.0, "percent": 50.0, "failed": 4, "requests": 8},
    ),
    "errors_over_time": ({"t": 5.0, "end": 10.0, "failure": "timeout", "requests": 4},),
    "providers_over_time": (
        {"t": 0.0, "end": 5.0, "provider": "a", "answers": 40, "rate": 8.0},
        {"t": 5.0, "end": 10.0, "provider": "b", "answers": 20, "rate": 4.0},
    ),
    "breaker_lanes": (
        {"lane": "a (http)", "state": "closed", "t": 0.0, "end": 10.0, "spans": 1},
        {"lane": "a (http)", "state": "open", "t": 2.0, "end": 4.0, "spans": 1},
        {"lane": "a (http)", "state": "half open", "t": 4.0, "end": 5.0, "spans": 1},
    ),
    "head_delay_over_time": ({"t": 1.0, "end": 2.0, "heads": 3, "p50": 5.0, "p99": 9.0, "max": 10.0},),
    "metric_trend": tuple(
        {
            "t": float(run),
            "end": run + 1.0,
            "value": None if run == 4 else 10.0 + run // 5,
            "low": 9.5 if run > 2 else None,
            "high": 12.0,
            "level": 10.0 + run // 5,
            "mark": "worse" if run == 5 else "machine" if run == 3 else "",
            "counted": run != 2,
            "series": "EPYC" if run < 3 else "Xeon",
            "piece": f"{run // 5}",
            "band": "1",
            "shown": "10 ms",
            "interval": "",
            "change": "",
            "started": "2026-12-01 10:00",
            "commit": "c0ffee",
            "verdict": "PASS",
            "run": f"run-{run}",
        }
        for run in range(1, 10)
    ),
}

UNTIMED = ("latency_histogram", "percentile_curve")


def chart(kind: Kind, *, rows: tuple[Any, ...] | None = None, virtual: bool = False) -> Chart:
    return Chart(
        kind=kind,
        title=f"Title of {kind}",
        about="About it.",
        unit="ms",
        query="request_kinds",
        parameters={},
        virtual=virtual,
        rows=ROWS[kind] if rows is None else rows,
        time=None if kind in UNTIMED else AXIS,
        shades=() if kind in UNTIMED else (Shade(2.0, 4.0, "kill-a.1"),),
    )


ALL_KINDS: tuple[Kind, ...] = (*EVERY_KIND, "metric_trend")
"""Those of a run, and that of many runs."""


def every_chart() -> list[Chart]:
    return [chart(kind) for kind in EVERY_KIND]


def eventful(name: str = "a") -> list[Event]:
    """Ten seconds, ten requests a second of 20 ms, of which those due in the fourth second fail; provider `name`
    answers before 3 s, b from then on; a breaker opens; a head a second comes 5 ms after its publication."""
    asked: list[Event] = [
        failed(n, n * 100 * MS, 20 * MS) if 30 <= n < 40 else request(n, n * 100 * MS, 20 * MS)
        for n in range(100)
    ]
    tries = [
        tried(n, name if n < 30 else "b", n * 100 * MS, n * 100 * MS + 15 * MS)
        for n in range(100)
        if not 30 <= n < 40
    ]
    return [
        *phases(),
        *asked,
        *tries,
        *fault("kill-1", 3 * S, 5 * S, target=name),
        breaker(3 * S, "closed", "open", provider=name),
        breaker(6 * S, "open", "half_open", provider=name),
        breaker(7 * S, "half_open", "closed", provider=name),
        *(published(n, n * S) for n in range(1, 9)),
        *subscribed(),
        *(notified(n, n * S + 5 * MS) for n in range(1, 9)),
    ]


def eventful_run(run_dir: Path, name: str = "a", **header: Any) -> Path:
    return write_run(run_dir, {"coordinator": eventful(name)}, **header)


def charts_of(run_dir: Path) -> ChartSet:
    with open_run(run_dir) as run:
        return collect_charts(Log(run))
