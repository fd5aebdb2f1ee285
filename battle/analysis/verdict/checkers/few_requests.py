"""Was enough sent to say anything? One request that went well proves nothing about a gateway."""

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.continuity import head_rows
from battle.formatting import plural
from battle.scenario.slo.slo import SloSet


def enough_requests(log: Log, slos: SloSet) -> Finding | None:
    """INCONCLUSIVE when fewer requests than `min_requests` were sent; heads that were due to clients count as well.

    Does not apply when nothing was sent: that is another finding.
    """
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    heads = sum(row.due for row in head_rows(log))
    notified = sum(row.notifications for row in log.rows("workload_answers"))
    events = sent + max(heads, notified)
    if not events:
        return None
    count, noun = (sent, "request") if sent or not heads else (heads, "head")
    enough = events >= slos.min_requests
    return Finding(
        checker="enough_requests",
        verdict="PASS" if enough else "INCONCLUSIVE",
        summary=plural(count, noun) if enough else too_few_text(count, noun, slos.min_requests),
        query="SELECT workload, count(*) AS requests FROM requests GROUP BY workload",
    )


ENOUGH_REQUESTS = PlacedChecker(place=60, checker=enough_requests, rests_on_bench=False)


def too_few_text(count: int, noun: str, minimum: int) -> str:
    """What is said wherever there was too little to prove anything."""
    return f"only {plural(count, noun)}, where {minimum:,} are needed (min_requests)"
