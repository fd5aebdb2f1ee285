"""Was the author's own generator too slow for the load? Then the load was late by the scenario's own doing."""

from typing import Any, NamedTuple

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.busy_machine import LAG_MAX_NS, SAMPLE_NS
from battle.formatting import duration_text, plural
from battle.scenario.slo.windows import Window

TOO_MUCH_OF_A_SECOND_NS = 900_000_000
"""A load generator that spends this much of a second in the author's function has no time left to be on time."""


class SlowGenerator(NamedTuple):
    """One workload's generator, in words, and the windows in which it held the load up, at most for `late_ns`."""

    workload: str
    cause: str
    windows: tuple[Window, ...]
    late_ns: int


def slow_generators(log: Log) -> list[SlowGenerator]:
    """Those with a call longer than a bench may be late, or whose calls left no time for anything else."""
    rows = log.rows("slow_generators", lag_ns=LAG_MAX_NS, total_ns=TOO_MUCH_OF_A_SECOND_NS)
    return [
        SlowGenerator(workload, *_load_of([row for row in rows if row.workload == workload]))
        for workload in dict.fromkeys(row.workload for row in rows)
    ]


def _load_of(rows: list[Any]) -> tuple[str, tuple[Window, ...], int]:
    calls, total_ns = sum(row.times for row in rows), sum(row.total_ns for row in rows)
    longest_ns = max(row.duration_ns for row in rows)
    cause = (
        f"the scenario's generator {rows[0].detail} is slow: {plural(calls, 'call')} took "
        f"{duration_text(total_ns)}, the longest {duration_text(longest_ns)}; make it faster, or let it prepare "
        f"what it returns when it is loaded"
    )
    windows = tuple((max(row.at_ns - SAMPLE_NS - row.total_ns, 0), row.at_ns) for row in rows)
    return cause, windows, max(row.total_ns for row in rows)
