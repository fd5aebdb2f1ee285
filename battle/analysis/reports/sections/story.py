"""The section that lists what broke and when: faults, breakers and crashes in one order of time."""

from collections.abc import Iterator

from battle.analysis.reports.cells import moment, timed
from battle.analysis.reports.document import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    Tone,
    columns,
    row,
)
from battle.analysis.reports.schema import FaultEffect, Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.reports.sections.gateway_process import GATEWAY_PROCESS, starting_for_ns
from battle.formatting import duration_text, plural

MOMENTS_SHOWN = 30
"""As many as one reads; the tables below have the rest."""

_Moment = tuple[int, str, Cell]


def story_section(report: Report) -> Section | None:
    """Moments in the order of time; None for a run in which nothing broke."""
    moments = sorted((*_faults(report), *_breakers(report), *_crashes(report)), key=lambda one: one[:2])
    if not moments:
        return None
    began_ns = report.run.load_began_ns
    first = moments[:MOMENTS_SHOWN]
    rows = tuple(row(moment(at_ns, since_ns=began_ns), what, so) for at_ns, what, so in first)
    blocks: list[Block] = [Table(columns("at", ":what happened", ":effect"), rows)]
    if len(moments) > MOMENTS_SHOWN:
        more = f"The first {MOMENTS_SHOWN} of {plural(len(moments), 'moment')}; the sections below have more."
        blocks.append(Paragraph(more, quiet=True))
    return Section(timed("What broke, and when", report.run.world), tuple(blocks))


def _faults(report: Report) -> Iterator[_Moment]:
    for fault in report.faults:
        if fault.started_ns is None:
            continue
        detected = reaction_text(fault)
        errors = f"; {plural(fault.request_errors, 'request')} failed" if fault.request_errors else ""
        tone: Tone = "bad" if fault.request_errors else "plain"
        yield (
            fault.started_ns,
            f"{fault.kind} of {fault.target} began ({fault.fault_id})",
            Cell(detected + errors, tone),
        )
        if fault.ended_ns is not None:
            back = "; ".join([*_starting(report, fault), _return(report, fault)])
            yield fault.ended_ns, f"{fault.kind} of {fault.target} ended ({fault.fault_id})", Cell(back)


def reaction_text(fault: FaultEffect) -> str:
    """How the gateway reacted to a fault that began, as far as somebody logged it."""
    after = fault.time_to_detect_ns
    match fault.source:
        case "gateway" if after is None:
            return "no failed attempt, lost connection or opened breaker in the gateway's log"
        case "gateway":
            return f"detected by the gateway after {duration_text(after or 0)}"
        case "clients" if after is None:
            return "no request of a client failed"
        case "clients":
            return f"the first request of a client failed after {duration_text(after or 0)}"
        case _:
            return "; ".join(_seen_by_providers(fault)) or "no reaction visible from outside"


def _seen_by_providers(fault: FaultEffect) -> Iterator[str]:
    """What the providers' logs show of a gateway that does not report its attempts."""
    if fault.time_to_detect_ns is not None:
        after = duration_text(fault.time_to_detect_ns)
        yield f"after {after} a request that it had received went to another provider, from the providers' logs"
    stopped_ns = fault.traffic_stopped_ns
    if stopped_ns is not None:
        when = f"{duration_text(stopped_ns)} after it began" if stopped_ns else "when it began"
        yield f"traffic to {fault.target} stopped {when}, from the providers' logs"
    elif fault.leaked_attempts:
        yield f"{plural(fault.leaked_attempts, 'request')} still reached {fault.target}"


def _return(report: Report, fault: FaultEffect) -> str:
    """How the target came back. One that nobody asked, or that never answered well, was not lost by the fault."""
    if fault.time_to_recover_ns is not None:
        return f"its next good answer after {duration_text(fault.time_to_recover_ns)}"
    if fault.source is None:
        return "what it answered is in no log"
    if fault.source == "clients":
        return "no request succeeded after it"
    share = next((one for one in report.provider_shares if one.provider == fault.target), None)
    if share is None or share.attempts == 0:
        if fault.source == "providers":
            return "no client's request reached it in the whole run"
        return "no client's request was sent to it in the whole run"
    if share.failed == share.attempts:
        return "it gave no good answer in the whole run"
    return "no good answer from it was seen after that"


def _starting(report: Report, fault: FaultEffect) -> Iterator[str]:
    """How long a gateway that the fault had ended took to be ready again, and what it refused meanwhile."""
    ends = [
        end for end in report.section_rows.get(GATEWAY_PROCESS.title, ()) if end["fault_id"] == fault.fault_id
    ]
    if not ends:
        return
    took_ns = starting_for_ns(ends[-1])
    refused = ends[-1]["refused_starting"]
    meanwhile = f", and refused {plural(refused, 'request')} until then" if refused else ""
    if took_ns is not None:
        yield f"ready {duration_text(took_ns)} after it could start again{meanwhile}"
    elif ends[-1]["back_ns"] is None:
        yield f"it was not ready again{meanwhile}"


def _breakers(report: Report) -> Iterator[_Moment]:
    for span in report.first_breaker_spans:
        if span.state == "open":
            lasted = "to the end" if span.duration_ns is None else f"for {duration_text(span.duration_ns)}"
            yield span.started_ns, f"breaker of {span.provider} ({span.transport}) opened", Cell(lasted)


def _crashes(report: Report) -> Iterator[_Moment]:
    """Only those that no fault meant: the others are listed with their faults."""
    for crash in report.crashes:
        if not crash.induced:
            times = "" if crash.crashes == 1 else f", the first of {crash.crashes:,} crashes"
            reason = crash.first_reason or "no reason was logged"
            yield (
                crash.first_at_ns,
                f"{crash.first_actor} crashed on {crash.node}{times}",
                Cell(reason, "bad"),
            )


STORY = ReportSection(
    place=20,
    title="What broke, and when",
    make=story_section,
    queries=("fault_effects", "breaker_spans", "node_crashes", "run_phases"),
    charts=("fault_lanes",),
)
