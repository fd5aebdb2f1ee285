"""Did the gateway stop in good order when it was asked to?"""

from collections.abc import Iterator, Sequence
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import duration_text, plural, sentence
from battle.scenario.slo.slo import SloSet


def gateway_stops(log: Log, slos: SloSet) -> Finding | None:
    """A warning when the gateway, asked to stop, had to be ended by SIGKILL, or dropped requests in flight.

    Battle asks a program itself at the end of the run, when no load is left that it could drop.
    Does not apply when nobody asked it: then `nodes_lived` says what there is to say. Whether clients may lose a
    request at a restart is the business of SLOs.
    """
    began_ns = load_began_ns(log)
    stops = [row for row in log.rows("gateway_ends") if row.how == "stopped"]
    last = [row for row in log.rows("gateway_last_stop") if row.asked_ns is not None]
    if not stops and not last:
        return None
    problems = [problem for row in stops for problem in _problems(row, began_ns)]
    problems += [
        "asked to stop at the end of the run, the gateway did not end, and SIGKILL ended it after "
        f"{duration_text(row.at_ns - row.asked_ns)}"
        for row in last
        if row.forced
    ]
    return Finding(
        checker="gateway_stops",
        verdict="PASS",
        severity="warning" if problems else None,
        summary=sentence(problems or list(_well(stops, last))),
        query="SELECT * FROM gateway_ends ORDER BY begun_ns",
        ids=tuple(row.fault_id for row in stops if row.fault_id)[:EVIDENCE_IDS_MAX],
    )


GATEWAY_STOPS = PlacedChecker(place=95, checker=gateway_stops, rests_on_bench=False)


def _well(stops: Sequence[Any], last: Sequence[Any]) -> Iterator[str]:
    if stops:
        times = plural(len(stops), "time")
        yield f"asked to stop {times} during the run, the gateway ended in time and dropped no request"
    if last:
        yield "asked to stop at the end of the run, the gateway ended in time"


def _problems(row: Any, began_ns: int | None) -> Iterator[str]:
    when = at_text(row.begun_ns, began_ns)
    if row.forced:
        took = duration_text(row.gone_ns - row.begun_ns)
        yield f"asked to stop {when} ({row.fault_id}), the gateway did not end, and SIGKILL ended it after {took}"
    if row.dropped:
        of_all = plural(row.in_flight, "request")
        yield f"asked to stop {when} ({row.fault_id}), the gateway dropped {row.dropped:,} of {of_all} in flight"
    if row.cut_without_close:
        connections = plural(row.cut_without_close, "WebSocket connection")
        yield f"asked to stop {when} ({row.fault_id}), the gateway cut {connections} without a closing frame"
