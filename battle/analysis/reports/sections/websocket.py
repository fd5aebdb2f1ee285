"""The section about WebSocket continuity: what clients got of the heads, and how gaps were filled."""

from collections.abc import Iterator, Sequence

from battle.analysis.reports.cells import (
    bad_if_any,
    count,
    duration,
    moment,
    timed,
)
from battle.analysis.reports.document import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    columns,
    row,
)
from battle.analysis.reports.failure_facts import LogSubscriptions, PublishedHeads
from battle.analysis.reports.schema import (
    Continuity,
    Disconnects,
    GapFills,
    HeadDelay,
    HeadsAfterFault,
    Report,
    WebSocketFacts,
)
from battle.analysis.reports.section import ReportSection
from battle.formatting import plural

_NOTE = (
    "Due: every height that some provider had while the subscription was active, without its last second; of logs, "
    "every entry that any client of the workload got meanwhile. Interrupted: the client lost its connection. Delay: "
    "from the moment the chain produced the block to the arrival, with what providers add. Silence: the longest time "
    "that any client waited for a head, while there was one to get."
)
_FAULT_NOTE = "The time from the start of a fault to the next head at each client; one block time is normal."
FAULTS_SHOWN = 50
"""As many as one reads; report.json has them all."""


def websocket_section(report: Report) -> Section | None:
    """The continuity of subscriptions; None in a run without any."""
    facts = report.websocket
    lost = [one for one in facts.disconnects if one.gateway or one.client or one.bench]
    if not (facts.continuity or facts.gap_fills or facts.logs or facts.slow_clients or lost):
        return None
    blocks: list[Block] = []
    if facts.published:
        blocks.append(Paragraph(_published_text(facts.published)))
    if facts.continuity or facts.logs:
        blocks += _continuity_blocks(facts)
    if lost:
        titles = columns(
            ":lost connections of", "opened", "by the gateway", "by the client", "by faults", ":close codes"
        )
        blocks.append(Table(titles, tuple(_lost_row(one) for one in lost)))
    if facts.slow_clients:
        blocks.append(
            Paragraph(f"Closed for reading too slowly (1008): {plural(facts.slow_clients, 'client')}.")
        )
    if facts.gap_fills:
        blocks.append(_gaps(facts.gap_fills))
    if facts.after_faults:
        blocks += _after_faults(facts.after_faults, report.run.load_began_ns)
    return Section(timed("WebSocket continuity", report.run.world), tuple(blocks))


def _continuity_blocks(facts: WebSocketFacts) -> Iterator[Block]:
    """What each workload got of what was due, and how late."""
    counts = columns(
        ":workload", ":to", "subscriptions", "interrupted", "due", "delivered", "missed", "repeated",
        "out of order", "by reorgs",
    )  # fmt: skip
    times = columns(
        ":workload",
        "delay p50",
        "delay p99",
        "delay max",
        "blocks behind",
        "longest silence",
        "parent unknown",
    )
    yield Table(counts, (*map(_count_row, facts.continuity), *map(_log_row, facts.logs)))
    if facts.continuity:
        delays = {delay.workload: delay for delay in facts.delays}
        yield Table(times, tuple(_time_row(one, delays.get(one.workload)) for one in facts.continuity))
    yield Paragraph(_NOTE, quiet=True)


def _gaps(gap_fills: Sequence[GapFills]) -> Table:
    titles = columns(
        ":gaps after", ":of", ":reason", "gaps", "blocks", "longest", "filled", "partly", "failed", "at most"
    )
    return Table(titles, tuple(_gap_row(gap) for gap in gap_fills))


def _after_faults(after: Sequence[HeadsAfterFault], began_ns: int | None) -> tuple[Block, ...]:
    titles = columns(":fault", "at", "subscriptions", "next head p50", "max", "got none")
    shown = tuple(_fault_row(one, began_ns) for one in after[:FAULTS_SHOWN])
    return Table(titles, shown), Paragraph(_FAULT_NOTE, quiet=True)


def _published_text(published: Sequence[PublishedHeads]) -> str:
    parts = [f"{one.provider} {one.heads:,}" for one in published if one.provider is not None]
    heads = next((one.heads for one in published if one.provider is None), 0)
    return f"Providers published {plural(heads, 'different head')} to their subscribers: {', '.join(parts)}."


def _count_row(one: Continuity) -> tuple[Cell, ...]:
    return _row_of(one, "heads", one.reorged)


def _log_row(one: LogSubscriptions) -> tuple[Cell, ...]:
    return _row_of(one, "logs", one.removed)


def _row_of(one: Continuity | LogSubscriptions, kind: str, withdrawn: int) -> tuple[Cell, ...]:
    return row(
        one.workload,
        kind,
        count(one.subscriptions),
        bad_if_any(one.interrupted),
        count(one.due),
        count(one.due - one.missed),
        bad_if_any(one.missed),
        bad_if_any(one.duplicated),
        bad_if_any(one.out_of_order),
        count(withdrawn),
    )


def _time_row(one: Continuity, delay: HeadDelay | None) -> tuple[Cell, ...]:
    return row(
        one.workload,
        *(
            duration(value)
            for value in ((delay.p50_ns, delay.p99_ns, delay.max_ns) if delay else (None,) * 3)
        ),
        count(one.blocks_behind_max),
        duration(one.longest_silence_ns),
        count(one.parent_breaks),
    )


def _lost_row(one: Disconnects) -> tuple[Cell, ...]:
    return row(
        one.workload,
        count(one.connections),
        bad_if_any(one.gateway),
        bad_if_any(one.client),
        count(one.bench),
        ", ".join(map(str, one.close_codes)),
    )


def _gap_row(gap: GapFills) -> tuple[Cell, ...]:
    return row(
        gap.fault_id or "no fault",
        gap.kind,
        gap.reason,
        count(gap.gaps),
        count(gap.heights),
        count(gap.heights_max),
        count(gap.filled_gaps),
        Cell(f"{gap.partly_gaps:,}", "unsure" if gap.partly_gaps else "plain"),
        bad_if_any(gap.failed_gaps),
        duration(gap.took_max_ns),
    )


def _fault_row(one: HeadsAfterFault, began_ns: int | None) -> tuple[Cell, ...]:
    none = Cell("no head came", "bad")
    return row(
        one.fault_id,
        moment(one.started_ns, since_ns=began_ns),
        count(one.subscriptions),
        duration(one.p50_ns, none),
        duration(one.max_ns, none),
        bad_if_any(one.never),
    )


CONTINUITY = ReportSection(
    place=60,
    title="WebSocket continuity",
    make=websocket_section,
    queries=("websocket_continuity", "head_delays", "disconnects", "heads_after_faults", "gap_fills_summary"),
    charts=("head_delay_over_time",),
)
