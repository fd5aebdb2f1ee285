"""How the requests of a part of a run fared: measured here and nowhere else, in the words of docs/statistics.md.

The whole run is a part like any other. The report, the SLOs, the knee, the healing and what is not attributed to the
gateway all ask here.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from battle.analysis.log import Log
from battle.analysis.verdict.parts import WHOLE_PART, Part, part_of_workload

QUERY = "request_measures"
"""The report query that all of this comes from."""


_NO_WINDOWS: Mapping[str, Any] = {"spared_starts_ns": (), "spared_ends_ns": ()}


def request_measures(
    log: Log,
    part: Part,
    *,
    late_ns: int | None = None,
    cut: bool = False,
    spared: Mapping[str, Any] = _NO_WINDOWS,
) -> Any:
    """The row of the query `request_measures`: how the requests of a part fared.

    Left out is what was due in the part's steps beyond a knee, what was sent later than `late_ns`, with `cut` what
    the load itself cut off, and what was under way in the windows of `spared`.
    """
    chosen = {"workload": part.scope.workload, "method": part.scope.method, "late_ns": late_ns, "cut": cut}
    (row,) = log.rows(QUERY, **part.times, **chosen, **spared, **part.beyond.parameters)
    return row


def unanswered_text(percentile: str, whose: str) -> str:
    """Why a percentile ("p95_latency_ns", "p999_latency_ns") was never reached.

    How they failed, fast or slow, is the causes' to say.
    """
    digits = percentile.split("_")[0][1:]
    beyond = 10 ** (2 - len(digits)) * (10 ** len(digits) - int(digits))
    return f"more than {beyond:g} % {whose} did not succeed"


class LatencyRow(NamedTuple):
    """The latencies of a workload in the whole run, in nanoseconds; `workload` None: of all together.

    `clock` is 'due', latency from the moment a request was due; 'late', how late it was sent; or 'sent', latency from
    then. `counted` of the `requests` succeeded, for 'late' were sent. A percentile that is never reached is None.
    """

    workload: str | None
    clock: Literal["due", "late", "sent"]
    requests: int
    counted: int
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    p999_ns: int | None
    max_ns: int | None
    mean_ns: int | None


def latency_rows(log: Log) -> list[LatencyRow]:
    """All latencies of the run: of all requests, then of each workload, by each clock. None when no request ended."""
    from_sending = log.rows("latencies_from_sending")
    several = len(from_sending) > 2
    rows: list[LatencyRow] = []
    for sent in from_sending:
        # One workload is all of them: it is not measured twice.
        part = part_of_workload(sent.workload) if several else WHOLE_PART
        found = request_measures(log, part)
        rows.append(_row(sent.workload, "due", found, found.ok, "latency"))
        rows.append(_row(sent.workload, "late", found, found.sent, "late"))
        rows.append(LatencyRow(sent.workload, "sent", *sent[1:]))
    return rows


def _row(
    workload: str | None, clock: Literal["due", "late"], found: Any, counted: int, what: str
) -> LatencyRow:
    names = ("p50", "p90", "p95", "p99", "p999", "max", "mean")
    values = (getattr(found, f"{name}_{what}_ns") for name in names)
    return LatencyRow(workload, clock, found.requests, counted, *values)
