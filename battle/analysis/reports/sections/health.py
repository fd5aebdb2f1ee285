"""The sections about what the measurement itself rests on: machine, generator, log."""

from battle.analysis.reports.cells import (
    NONE,
    NOT_MEASURED,
    bad_if_any,
    count,
    duration,
    megabytes,
    moment,
    percent,
    timed,
)
from battle.analysis.reports.document import (
    Block,
    Cell,
    Column,
    Paragraph,
    Section,
    Table,
    columns,
    row,
)
from battle.analysis.reports.schema import (
    Crash,
    GeneratorHealth,
    Latency,
    NodeHealth,
    Report,
    SegmentFacts,
)
from battle.analysis.reports.section import ReportSection
from battle.analysis.verdict.checkers.nodes import GATEWAY_NODE
from battle.formatting import percent_text, plural

_GATEWAY_NOT_VISIBLE = (
    "gateway: not visible. It runs on another machine, or as a user whose processes Battle may not look into."
)

_OF_COLUMN = ("node", "memory", "memory", "CPU", "CPU", "loop lag", "tasks", "open files", "threads")
"""What each column of the table of nodes is about."""


def system_section(report: Report) -> Section:
    """What each node took of the machine, and which nodes crashed."""
    blocks: list[Block] = [Paragraph("No sample of any node is in the log.")]
    if report.nodes:
        titles = columns(
            ":node",
            "memory at start",
            "memory max",
            "CPU mean",
            "CPU max",
            "loop lag max",
            "tasks",
            "open files",
            "threads",
        )
        blocks = _measured(titles, [_node_row(node) for node in report.nodes])
        if report.gateway_reports.kind == "url" and all(node.node != GATEWAY_NODE for node in report.nodes):
            blocks.append(Paragraph(_GATEWAY_NOT_VISIBLE, quiet=True))
    if report.crashes:
        began_ns = report.run.load_began_ns
        titles = columns(":crashed", "times", "first at", ":cause", ":reason of the first")
        blocks.append(Table(titles, tuple(_crash_row(crash, began_ns) for crash in report.crashes)))
    else:
        blocks.append(Paragraph("No node crashed."))
    return Section("System health", tuple(blocks))


def _measured(titles: tuple[Column, ...], rows: list[tuple[Cell, ...]]) -> list[Block]:
    """The columns in which at least one node was measured, and a word for those left out."""
    empty = {at for at in range(len(titles)) if all(row[at] == NOT_MEASURED for row in rows)}
    kept = [at for at in range(len(titles)) if at not in empty]
    table = Table(tuple(titles[at] for at in kept), tuple(tuple(row[at] for at in kept) for row in rows))
    if not empty:
        return [table]
    left_out = dict.fromkeys(_OF_COLUMN[at] for at in sorted(empty))
    return [table, Paragraph(f"Not measured in this run: {', '.join(left_out)}.", quiet=True)]


def _node_row(node: NodeHealth) -> tuple[Cell, ...]:
    return row(
        node.node,
        megabytes(node.rss_first_bytes),
        megabytes(node.rss_max_bytes),
        percent(node.cpu_mean_percent),
        percent(node.cpu_max_percent),
        duration(node.loop_lag_max_ns, NOT_MEASURED),
        count(node.tasks_max),
        count(node.open_fds_max),
        count(node.threads_max, NOT_MEASURED),
    )


def _crash_row(crash: Crash, began_ns: int | None) -> tuple[Cell, ...]:
    return row(
        crash.node if crash.first_actor == crash.node else f"{crash.first_actor} on {crash.node}",
        count(crash.crashes),
        moment(crash.first_at_ns, since_ns=began_ns),
        Cell("fault", "plain") if crash.induced else Cell("unplanned", "bad"),
        crash.first_reason or "–",
    )


def generator_section(report: Report) -> Section:
    """Whether each workload kept to its schedule."""
    if not report.generator:
        return Section("Generator health", (Paragraph("No sample of the load generator is in the log."),))
    late = {latency.workload: latency for latency in report.latencies if latency.clock == "late"}
    titles = columns(
        ":workload",
        "due",
        "sent",
        "share",
        "refused",
        "never sent",
        "dropped",
        "still queued",
        "late p50",
        "late p99",
        "late max",
    )
    rows = tuple(_generator_row(health, late.get(health.workload)) for health in report.generator)
    return Section(
        timed("Generator health", report.run.world),
        (
            Table(titles, rows),
            Paragraph(
                "Late: from a request's scheduled time to its send time. Refused: the gateway refused the "
                "connection. Never sent: there was no connection in time, or the load was stopped.",
                quiet=True,
            ),
        ),
    )


def _generator_row(health: GeneratorHealth, late: Latency | None) -> tuple[Cell, ...]:
    return row(
        health.workload,
        count(health.due),
        count(health.sent),
        Cell(percent_text(health.sent / health.due)) if health.due else NONE,
        count(health.turned_away),
        bad_if_any(health.unsent),
        bad_if_any(health.dropped),
        bad_if_any(health.backlog_end),
        *(duration(value) for value in ((late.p50_ns, late.p99_ns, late.max_ns) if late else (None,) * 3)),
    )


def log_section(report: Report) -> Section:
    """Whether the log is whole; segments are listed only when there is something to say about them."""
    log = report.log
    sealed = "sealed" if log.sealed else "never sealed"
    present = sum(segment.present for segment in log.segments)
    counted = f"{plural(log.events, 'event')} in {plural(present, 'segment')}, {sealed}."
    blocks: list[Block] = [Paragraph(counted)]
    odd = [segment for segment in log.segments if _is_odd(segment)]
    if odd:
        titles = columns(
            ":segment", "events", "lost", "missing", "damaged blocks", "torn bytes", "unverified", ":ended"
        )
        blocks.append(Table(titles, tuple(_segment_row(segment) for segment in odd)))
    blocks += [Paragraph(f"Values were replaced by NULL: {problem}") for problem in log.problems]
    return Section("Log health", tuple(blocks))


def _is_odd(segment: SegmentFacts) -> bool:
    missing = segment.lost_events + segment.missing_events + segment.damaged_blocks
    odd = missing + segment.torn_bytes + segment.unknown_events
    return odd > 0 or not segment.present or not (segment.closed or segment.fault_killed)


def _segment_row(segment: SegmentFacts) -> tuple[Cell, ...]:
    ended = "cleanly" if segment.closed else "killed by a fault" if segment.fault_killed else "abruptly"
    if not segment.present:
        ended = "the whole segment is missing"
    expected = segment.present and (segment.closed or segment.fault_killed)
    return row(
        segment.segment,
        count(segment.events),
        bad_if_any(segment.lost_events),
        bad_if_any(segment.missing_events),
        bad_if_any(segment.damaged_blocks),
        count(segment.torn_bytes),
        count(segment.unverified_events),
        Cell(ended, "plain" if expected else "unsure"),
    )


SYSTEM = ReportSection(
    place=110, title="System health", make=system_section, queries=("system_health", "node_crashes")
)
GENERATOR = ReportSection(
    place=120,
    title="Generator health",
    make=generator_section,
    queries=("generator_health", "request_measures"),
)
LOG = ReportSection(place=130, title="Log health", make=log_section, queries=("log_health",))
