"""Was enough tested to say anything? One request that went well proves nothing about a gateway."""

from collections.abc import Sequence

import msgspec

from battle.judgement.continuity import head_rows
from battle.judgement.findings import Finding, Log
from battle.judgement.slo import MIN_REQUESTS, OF_REQUESTS, Demands, SloResult
from battle.judgement.words import plural

FEW_REQUESTS = 100
"""A run with fewer says so in its first line: each request is more than 1 % of it."""

_ON_ANSWERS = ("max_wrong_answers", "max_stale_answers")


def stated_minimum(log: Log) -> int:
    """How many requests the run's scenario asks for, as `run.json` says; `MIN_REQUESTS` when it does not."""
    rows = log.rows("run_header")
    header = msgspec.json.decode(rows[0].document) if rows else {}
    stated = header.get("min_requests") if isinstance(header, dict) else None
    return stated if isinstance(stated, int) and stated >= 0 else MIN_REQUESTS


def enough_requests(log: Log, demands: Demands) -> Finding | None:
    """INCONCLUSIVE when fewer requests than `min_requests` were sent; heads that were due to clients count as well.

    Does not apply when nothing was sent: that is another finding.
    """
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    heads = sum(row.due for row in head_rows(log))
    told = sum(row.notifications for row in log.rows("workload_answers"))
    events = sent + max(heads, told)
    if not events:
        return None
    few = events < demands.min_requests
    what = plural(sent, "request") if sent or not heads else f"{plural(heads, 'head')} due"
    need = f": {demands.min_requests:,} are needed to prove anything (min_requests)" if few else ""
    return Finding(
        checker="enough_requests",
        verdict="INCONCLUSIVE" if few else "PASS",
        summary=f"{'only ' if few else ''}{what}{_in_faults(log, demands.min_requests)}{need}",
        query="SELECT workload, count(*) AS requests FROM requests GROUP BY workload",
    )


def anything_tested(log: Log) -> bool:
    """Whether any request was sent, or anything was due to a subscription: else the gateway had nothing to do."""
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    told = sum(row.notifications for row in log.rows("workload_answers"))
    return bool(sent or told or sum(row.due for row in head_rows(log)))


def tested_text(log: Log) -> str:
    """How little was tested, for the first line; empty when it was enough."""
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    if not sent:
        return ""  # subscriptions are counted by their heads
    in_faults = _in_faults(log, MIN_REQUESTS)
    if sent >= FEW_REQUESTS and not in_faults:
        return ""
    return f"{'Only ' if sent < FEW_REQUESTS else 'Of '}{plural(sent, 'request')}{in_faults}."


def _in_faults(log: Log, minimum: int) -> str:
    rows = log.rows("requests_in_faults")
    fewest = min(rows, key=lambda row: row.requests, default=None)
    if fewest is None or fewest.requests >= minimum:
        return ""
    return f", {'only ' if fewest.requests else ''}{fewest.requests:,} in the window of {fewest.fault_id}"


def with_enough(
    results: Sequence[SloResult], requests: int, checked: int, minimum: int
) -> tuple[SloResult, ...]:
    """The results of a workload or of a part of the run: what too few requests met is not trusted."""
    return tuple(_with_enough(result, requests, checked, minimum) for result in results)


def _with_enough(result: SloResult, requests: int, checked: int, minimum: int) -> SloResult:
    if result.status != "met" or result.name not in (*OF_REQUESTS, *_ON_ANSWERS):
        return result
    counted, noun = (checked, "checked answer") if result.name in _ON_ANSWERS else (requests, "request")
    if counted >= minimum:
        return result
    note = f"of {plural(counted, noun)} only, where {minimum:,} are needed (min_requests)"
    return msgspec.structs.replace(result, status="not_measured", note=note)
