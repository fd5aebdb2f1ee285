"""What a part of a run measured of all that an SLO can limit. The whole run is a part like any other.

The view `slo` says the same of the whole run in SQL; a test compares.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.continuity import head_rows, no_heads_expected
from battle.analysis.verdict.checkers.heights import height_rows
from battle.analysis.verdict.own_measures import own_measures
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.requests import QUERY, request_measures
from battle.analysis.verdict.slo_comparison import Measure
from battle.analysis.visibility import gateway_reports, unseen_text
from battle.formatting import plural
from battle.scenario.slo.scope import RELATIVE
from battle.scenario.slo.slo import OF_REQUESTS, RULES
from battle.scenario.slo.staleness import Staleness

METRICS = frozenset(rule.metric for rule in RULES.values())
"""All that an SLO can limit."""


def measures(log: Log, part: Part, metrics: Collection[str] = METRICS) -> dict[str, Measure]:
    """Each of these metrics in a part of the run, maybe with others that are measured along with them."""
    if part.missing is not None:
        query = "fault_spans" if part.scope.when in RELATIVE else "planned_phases"
        return dict.fromkeys(metrics, Measure(query, False, note=part.missing))
    measured: dict[str, Measure] = {}
    for names, family in _FAMILIES:
        if not names.isdisjoint(metrics):
            measured |= family(log, part)
    return measured | own_measures(log, part, metrics)


def _of_requests(log: Log, part: Part) -> dict[str, Measure]:
    row = request_measures(log, part)
    left_out = part.beyond.note if _leaves_out(log, part, row) else None
    if not row.requests:
        when = f"{part.scope.text} was due" if not part.is_whole else "ended"
        return dict.fromkeys(_REQUESTS, Measure(QUERY, False, note=_noted(f"no request {when}", left_out)))
    return {metric: _of_request(row, metric, part, left_out) for metric in _REQUESTS}


def _leaves_out(log: Log, part: Part, row: Any) -> bool:
    return bool(part.beyond.workloads) and row.requests < request_measures(log, part.with_all_steps).requests


def _of_request(row: Any, metric: str, part: Part, left_out: str | None) -> Measure:
    value, of = getattr(row, metric), None if part.is_whole else f"of {plural(row.requests, 'request')}"
    if value is None:
        never = unanswered_text(int(metric[1:3]), of or "of the requests")
        return Measure(QUERY, True, None, _noted(never, left_out))
    return Measure(QUERY, True, value, _noted(of, left_out))


def _noted(*notes: str | None) -> str | None:
    return ", ".join(filter(None, notes)) or None


def unanswered_text(percent: int, whose: str) -> str:
    """Why a percentile of the latency was never reached. How they failed, fast or slow, is the causes' to say."""
    return f"more than {100 - percent} % {whose} did not succeed"


def answers(log: Log, part: Part) -> tuple[int, int, int]:
    """How many answers and notifications were checked in a part of the run, and of them wrong and stale."""
    counts = [request_measures(log, part.with_all_steps)]
    if part.scope.method is None:  # a notification is the answer to no method
        counts += log.rows("notification_measures", **part.times, workload=part.scope.workload)
    checked, wrong, stale = (
        sum(getattr(row, kind) for row in counts) for kind in ("checked", "wrong", "stale")
    )
    return checked, wrong, stale


def _of_answers(log: Log, part: Part) -> dict[str, Measure]:
    checked, wrong, stale = answers(log, part)
    if not checked:
        nothing = Measure(QUERY, False, note=f"no answer {part.scope.text} was checked")
        if part.is_whole:
            nothing = Measure(QUERY, False, note="no answer was checked")
            if no_heads_expected(log, part.scope.workload):
                nothing = Measure(QUERY, True, 0, "nothing was due")
        return {"wrong_answers": nothing, "stale_answers": nothing}
    of = None if part.is_whole else f"of {plural(checked, 'checked answer')}"
    unavoidable = _unavoidable_stale(log, part) if stale else 0
    more = f"{unavoidable:,} more while no provider had anything newer" if unavoidable else None
    return {
        "wrong_answers": Measure(QUERY, True, wrong, of),
        "stale_answers": Measure(QUERY, True, stale - unavoidable, _noted(of, more)),
    }


def _unavoidable_stale(log: Log, part: Part) -> int:
    """How many answers were stale while no provider had anything newer to give."""
    chosen = {"workload": part.scope.workload, "method": part.scope.method}
    (row,) = log.rows("unavoidable_stale_answers", **part.times, **chosen)
    return int(row.answers)


def head_measures(log: Log, part: Part) -> Any:
    """The row of the query `head_measures`: what clients got of the heads of a part of the run."""
    (row,) = log.rows("head_measures", **part.times, workload=part.scope.workload)
    return row


