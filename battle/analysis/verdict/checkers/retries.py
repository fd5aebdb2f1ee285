"""What did retries make of the load? Answering failures with ever more attempts makes an outage worse."""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns, second_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural
from battle.scenario.slo.slo import SloSet

STORM_ATTEMPTS_PER_REQUEST = 5.0
"""More attempts than this for each request, most of them failed, are a retry storm. Generous: gateways try two or
three times, and one try at each of five providers is no storm yet."""

SEEN_BY_PROVIDERS = "as the providers saw them (a refused connection is not visible to them)"
"""Of attempts through a gateway that does not report them."""


def retry_amplification(log: Log, slos: SloSet) -> Finding | None:
    """FAIL on a retry storm: a second with more than `STORM_ATTEMPTS_PER_REQUEST`, most of which failed.

    A whole run with more than that fails as well, however long it took for it. With an SLO
    `max_attempts_per_request` that decides, and its limit is what counts as a storm. Does not apply when nobody
    logged attempts for requests.
    """
    limit = slos.run.max_attempts_per_request
    row = amplification(log, limit)
    if row.attempts_per_request is None or not row.attempts:
        return None
    storm = row.storm_seconds > 0 or row.attempts_per_request > (limit or STORM_ATTEMPTS_PER_REQUEST)
    decided = " (the SLO max_attempts_per_request decides)" if limit is not None and storm else ""
    return Finding(
        checker="retry_amplification",
        verdict="FAIL" if storm and limit is None else "PASS",
        summary=_summary(row, load_began_ns(log)) + decided,
        query="SELECT * FROM attempts_by_second WHERE requests > 0 ORDER BY attempts / requests DESC",
        ids=tuple(f"second {one['second']} of the run" for one in row.storm),
    )


RETRY_AMPLIFICATION = PlacedChecker(place=190, checker=retry_amplification, rests_on_bench=True)


def amplification(log: Log, limit: float | None) -> Any:
    """The one row of the query `retry_amplification`."""
    bound = STORM_ATTEMPTS_PER_REQUEST if limit is None else limit
    return log.rows("retry_amplification", bound=bound, limit=EVIDENCE_IDS_MAX)[0]


def storm_text(log: Log, limit: float | None, began_ns: int | None) -> str:
    """When there were how many attempts in the first second beyond the limit; empty when there was no such second."""
    row = amplification(log, limit)
    return _storm(row, began_ns) if row.storm_seconds else ""


def _summary(row: Any, began_ns: int | None) -> str:
    overall = f"{row.attempts_per_request:.2f} attempts for each of {plural(row.requests, 'request')}"
    seen = f", {SEEN_BY_PROVIDERS}" if row.source == "providers" else ""
    worst = row.worst_attempts_per_request
    peak = "" if worst is None else f", {worst:.2f} in the worst second"
    if not row.storm_seconds:
        return f"{overall}{peak}{seen}"
    return f"{_storm(row, began_ns)}; in all {overall}{seen}"


def _storm(row: Any, began_ns: int | None) -> str:
    first = row.storm[0]
    when = at_text(second_ns(first["second"], began_ns), began_ns)
    return (
        f"a retry storm of {plural(row.storm_seconds, 'second')}: {when} there were "
        f"{first['attempts']:,} attempts for {plural(first['requests'], 'request')}, "
        f"{first['failed']:,} of them failed"
    )
