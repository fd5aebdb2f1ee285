"""Did the load generator do what the scenario says? If not, no number of the run means what it seems to."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.busy_machine import LAG_MAX_NS, busy
from battle.analysis.verdict.checkers.nodes import lost_with_gateway
from battle.analysis.verdict.checkers.planned_workloads import SUBSCRIBES, only_subscribes, planned
from battle.analysis.verdict.checkers.slow_generator import slow_generators
from battle.analysis.verdict.requests import latency_rows
from battle.formatting import (
    duration_text,
    percent_text,
    plural,
    sentence,
)
from battle.scenario.slo.slo import Slo, SloSet

SENT_RATIO_MIN = 0.99
"""Fewer of the due requests sent than this, and the load was another than the scenario's. One that the gateway
refused to take counts as sent: that is the gateway's doing."""

LATENESS_MAX_NS = LAG_MAX_NS
"""The bound on the p99 of lateness when no SLO asks for a tighter one."""

LATENESS_FLOOR_NS = 10_000_000
"""No tighter bound than this: a busy machine's timers are that late without harm."""

LATENESS_SHARE_OF_SLO = 0.1
"""Lateness is a part of latency, which counts from the due time; so it may take no more of the p95 SLO."""


GATEWAY_REFUSED_CONNECTIONS = (
    "the gateway accepted no further connections for that long (the generator itself was on time)"
)
"""Why requests left late though nothing kept the generator from sending them."""


def something_was_sent(log: Log, slos: SloSet) -> Finding:
    """INCONCLUSIVE when not one request left the generator, and no client subscribed to anything."""
    kinds = log.rows("request_kinds")
    ended, sent = sum(kind.requests for kind in kinds), sum(kind.sent for kind in kinds)
    subscribed = sum(row.subscriptions for row in log.rows("client_subscriptions"))
    if subscribed:
        summary = f"{plural(sent, 'request')} sent, {plural(subscribed, 'subscription')}"
    elif sent == 0:
        unsent = "the only request failed" if ended == 1 else f"all {ended:,} requests failed"
        summary = f"{unsent} before being sent" if ended else "no request is in the log"
    else:
        summary = f"{plural(sent, 'request')} sent"
    return Finding(
        checker="something_was_sent",
        verdict="PASS" if sent or subscribed else "INCONCLUSIVE",
        summary=summary,
        query="SELECT outcome, failure, count(*) FROM requests GROUP BY ALL",
    )


SOMETHING_WAS_SENT = PlacedChecker(place=40, checker=something_was_sent, rests_on_bench=False)


def generator_kept_pace(log: Log, slos: SloSet) -> Finding | None:
    """INCONCLUSIVE when a workload sent too few, dropped any, was late, or had a backlog at its end."""
    health = log.rows("generator_health")
    if not health and only_subscribes(log):
        return None  # subscribers have no schedule to keep to
    late = {row.workload: row.p99_ns for row in latency_rows(log) if row.clock == "late" and row.workload}
    bound_ns = lateness_bound_ns(slos.run)
    subscribers = planned(log, SUBSCRIBES)
    slow = {one.workload: one.cause for one in slow_generators(log)}
    machine = busy(log)
    lost = lost_with_gateway(log)
    problems = [
        f"workload {row.workload}: {problem}"
        for row in health
        for problem in _problems(
            row,
            late.get(row.workload),
            bound_ns,
            "subscription" if row.workload in subscribers else "request",
            slow.get(row.workload) or (machine.cause if machine else None),
            lost=row.workload in lost,
        )
    ]
    if not health:
        problems = ["no generator sample is in the log"]
    return Finding(
        checker="generator_kept_pace",
        verdict="INCONCLUSIVE" if problems else "PASS",
        summary=sentence(problems) if problems else _kept(health, late, bound_ns, subscribers),
        query="SELECT * FROM generator_samples ORDER BY workload, at_ns",
        ids=tuple(row.workload for row in health),
    )


GENERATOR_KEPT_PACE = PlacedChecker(place=70, checker=generator_kept_pace, rests_on_bench=False)


def lateness_bound_ns(slo: Slo) -> int:
    """The bound on the p99 of lateness: a tenth of the p95 SLO, at least 10 ms and at most 50 ms."""
    if slo.p95_latency_ms is None:
        return LATENESS_MAX_NS
    share_ns = round(slo.p95_latency_ms * 1e6 * LATENESS_SHARE_OF_SLO)
    return min(LATENESS_MAX_NS, max(LATENESS_FLOOR_NS, share_ns))


def _problems(
    row: Any, late_p99_ns: int | None, bound_ns: int, noun: str, cause: str | None, *, lost: bool
) -> Iterator[str]:
    if row.due == 0:
        yield "nothing was due"
    elif row.sent + row.turned_away < SENT_RATIO_MIN * row.due:
        asked = "asked for" if noun == "subscription" else "sent"
        yield f"it {asked} {percent_text(row.sent / row.due)} of the {plural(row.due, noun)} that were due"
    if row.dropped:
        fell_due = f"{plural(row.dropped, noun)} were due while the gateway was down, and the load too"
        yield fell_due if lost else f"it dropped {plural(row.dropped, noun)}"
    if row.backlog_end:
        waiting = "not decided" if noun == "subscription" else "still queued"
        yield f"{plural(row.backlog_end, noun)} {waiting} at its end"
    if late_p99_ns is not None and late_p99_ns > bound_ns:
        bound = duration_text(bound_ns)
        why = (
            f", because {GATEWAY_REFUSED_CONNECTIONS}"
            if held_up(row, bound_ns)
            else f": {cause}"
            if cause
            else ""
        )
        yield f"1 % of its {noun}s were sent {duration_text(late_p99_ns)} late or more (bound: {bound}){why}"


def held_up(row: Any, bound_ns: int) -> bool:
    """Whether what left late was held up by the gateway, and not by the generator, by a row of `generator_health`.

    A request is sent when it is due and a connection is open. Where the generator was on time and at no limit, what
    remains is that the gateway did not take connections.
    """
    return row.loop_lag_max_ns is not None and row.loop_lag_max_ns <= bound_ns and not row.at_limit


def _kept(health: list[Any], late: dict[str, int | None], bound_ns: int, subscribers: list[str]) -> str:
    requesting = [row for row in health if row.workload not in subscribers]
    if not requesting:
        sent, due = sum(row.sent for row in health), sum(row.due for row in health)
        return f"{sent:,} of {due:,} due subscriptions were asked for"
    sent, due = sum(row.sent for row in requesting), sum(row.due for row in requesting)
    worst_ns = max((late.get(row.workload) or 0 for row in health), default=0)
    late_text = f"at most {duration_text(worst_ns)} late" if worst_ns else "on time"
    return (
        f"{sent:,} of {due:,} due requests were sent, 99 % of them {late_text} "
        f"(bound: {duration_text(bound_ns)})"
    )
