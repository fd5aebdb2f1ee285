"""Tables about how the gateway met failures: what it did about each fault, and how its streams moved."""

from collections.abc import Iterable, Sequence

from battle.analysis.reports.cells import bad_if_any, count, duration
from battle.analysis.reports.document import (
    Block,
    Cell,
    Paragraph,
    Table,
    columns,
    row,
)
from battle.analysis.reports.failure_facts import FaultReaction, StreamFailovers

_REACTION_NOTE = (
    "What the gateway did about each fault. Diverted: when the last request chose the broken provider first; after "
    "that it got only probes, the attempts that a half-open breaker allows. Readmitted: from the end of the fault to "
    "the first good attempt that was not a probe, with a breaker that stayed closed. Failovers: of requests that had "
    "chosen the broken provider, and what that cost them."
)
_STREAM_NOTE = (
    "A stream is one subscription of the gateway at a provider, shared by all its clients. Detected: from the start "
    "of the fault until the gateway lost or abandoned the upstream; without upstream: from then until it had another."
)


def reaction_blocks(groups: Sequence[tuple[str, Sequence[FaultReaction]]]) -> tuple[Block, ...]:
    """A row for each group of faults, with the slowest of it; nothing when the gateway reports no attempts."""
    reported = [(name, group) for name, group in groups if any(one.failovers is not None for one in group)]
    if not any(
        one.failovers or one.probes or one.time_to_divert_ns is not None
        for _, group in reported
        for one in group
    ):
        return ()
    titles = columns(
        ":fault",
        "diverted after",
        "failovers",
        "cost mean",
        "p50",
        "p99",
        "max",
        "probes",
        "readmitted after",
    )
    return Table(titles, tuple(_reaction_row(name, group) for name, group in reported)), Paragraph(
        _REACTION_NOTE, quiet=True
    )


def _reaction_row(name: str, group: Sequence[FaultReaction]) -> tuple[Cell, ...]:
    failovers = sum(one.failovers or 0 for one in group)
    spent_ns = sum((one.cost_mean_ns or 0) * (one.failovers or 0) for one in group)
    alone = len(group) == 1  # percentiles of several faults cannot be put together
    return row(
        name,
        duration(longest(one.time_to_divert_ns for one in group), Cell("not seen", "quiet")),
        count(failovers),
        duration(round(spent_ns / failovers) if failovers else None),
        duration(group[0].cost_p50_ns if alone else None),
        duration(group[0].cost_p99_ns if alone else None),
        duration(longest(one.cost_max_ns for one in group)),
        count(None if group[0].probes is None else sum(one.probes or 0 for one in group)),
        duration(longest(one.time_to_readmit_ns for one in group), Cell("not seen", "quiet")),
    )


def longest(times_ns: Iterable[int | None]) -> int | None:
    """The longest of those that are known."""
    return max((time_ns for time_ns in times_ns if time_ns is not None), default=None)


def stream_blocks(streams: Sequence[StreamFailovers]) -> tuple[Block, ...]:
    """How the gateway's WebSocket streams moved; nothing when none lost its upstream."""
    if not streams:
        return ()
    titles = columns(
        ":streams of", ":after", "failovers", "abandoned", "at another provider", "not resumed", "detected after",
        "without upstream: mean", "p50", "p99", "max",
    )  # fmt: skip
    return Table(titles, tuple(_stream_row(one) for one in streams)), Paragraph(_STREAM_NOTE, quiet=True)


def _stream_row(one: StreamFailovers) -> tuple[Cell, ...]:
    took = (one.took_mean_ns, one.took_p50_ns, one.took_p99_ns, one.took_max_ns)
    return row(
        one.kind,
        one.fault_id or "no fault",
        count(one.failovers),
        count(one.stale),
        count(one.elsewhere),
        bad_if_any(one.failovers - one.resumed),
        duration(one.detect_max_ns),
        *(duration(value) for value in took),
    )
