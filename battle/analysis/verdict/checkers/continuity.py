"""Did WebSocket clients get every head, once, in order? What they get through a gateway should be one stream."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.planned_workloads import SUBSCRIBES, planned
from battle.formatting import duration_text, plural, sentence
from battle.scenario.slo.slo import SloSet


def websocket_continuity(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when a client missed a head, got one twice, or out of order, or some were never let in.

    INCONCLUSIVE when a workload should have subscribed, not one notification of it is in the log, and nobody knows
    whether one was due: when nothing was, a subscription was merely quiet. FAIL when the chain had something for it.

    A client that reads slowly by the scenario misses heads by itself: only an SLO can ask for them.
    Where an SLO `max_missed_heads` or `max_duplicate_heads` limits them, that decides instead. Does not apply to a
    run without subscriptions.
    """
    rows = head_rows(log)
    silent = _silent(log, rows)
    quiet = _quiet(log, rows)
    if not rows and not silent and not quiet:
        return None
    slow_readers = {row.workload for row in log.rows("slow_readers")}
    problems = [
        f"workload {row.workload}: {text}"
        for row in rows
        for text in _breaks(row, slos, reads_slowly=row.workload in slow_readers)
    ]
    problems += _upgrades_refused(log)
    problems += _without_heads(log)
    slow = _slow_clients(log)
    return Finding(
        checker="websocket_continuity",
        verdict="FAIL" if problems else "INCONCLUSIVE" if silent else "PASS",
        summary=sentence([*(problems or silent or [*map(_continuous, rows), *quiet]), *slow]),
        query="SELECT * FROM head_continuity WHERE missed + duplicated + out_of_order > 0",
        ids=_worst(rows, lambda one: one["missed"] + one["duplicated"] + one["out_of_order"]),
    )


WEBSOCKET_CONTINUITY = PlacedChecker(place=170, checker=websocket_continuity, rests_on_bench=True)


