"""The sections about failure and survival: failovers and faults."""

from collections.abc import Callable, Iterable, Sequence

from battle.analysis.reports.cells import (
    count,
    duration,
    explain_command,
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
from battle.analysis.reports.load_facts import only_subscriptions
from battle.analysis.reports.reaction_tables import longest, reaction_blocks, stream_blocks
from battle.analysis.reports.schema import (
    FailoverFacts,
    FaultEffect,
    Report,
    SlowFailover,
)
from battle.analysis.reports.section import ReportSection
from battle.analysis.verdict.checkers.fault_effects import effect_text
from battle.analysis.verdict.checkers.nodes import GATEWAY_NODE
from battle.analysis.visibility import unseen_text
from battle.formatting import plural

SLOWEST_SHOWN = 5
SPANS_SHOWN = 20
FAULTS_SHOWN = 12
"""As many as one reads; report.json and the views have more."""

TARGETS_NAMED = 4

NONE_ANSWERED = "none answered"
"""Beside failovers that led nowhere: `max_failover_latency_ms` is then not reached, and none is the slowest."""

_EFFECTS = columns(":fault", ":took effect", ":evidence")
_NOT_SEEN = Cell("not seen", "unsure")
_NOT_VISIBLE = Cell("not visible", "quiet")
_INFERRED = (
    "This gateway does not report its attempts, so this is inferred from the providers' logs: a connection that a "
    "dead provider refused is not in them, so the count is a lower bound."
)
_FAULT_NOTE = (
    "Applied: time since the load began. Detected: the first failed attempt at the target, or its "
    "breaker's opening. Recovered: the first good attempt after the fault ended. Leaked: attempts sent to the broken "
    "provider meanwhile."
)
_GATEWAY_NOTE = (
    "What is counted of a fault that ended the gateway goes on until the gateway was ready again, or until the next "
    "such fault."
)
_OUTSIDE_NOTE = (
    "Applied: time since the load began. This gateway does not report its attempts, so the rest comes "
    "from the providers' logs. Detected: a request that the target had got went to another provider for the first "
    "time. Recovered: the first good attempt after the fault ended. Leaked: attempts that reached the broken one "
    "meanwhile. Not visible: the gateway may have reacted, or tried, where no provider could see it."
)


def failover_section(report: Report) -> Section:
    """How often requests needed more than one attempt, and streams another upstream, and what that cost."""
    facts = report.failovers
    streams = report.websocket.stream_failovers
    blocks: list[Block] = []
    if facts.failovers:
        blocks += _failover_blocks(report)
    elif only_subscriptions(report):
        blocks += [] if streams else [Paragraph(_no_stream_text(report))]
    elif facts.failovers is None:
        blocks.append(Paragraph(_unseen_failovers(report)))
    else:
        blocks.append(Paragraph("No request needed more than one attempt."))
    blocks += stream_blocks(streams)
    title = timed("Failovers", report.run.world) if facts.failovers or streams else "Failovers"
    return Section(title, tuple(blocks))


def failovers_text(facts: FailoverFacts) -> str:
    """How many failovers there were, as far as is known, and whether none of them was answered."""
    if facts.failovers is None:
        return "not visible"
    return _counted(facts) + (f", {NONE_ANSWERED}" if facts.failovers and not facts.answered else "")


def _counted(facts: FailoverFacts) -> str:
    return f"at least {facts.failovers:,}" if facts.source == "providers" else f"{facts.failovers:,}"


def _no_stream_text(report: Report) -> str:
    reports = report.gateway_reports
    if reports.streams:
        return "No stream of the gateway lost its upstream."
    return f"Failovers of streams: {unseen_text(reports.kind, 'streams')}."


def _unseen_failovers(report: Report) -> str:
    why = unseen_text(report.gateway_reports.kind, "attempts")
    if report.gateway_reports.kind == "embedded":
        return f"Whether a request needed more than one attempt is unknown ({why})."
    return (
        f"Whether a request needed more than one attempt is {why}, and no provider saw a request that another one "
        "had got before. A refused connection leaves no trace with a provider."
    )


def _failover_blocks(report: Report) -> list[Block]:
    facts = report.failovers
    text = (
        f"{_counted(facts).capitalize()} of {plural(report.requests.total, 'request')} needed more than one attempt "
        f"(at most {facts.attempts_max}); {_answered(facts)} answered."
    )
    costs = (facts.cost_mean_ns, facts.cost_p50_ns, facts.cost_p95_ns, facts.cost_p99_ns, facts.cost_max_ns)
    began_ns = report.run.load_began_ns
    blocks: list[Block] = [
        Paragraph(text),
        Table(columns("cost mean", "p50", "p95", "p99", "max"), (row(*(duration(cost) for cost in costs)),)),
        Paragraph(_cost_text(facts), quiet=True),
        Table(
            columns(_slowest_title(facts), "at", ":asked", ":answered", "cost"),
            tuple(_failover_row(slow, began_ns) for slow in facts.slowest[:SLOWEST_SHOWN]),
        ),
        *(explain_command(report, slow.request_id) for slow in facts.slowest[:1]),
    ]
    if facts.source == "providers":
        blocks.append(Paragraph(_INFERRED, quiet=True))
    return blocks


def _slowest_title(facts: FailoverFacts) -> str:
    return ":slowest failovers" if facts.answered else f":failovers, {NONE_ANSWERED}"


def _answered(facts: FailoverFacts) -> str:
    if not facts.answered:
        return "none of them was"
    return "all of them were" if facts.answered == facts.failovers else f"{facts.answered:,} of them were"


def _cost_text(facts: FailoverFacts) -> str:
    wasted = "until its last attempt ended"
    if not facts.answered:
        return f"The cost of a failover that was not answered is the time {wasted}: all of it was wasted."
    rest = "" if facts.answered == facts.failovers else f"; of a request that none answered, {wasted}"
    return f"The cost is the time until the attempt that answered began{rest}."


def _failover_row(slow: SlowFailover, began_ns: int | None) -> tuple[Cell, ...]:
    answered = Cell("yes") if slow.answered else Cell("no", "bad")
    path = " → ".join(slow.providers)
    at = moment(slow.started_ns, since_ns=began_ns)
    return row(slow.request_id, at, path, answered, duration(slow.cost_ns))


def fault_section(report: Report) -> Section:
    """What each fault did, and how long it took to notice and to come back."""
    if not report.faults:
        return Section("Faults", (Paragraph("No fault was planned."),))
    blocks = _each_fault(report) if len(report.faults) <= FAULTS_SHOWN else _fault_groups(report)
    return Section(timed("Faults", report.run.world), blocks)


def _each_fault(report: Report) -> tuple[Block, ...]:
    times = columns(
        ":fault", ":target", "applied", "for", "detected after", "recovered after", "leaked", "request errors"
    )
    return (
        Table(times, tuple(_fault_row(fault, report.run.load_began_ns) for fault in report.faults)),
        Paragraph(_fault_note(report), quiet=True),
        *reaction_blocks([(one.fault_id, [one]) for one in report.reactions]),
        Table(_EFFECTS, tuple(_effect_row(fault) for fault in report.faults)),
    )


def _fault_note(report: Report) -> str:
    outside = any(fault.source == "providers" for fault in report.faults)
    note = _OUTSIDE_NOTE if outside else _FAULT_NOTE
    ended = any(
        {"killed", "stopped"} & set(fault.evidence) for fault in report.faults if fault.target == GATEWAY_NODE
    )
    return f"{note} {_GATEWAY_NOTE}" if ended else note


def _unseen(fault: FaultEffect) -> Cell:
    """What stands for a reaction that is in no log: of a gateway that reports nothing it may have happened."""
    return _NOT_SEEN if fault.source in ("gateway", "clients") else _NOT_VISIBLE


def _fault_groups(report: Report) -> tuple[Block, ...]:
    """Too many to read one by one: a row for those of one kind at one target, then those that did nothing."""
    faults, began_ns = report.faults, report.run.load_began_ns
    groups = _grouped(faults, lambda fault: (fault.kind, fault.target))
    if len(groups) > SPANS_SHOWN:
        groups = _grouped(faults, lambda fault: (fault.kind, ""))
    summary = columns(
        ":faults", ":targets", "planned", "took effect", "first at", "last at", "slowest to detect",
        "slowest to recover", "leaked", "request errors",
    )  # fmt: skip
    idle = [fault for fault in faults if not fault.effect_observed]
    reactions = {one.fault_id: one for one in report.reactions}
    blocks: list[Block] = [
        Paragraph(
            f"{plural(len(faults), 'fault')} in {plural(len(groups), 'group')}; fault_windows has each."
        ),
        Table(summary, tuple(_group_row(group, began_ns) for group in groups)),
        Paragraph(_fault_note(report), quiet=True),
        *reaction_blocks(
            [
                (f"{group[0].kind} at {_targets(group)}", [reactions[fault.fault_id] for fault in group])
                for group in groups
            ]
        ),
    ]
    if idle:
        blocks.append(Paragraph(f"Without effect: {len(idle)} of {len(faults)}."))
        blocks.append(Table(_EFFECTS, tuple(_effect_row(fault) for fault in idle[:SPANS_SHOWN])))
    if len(idle) > SPANS_SHOWN:
        blocks.append(Paragraph(f"Only the first {SPANS_SHOWN} of these are shown.", quiet=True))
    return tuple(blocks)


def _grouped(
    faults: Sequence[FaultEffect], key: Callable[[FaultEffect], tuple[str, str]]
) -> list[list[FaultEffect]]:
    """In the order in which each group first appears."""
    groups: dict[tuple[str, str], list[FaultEffect]] = {}
    for fault in faults:
        groups.setdefault(key(fault), []).append(fault)
    return list(groups.values())


def _targets(group: Sequence[FaultEffect]) -> str:
    targets = dict.fromkeys(fault.target for fault in group)
    return ", ".join(targets) if len(targets) <= TARGETS_NAMED else plural(len(targets), "provider")


def _group_row(group: Sequence[FaultEffect], began_ns: int | None) -> tuple[Cell, ...]:
    begun = [fault.started_ns for fault in group if fault.started_ns is not None]
    effective = sum(fault.effect_observed for fault in group)
    not_yet = Cell("not started", "unsure")
    return row(
        group[0].kind,
        _targets(group),
        count(len(group)),
        Cell(f"{effective:,}", "good" if effective == len(group) else "unsure"),
        moment(min(begun, default=None), not_yet, since_ns=began_ns),
        moment(max(begun, default=None), not_yet, since_ns=began_ns),
        duration(longest(fault.time_to_detect_ns for fault in group), _unseen(group[0])),
        duration(longest(fault.time_to_recover_ns for fault in group), _NOT_SEEN),
        count(_known_sum(fault.leaked_attempts for fault in group), _NOT_VISIBLE),
        count(sum(fault.request_errors for fault in group)),
    )


def _fault_row(fault: FaultEffect, began_ns: int | None) -> tuple[Cell, ...]:
    started_ns, ended_ns = fault.started_ns, fault.ended_ns
    lasted_ns = None if started_ns is None or ended_ns is None else ended_ns - started_ns
    unseen = Cell("–", "quiet") if started_ns is None else _unseen(fault)
    no_answer = Cell("–", "quiet") if started_ns is None or ended_ns is None else _NOT_SEEN
    return row(
        fault.fault_id,
        fault.target,
        moment(started_ns, Cell("not started", "unsure"), since_ns=began_ns),
        duration(lasted_ns, Cell("to the end") if started_ns is not None else Cell("–", "quiet")),
        duration(fault.time_to_detect_ns, unseen),
        duration(fault.time_to_recover_ns, no_answer),
        count(fault.leaked_attempts, _NOT_VISIBLE),
        count(fault.request_errors),
    )


def _known_sum(counts: Iterable[int | None]) -> int | None:
    """Of those that were visible; None: none was."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def _effect_row(fault: FaultEffect) -> tuple[Cell, ...]:
    effect = Cell("yes", "good") if fault.effect_observed else Cell("no", "unsure")
    return row(fault.fault_id, effect, effect_text(fault) or "none")


FAILOVERS = ReportSection(place=70, title="Failovers", make=failover_section, queries=("failovers_summary",))
FAULTS = ReportSection(place=90, title="Faults", make=fault_section, queries=("fault_effects",))
