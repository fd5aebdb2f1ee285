"""The history: adding a run, reading and listing 10,000 rows, compacting, and naming the commit at a run's start.

    .venv/bin/python tools/bench/history.py [ROWS]

The rows are of ten scenarios and a year, with all metrics. Each line is the median of three on the clock.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from battle.history.row import HistoryMetric, HistoryRow
from battle.history.store import add, compact, merge, read
from battle.run.revision import current_revision
from battle.scenario.slo.metrics import METRICS

ROWS = 10_000
SCENARIOS = 10
LOOSE = 90
"""Files of one run each: as many as a folder has before adding compacts it."""


def main(rows: int) -> None:
    """Measure and print."""
    with TemporaryDirectory() as scratch:
        made, kept = Path(scratch, "made"), Path(scratch, "kept")
        for number in range(LOOSE):
            add(made, _row(number, "one folder"))
        _say("add one run", lambda: add(made, _row(LOOSE, "another folder")))
        _say(f"read {LOOSE + 1:,} files of one run each", lambda: read(made))
        _say(f"compact {LOOSE:,} files", lambda: compact(made), times=1)
        _fill(kept, rows)
        _say(f"read {rows:,} rows with all metrics", lambda: read(kept))
        _say(
            f"read {rows:,} rows with two metrics",
            lambda: read(kept, metrics=["p95_latency_ms", "success_rate"]),
        )
        _say("read the rows of one scenario", lambda: read(kept, scenario="scenario 3"))
        command = [sys.executable, "-m", "battle", "history", "list", "--history", str(kept)]
        _say(f"the command `battle history list`, {rows:,} rows", lambda: _run(command))
        _say("name the commit at the start of a run (git)", current_revision)


def _row(number: int, scenario: str) -> HistoryRow:
    metrics = tuple(HistoryMetric(name=name, value=number + 0.5, low=0.1, high=9.9) for name in METRICS)
    return HistoryRow(
        run_id=f"2026-{number}",
        scenario=scenario,
        world="live",
        gateway="embedded (priority)",
        seed=number,
        started_at=f"2026-{1 + number % 12:02}-{1 + number % 28:02}T00:{number % 60:02}:00.000+00:00",
        verdict="PASS",
        commit="c" * 40,
        machine="m" * 16,
        host={"cpu": "AMD EPYC", "cpus": 4, "memory_bytes": 16 * 2**30, "system": "Linux 6.8"},
        versions={"battle": "0.1.0", "python": "3.11.7"},
        scenario_digest="s" * 16,
        metrics=metrics,
    )


def _fill(directory: Path, rows: int) -> None:
    """By merging: as many files as compaction leaves."""
    from battle.history import store

    made = [_row(number, f"scenario {number % SCENARIOS}") for number in range(rows)]
    for part in store._by_folder(made):
        store._write_rows(directory, part, "all-of-the-month")
    assert merge(directory, [directory]).added == 0


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _say(what: str, act: Callable[[], object], times: int = 3) -> None:
    took = []
    for _ in range(times):
        began = perf_counter()
        act()
        took.append(perf_counter() - began)
    print(f"{what}: {median(took) * 1000:,.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