def heads_monotonic(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when heads went back for a client other than by a reorg; staleness is reported, and limited by SLOs.

    Does not apply when no client got any head.
    """
    rows = [row for row in head_rows(log) if row.received]
    if not rows:
        return None
    back = [row for row in rows if row.went_back]
    return Finding(
        checker="heads_monotonic",
        verdict="FAIL" if back else "PASS",
        summary=sentence(
            [f"workload {row.workload}: heads went back {plural(row.went_back, 'time')}" for row in back]
            or [_staleness(log, row) for row in rows]
        ),
        query="SELECT * FROM head_continuity ORDER BY went_back DESC, blocks_behind_max DESC",
        ids=_worst(back, lambda one: one["went_back"]),
    )


HEADS_MONOTONIC = PlacedChecker(place=180, checker=heads_monotonic, rests_on_bench=True)


def head_rows(log: Log) -> list[Any]:
    """A row for each workload that subscribed to heads."""
    return log.rows("websocket_continuity", limit=EVIDENCE_IDS_MAX)


def delay_row(log: Log, workload: str | None) -> Any | None:
    """How long after their block's time heads came, of one workload or of all; None: nothing to compare."""
    return next((row for row in log.rows("head_delays") if row.workload == workload), None)


def break_causes(log: Log, workload: str | None, what: str | None) -> Iterator[str]:
    """Why heads did not come as they should: interrupted and refused subscriptions, slow clients, and the worst one.

    `what` is the count by which the worst subscription is chosen; None names none.
    """
    rows = [row for row in head_rows(log) if workload in (None, row.workload)]
    for row in rows:
        if row.interrupted:
            cut_off, of_all = f"{row.interrupted:,}", plural(row.subscriptions, "subscription")
            yield f"{cut_off} of {of_all} of workload {row.workload} cut off"
    yield from _upgrades_refused(log)
    yield from _slow_clients(log)
    if what is not None and (worst := _worst(rows, lambda one: one[what])):
        yield f"the worst subscription was {worst[0]}"


def _silent(log: Log, rows: list[Any]) -> list[str]:
    """The workloads that should have subscribed, and of which no notification is in the log."""
    heard = {row.workload for row in log.rows("workload_answers") if row.notifications}
    due = {row.workload for row in rows if row.due}
    names = dict.fromkeys([*planned(log, SUBSCRIBES), *(row.workload for row in rows)])
    known = _nothing_due(log, rows)
    refused = {row.workload: _refused(row) for row in log.rows("client_subscriptions") if row.refused}
    return [
        f"workload {name}: no notification is in the log{refused.get(name, '')}"
        for name in names
        if name not in heard and name not in due and name not in known
    ]


def _refused(row: Any) -> str:
    """How often clients got no connection or no subscription, with the words of whoever refused."""
    words = f" ({row.refused_with})" if row.refused_with else ""
    return f", connections or subscriptions were refused {plural(row.refused, 'time')}{words}"


def no_heads_expected(log: Log, workload: str | None = None) -> bool:
    """Whether the load, or a workload, is nothing but subscriptions for which the chain had nothing."""
    answers = [row for row in log.rows("workload_answers") if workload in (None, row.workload)]
    clients = [row for row in log.rows("client_subscriptions") if workload in (None, row.workload)]
    quiet = any(row.quiet for row in clients) and not any(row.owed for row in clients)
    return quiet and not any(row.requests or row.notifications for row in answers)


def _nothing_due(log: Log, rows: list[Any]) -> set[str]:
    """The workloads whose subscriptions brought nothing, and to which, as is known, nothing was due."""
    heads = {row.workload for row in rows if row.heights and not row.due}
    others = {row.workload for row in log.rows("client_subscriptions") if row.quiet}
    return heads | others


def _quiet(log: Log, rows: list[Any]) -> list[str]:
    """What is said of quiet workloads that did not subscribe to heads: `_continuous` speaks of those that did."""
    of_heads = {row.workload for row in rows}
    return [
        f"nothing was due to {plural(row.quiet, 'subscription')} of {row.workload}"
        for row in log.rows("client_subscriptions")
        if row.quiet and row.workload not in of_heads
    ]


def _without_heads(log: Log) -> list[str]:
    """The workloads whose subscriptions to logs or transactions brought nothing, although there was something."""
    return [
        f"workload {row.workload}: {plural(row.starved, 'subscription')} received nothing, although the chain had "
        "something for each"
        for row in log.rows("client_subscriptions")
        if row.starved
    ]


def _slow_clients(log: Log) -> list[str]:
    """Why subscriptions may have been interrupted without a fault."""
    (row,) = log.rows("slow_clients")
    return [f"{plural(row.closed, 'client')} closed for reading too slowly (1008)"] if row.closed else []


def _upgrades_refused(log: Log) -> list[str]:
    """The workloads that came to fewer subscriptions than planned because they were refused."""
    came = {row.workload: row for row in log.rows("client_subscriptions")}
    return [
        f"workload {row.workload}: only {came[row.workload].subscriptions:,} of {row.subscriptions:,} subscriptions "
        f"were established{_refused(came[row.workload])}"
        for row in log.rows("planned_workloads")
        if row.type == SUBSCRIBES and row.workload in came and came[row.workload].refused
        if 0 < came[row.workload].subscriptions < (row.subscriptions or 0)
    ]


def _breaks(row: Any, slos: SloSet, *, reads_slowly: bool) -> Iterator[str]:
    """What broke the stream of a workload. What is missing of one that reads slowly may still wait to be read."""
    if row.missed and not reads_slowly and not slos.decide("max_missed_heads", row.workload):
        yield f"of {plural(row.due, 'head')} due {row.missed:,} never came{_hung_up(row)}"
    if row.duplicated and not slos.decide("max_duplicate_heads", row.workload):
        yield f"{plural(row.duplicated, 'head')} came again"
    if row.out_of_order:
        yield f"{plural(row.out_of_order, 'head')} came out of order"


def _hung_up(row: Any) -> str:
    if not row.interrupted:
        return ""
    return f" ({row.interrupted:,} of {plural(row.subscriptions, 'subscription')} cut off)"


def _continuous(row: Any) -> str:
    if not row.due and not row.received:
        return (
            f"no head was due to {plural(row.subscriptions, 'subscription')} of {row.workload}{_hung_up(row)}"
        )
    kept = f"{plural(row.due, 'head')} due to {plural(row.subscriptions, 'subscription')} of {row.workload}"
    lost = f"{row.missed:,} missed, {row.duplicated:,} twice, {row.out_of_order:,} out of order"
    return f"{kept}: {lost}{_hung_up(row)}, longest silence {duration_text(row.longest_silence_ns)}"


def _staleness(log: Log, row: Any) -> str:
    delay = delay_row(log, row.workload)
    late = (
        "" if delay is None else f", 99 % of them within {duration_text(delay.p99_ns)} of their block's time"
    )
    behind = f"at worst {plural(row.blocks_behind_max, 'block')} behind"
    return f"heads of {row.workload} never went back{late}, {behind}, {row.reorged:,} by reorgs"


def _worst(rows: list[Any], badness: Any) -> tuple[str, ...]:
    listed = [one for row in rows for one in row.worst if badness(one)]
    listed.sort(key=badness, reverse=True)
    names = (f"{one['segment']}/{one['connection']}/{one['subscription']}" for one in listed)
    return tuple(names)[:EVIDENCE_IDS_MAX]
