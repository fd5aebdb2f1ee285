"""A checker, as a contributor adds one: this file in battle/analysis/verdict/checkers/."""

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural
from battle.scenario.slo.slo import SloSet

SLOW = "SELECT request_id FROM requests WHERE ended_ns - scheduled_ns > 15000000 ORDER BY scheduled_ns"


def requests_are_quick(log: Log, slos: SloSet) -> Finding:
    """FAIL when a request took more than 15 ms."""
    slow = tuple(row.request_id for row in log.ask(SLOW))
    return Finding(
        checker="requests_are_quick",
        verdict="FAIL" if slow else "PASS",
        summary=f"{plural(len(slow), 'request')} took more than 15 ms",
        query=SLOW,
        ids=slow[:EVIDENCE_IDS_MAX],
    )


REQUESTS_ARE_QUICK = PlacedChecker(place=125, checker=requests_are_quick, rests_on_bench=True)
