"""Did clients that should read slowly ever have to wait? Then what they got was late, in part, by their own doing."""

from typing import Any

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.planned_workloads import SUBSCRIBES
from battle.analysis.verdict.parts import Part, StepsBeyondKnee
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet
from battle.scenario.slo.windows import END_NS


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
        summary=sentence(idle or [*map(slow_reader_text, rows)]),
        query="SELECT segment, at_ns, times, bound FROM bench_limits WHERE \"limit\" = 'read_rate' ORDER BY at_ns",
    )


SLOW_READERS = PlacedChecker(place=85, checker=slow_readers, rests_on_bench=False)


def slow_readers_in(log: Log, workload: str | None, *, of_heads: bool = False) -> list[Any]:
    """The workloads that read answers slowly, or heads, where all are asked about. Who asks about one of them alone
    wants it as it is."""
    rows = log.rows("slow_readers") if workload is None else []
    return [row for row in rows if (row.type == SUBSCRIBES) is of_heads]


def without_slow_readers(log: Log, part: Part) -> Part:
    """The part without the requests of workloads that read slowly, where it is of all workloads."""
    names = tuple(row.workload for row in slow_readers_in(log, part.scope.workload))
    beyond = StepsBeyondKnee(
        part.beyond.workloads + names,
        part.beyond.starts_ns + (0,) * len(names),
        part.beyond.ends_ns + (END_NS,) * len(names),
    )
    return part._replace(beyond=beyond)


def slow_reader_text(row: Any) -> str:
    """What is said of a row of the query `slow_readers`."""
    return (
        f"workload {row.workload} reads at most {_rate(row)}, and waited {plural(row.waits, 'time')} for that"
    )


def own_delays(log: Log, workload: str | None) -> list[str]:
    """What a missed target of this workload owes to its reading slowly."""
    rows = [row for row in log.rows("slow_readers") if row.workload == workload]
    return [f"{slow_reader_text(row)}, so its delays are partly its own" for row in rows]


def _rate(row: Any) -> str:
    return f"{row.read_rate:,.0f} bytes per second"
