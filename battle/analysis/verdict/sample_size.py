"""Was enough tested to say anything? One request that went well proves nothing about a gateway."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.answers import nothing_to_check
from battle.analysis.verdict.checkers.continuity import head_rows
from battle.analysis.verdict.checkers.few_requests import too_few_text
from battle.analysis.verdict.slo_comparison import SloResult
from battle.formatting import plural

FEW_REQUESTS = 100
"""A run with fewer says so in its first line: each request is more than 1 % of it."""


def has_samples(log: Log) -> bool:
    """Whether any request was sent, or anything was due to a subscription: else the gateway had nothing to do."""
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    notified = sum(row.notifications for row in log.rows("workload_answers"))
    return bool(sent or notified or sum(row.due for row in head_rows(log)))


def sample_size_text(log: Log) -> str:
    """How little was tested, for the first line, and whether answers could be checked; empty when it was enough."""
    return " ".join(filter(None, (_few_text(log), nothing_to_check(log))))


def _few_text(log: Log) -> str:
    sent = sum(kind.sent for kind in log.rows("request_kinds"))
    if not sent:
        return ""  # subscriptions are counted by their heads
    in_faults = _in_faults(log, log.header.min_requests)
    if sent >= FEW_REQUESTS and not in_faults:
        return ""
    return f"{'Only ' if sent < FEW_REQUESTS else 'Of '}{plural(sent, 'request')}{in_faults}."


def _in_faults(log: Log, minimum: int) -> str:
    rows = log.rows("requests_in_faults")
    fewest = min(rows, key=lambda row: row.requests, default=None)
    if fewest is None or fewest.requests >= minimum:
        return ""
    return f", {'only ' if fewest.requests else ''}{fewest.requests:,} in the window of {fewest.fault_id}"


class SampleSize(NamedTuple):
    """How much of each kind there was in what an SLO is about: a workload, or a part of the run."""

    requests: int
    checked: int
    heads_due: int


def with_enough_samples(
    results: Sequence[SloResult], tested: SampleSize, minimum: int
) -> tuple[SloResult, ...]:
    """The results of a workload or of a part of the run: what too few requests, answers or heads met is not trusted.

    Where no head was due at all the chain was quiet; that is known, and noted with the result.
    """
    return tuple(_with_enough(result, tested, minimum) for result in results)


def _with_enough(result: SloResult, tested: SampleSize, minimum: int) -> SloResult:
    if result.status != "met":
        return result
    match result.metric and result.metric.samples:
        case "requests":
            count, noun = tested.requests, "request"
        case "answers":
            count, noun = tested.checked, "checked answer"
        case "heads" if tested.heads_due:
            count, noun = tested.heads_due, "head"
        case _:
            return result
    if count >= minimum:
        return result
    note = f"of {too_few_text(count, noun, minimum)}"
    return msgspec.structs.replace(result, status="not_measured", note=note)