def _of_heads(log: Log, part: Part) -> dict[str, Measure]:
    query, row = "head_measures", head_measures(log, part)
    if not row.due and not row.received:
        if row.subscriptions:  # what the chain had is in the log
            nothing = Measure(query, True, 0, f"no head was due {part.scope.text}".rstrip())
        else:
            text = f"no WebSocket subscription, so no head was expected {part.scope.text}".rstrip()
            nothing = Measure(query, False, note=text)
        return dict.fromkeys(_HEADS, nothing)
    produced = "a block produced after its client subscribed"
    if not part.is_whole:
        produced = "a block produced then, after its client subscribed"
    due = None if part.is_whole else f"of {plural(row.due, 'head')} due"
    measured = {
        "missed_heads": Measure(query, True, row.missed, due),
        "duplicate_heads": Measure(query, True, row.duplicated),
        "head_delay_p99_ns": Measure(query, False, note=f"no head arrived for {produced}")
        if row.delay_p99_ns is None
        else Measure(query, True, row.delay_p99_ns),
    }
    return {**measured, "longest_silence_ns": _silence(log, part)} if part.is_whole else measured


def _silence(log: Log, part: Part) -> Measure:
    """Of the whole run only: a silence that a window cuts has no length of its own."""
    query = "websocket_continuity"
    rows = [row for row in head_rows(log) if part.scope.workload in (None, row.workload)]
    return Measure(query, True, max((row.longest_silence_ns for row in rows), default=0))


def _of_failovers(log: Log, part: Part) -> dict[str, Measure]:
    query = "failover_measures"
    (row,) = log.rows(query, **part.times)
    if row.failovers is None:
        unknown = Measure(query, False, note=unseen_text(gateway_reports(log).kind, "attempts"))
        return {"failovers": unknown, "max_failover_latency_ns": unknown}
    if row.failovers == 0:
        cost = Measure(query, False, note=f"there was no failover {part.scope.text}".rstrip())
    elif row.answered == 0:
        cost = Measure(query, True, note="no failover was answered")
    else:
        cost = Measure(query, True, row.cost_max_ns)
    return {"failovers": Measure(query, True, row.failovers), "max_failover_latency_ns": cost}


def _disconnects(log: Log, part: Part) -> dict[str, Measure]:
    """The client connections lost, but for those that the bench itself cut."""
    query = "disconnects"
    rows = [row for row in log.rows(query, **part.times) if part.scope.workload in (None, row.workload)]
    if not rows:
        return {"disconnects": Measure(query, False, note="no client opened a WebSocket")}
    gateway, client, bench = (
        sum(getattr(row, side) for row in rows) for side in ("gateway", "client", "bench")
    )
    made = [(gateway, "by the gateway"), (client, "by the client"), (bench, "by faults, not counted")]
    note = ", ".join(f"{cuts:,} {side}" for cuts, side in made if cuts)
    return {"disconnects": Measure(query, True, gateway + client, note or None)}


def _of_heights(log: Log, part: Part) -> dict[str, Measure]:
    """Of the whole run only: what a client was told of before a window counts in it."""
    query = "heights_of_clients"
    rows = [row for row in height_rows(log, Staleness()) if part.scope.workload in (None, row.workload)]
    deepest = max((row.blocks_max for row in rows), default=None)
    unknown = Measure(query, False, note="no answer names its block")
    measured = unknown if deepest is None else Measure(query, True, deepest)
    return {"height_regression_max_blocks": measured}


def _attempts(log: Log, part: Part) -> dict[str, Measure]:
    query = "attempt_measures"
    (row,) = log.rows(query, **part.times)
    if row.attempts and row.attempts_per_request is not None:
        return {"attempts_per_request": Measure(query, True, row.attempts_per_request)}
    note = f"no attempt was logged{_then(part)}, or no request was sent"
    return {"attempts_per_request": Measure(query, False, note=note)}


def _breaker_changes(log: Log, part: Part) -> dict[str, Measure]:
    query = "breaker_measures"
    (row,) = log.rows(query, **part.times)
    if row.changes is None:
        note = unseen_text(gateway_reports(log).kind, "breakers")
        return {"breaker_changes": Measure(query, False, note=note)}
    return {"breaker_changes": Measure(query, True, row.changes)}


def _memory(log: Log, part: Part) -> dict[str, Measure]:
    query = "memory_measures"
    (row,) = log.rows(query, **part.times)
    if row.rss_max_bytes is None:
        note = f"the gateway's memory was not sampled{_then(part)}"
        return {"gateway_rss_max_bytes": Measure(query, False, note=note)}
    return {"gateway_rss_max_bytes": Measure(query, True, row.rss_max_bytes)}


def _then(part: Part) -> str:
    return "" if part.is_whole else " then"


_REQUESTS = frozenset(RULES[name].metric for name in OF_REQUESTS)
_HEADS = frozenset({"missed_heads", "duplicate_heads", "head_delay_p99_ns", "longest_silence_ns"})

_Family: TypeAlias = Callable[[Log, Part], dict[str, Measure]]

_FAMILIES: tuple[tuple[frozenset[str], _Family], ...] = (
    (_REQUESTS, _of_requests),
    (frozenset({"wrong_answers", "stale_answers"}), _of_answers),
    (_HEADS, _of_heads),
    (frozenset({"height_regression_max_blocks"}), _of_heights),
    (frozenset({"failovers", "max_failover_latency_ns"}), _of_failovers),
    (frozenset({"disconnects"}), _disconnects),
    (frozenset({"attempts_per_request"}), _attempts),
    (frozenset({"breaker_changes"}), _breaker_changes),
    (frozenset({"gateway_rss_max_bytes"}), _memory),
)
"""What is measured together, and how."""
