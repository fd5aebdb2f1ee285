"""Did clients that should read slowly ever have to wait? Then what they got was late, in part, by their own doing."""

from typing import Any

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet


def slow_readers(log: Log, slos: SloSet) -> Finding | None:
    """INCONCLUSIVE when a workload with a `read_rate` never had more to read than that: it tested nothing slow.

    Does not apply without such a workload.
    """
    rows = log.rows("slow_readers")
    if not rows:
        return None
    idle = [
        f"workload {row.workload} should read slowly, but never had to wait: no more than {_rate(row)} came on any "
        f"connection; lower its read_rate, or ask for larger answers"
        for row in rows
        if not row.waits
    ]
    return Finding(
        checker="slow_readers",
        verdict="INCONCLUSIVE" if idle else "PASS",
        summary=sentence(idle or [_text(row) for row in rows]),
        query="SELECT segment, at_ns, times, bound FROM bench_limits WHERE \"limit\" = 'read_rate' ORDER BY at_ns",
    )


SLOW_READERS = PlacedChecker(place=85, checker=slow_readers, rests_on_bench=False)


def slow_reader_texts(log: Log, workload: str | None) -> list[str]:
    """What a missed target of this workload, or of all, owes to clients that read slowly."""
    rows = log.rows("slow_readers")
    return [
        f"{_text(row)}, so its delays are partly its own" for row in rows if workload in (None, row.workload)
    ]


def _text(row: Any) -> str:
    return (
        f"workload {row.workload} reads at most {_rate(row)}, and waited {plural(row.waits, 'time')} for that"
    )


def _rate(row: Any) -> str:
    return f"{row.read_rate:,.0f} bytes per second"
