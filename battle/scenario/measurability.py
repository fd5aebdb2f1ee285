"""What is known of a run before it starts: what would only make it INCONCLUSIVE is refused, or left out aloud. Pure.

A scenario whose own gateway cannot show what its SLOs need is wrong. One that is run with another gateway, or in
another world, than its author had in mind is not: there such an SLO is left out, and terminal, run.json and report
say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from battle.actors.spec.faults.schedule import (
    ChaosEntry,
    Every,
    Randomly,
    faults_of,
)
from battle.actors.spec.faults.timeline import PlannedFault, expand
from battle.actors.spec.faults.websocket import SessionFault
from battle.actors.spec.gateways import EmbeddedGateway, Gateway, UrlGateway
from battle.actors.spec.workloads import HttpSessions, Workload, WsSubscribe, WsWorkload
from battle.actors.units import Duration, format_duration
from battle.actors.workload.checks import ends_at
from battle.actors.world.interfaces import WorldName
from battle.formatting import grouped_text
from battle.scenario.fault_validation import plan_problems
from battle.scenario.scenario import Scenario
from battle.scenario.slo.language import SloTextError, slo_texts
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import AFTER, BEFORE, RELATIVE
from battle.scenario.slo.slo import Slo
from battle.scenario.slo.windows import FaultName, fault_windows, selects

NOT_VISIBLE = "not visible from outside the gateway"

NOT_KNOWN = "the right answers of a real provider are not known"

_OF_THE_INSIDE = frozenset(name for name, one in METRICS.items() if one.reported is not None)
"""What only a gateway that logs its own attempts can show: a refused connection leaves no trace elsewhere."""

_OF_A_PROCESS = frozenset(name for name, one in METRICS.items() if one.of_process)
"""What is sampled of a process that runs here."""

_OF_ANSWERS = frozenset(name for name, one in METRICS.items() if one.samples == "answers")
"""What needs the right answers to be known."""


class OmittedSlo(msgspec.Struct, frozen=True):
    """An SLO of the scenario that this run is not held to, and why."""

    slo: str
    why: str


class _Span(NamedTuple):
    fault_id: str
    kind: str
    target: str
    started_ns: Duration
    ended_ns: Duration | None


def unmeasurable_slos(scenario: Scenario, slos: Sequence[Slo]) -> Iterator[str]:
    """What would make the run INCONCLUSIVE whatever the gateway does. `slos` are those that can be read."""
    chaos = [entry for entry in scenario.chaos if not any(entry.problems())]
    if any(plan_problems(chaos, scenario.chaos_until, scenario.groups)):
        chaos = []  # reported already
    yield from _after_the_load(scenario, chaos)
    yield from _unheard(scenario, chaos)
    yield from _healing_without_a_before(scenario, chaos)
    named = [msgspec.structs.replace(slo, workload=name) for name, slo in scenario.workload_slos.items()]
    for slo in (*slos, *named):
        if not any(slo.problems()):
            yield from _unmeasurable(scenario, slo, chaos)


def warnings_of(scenario: Scenario) -> Iterator[str]:
    """What whoever runs a scenario without problems should know before it starts."""
    slos = (*scenario.slos, *scenario.workload_slos.values())
    if not any(slo.targets() or slo.queries for slo in slos):
        yield "the scenario has no SLO: the run will be INCONCLUSIVE; add one, such as success_rate"
    if isinstance(scenario.gateway, UrlGateway) and not scenario.setup:
        free = [provider.name for provider in scenario.providers if not provider.port]
        if free:
            yield (
                f"the gateway runs elsewhere and cannot know the addresses of {', '.join(free)}: their ports are "
                "picked when the run starts; give each of them a fixed port=, and the gateway those addresses"
            )


def without_unmeasurable(
    scenario: Scenario, world: WorldName, *, checked: bool = True
) -> tuple[Scenario, tuple[OmittedSlo, ...]]:
    """The scenario without the SLOs that its gateway cannot show in this world, and those SLOs.

    `checked`: whether the right answers are known, which those of real providers are not.
    """
    try:
        slos = scenario.slos
    except (SloTextError, TypeError):
        return scenario, ()  # what cannot be read is refused in a moment
    if not all(isinstance(slo, Slo) for slo in slos):
        return scenario, ()
    reasons = _unseen(scenario.gateway, world) | ({} if checked else dict.fromkeys(_OF_ANSWERS, NOT_KNOWN))
    omitted = tuple(
        OmittedSlo(text, reasons[name])
        for slo in slos
        for name, text in zip(slo.targets(), slo_texts(slo), strict=True)
        if name in reasons
    )
    if not omitted:
        return scenario, ()
    kept = [msgspec.structs.replace(slo, **dict.fromkeys(reasons)) for slo in slos]
    kept = [slo for slo in kept if slo.targets() or slo.queries]
    return msgspec.structs.replace(scenario, slo=kept[0] if len(kept) == 1 else kept), omitted


def omitted_slo_texts(omitted: Sequence[OmittedSlo]) -> Iterator[str]:
    """For whoever starts the run, and whoever reads its report."""
    return (f"SLO left out: {text}" for text in grouped_text((one.slo, one.why) for one in omitted))


def _unseen(gateway: Gateway, world: WorldName = "live") -> dict[str, str]:
    """The SLOs that cannot be measured with this gateway in this world, each with the reason."""
    reasons: dict[str, str] = {}
    if not isinstance(gateway, EmbeddedGateway):
        reasons |= dict.fromkeys(sorted(_OF_THE_INSIDE), NOT_VISIBLE)
    if isinstance(gateway, UrlGateway):
        reasons |= dict.fromkeys(_OF_A_PROCESS, NOT_VISIBLE)
    if world == "simulated":
        reasons |= dict.fromkeys(_OF_A_PROCESS, "a simulated gateway has no memory of its own")
    return reasons


def _after_the_load(scenario: Scenario, chaos: Iterable[ChaosEntry]) -> Iterator[str]:
    """What repeats stops with the load; and with a healing all must be over sooner, which is reported elsewhere."""
    if scenario.healing is not None or scenario.load <= 0:
        return
    for entry in chaos:
        if isinstance(entry, Every | Randomly) or any(fault.repeats_every for fault in faults_of(entry)):
            continue
        late = [one for one in expand([entry], scenario.load, scenario.groups) if one.start >= scenario.load]
        for fault in late[:1]:
            yield (
                f"{fault.kind} of {fault.target} would begin at {format_duration(fault.start)}, and the load is over "
                f"after {format_duration(scenario.load)}: start it earlier, or extend the load"
            )


def _unheard(scenario: Scenario, chaos: Iterable[ChaosEntry]) -> Iterator[str]:
    """Faults of subscriptions that nobody made; a gateway of others may make some by itself."""
    if not isinstance(scenario.gateway, EmbeddedGateway) or not scenario.workloads:
        return
    subscribes = any(isinstance(workload, WsSubscribe) for workload in scenario.workloads)
    connects = any(isinstance(workload, WsWorkload) for workload in scenario.workloads)
    for fault in (fault for entry in chaos for fault in faults_of(entry)):
        if not isinstance(fault, SessionFault):
            continue
        if fault.needs_subscriptions and not subscribes:
            yield f"{fault.kind()}: nothing subscribes, so it would have no effect; add a WsSubscribe workload"
        if not fault.needs_subscriptions and not connects:
            yield f"{fault.kind()}: nothing uses WebSocket, so it would have no effect; add a WsSubscribe workload"


def _healing_without_a_before(scenario: Scenario, chaos: Iterable[ChaosEntry]) -> Iterator[str]:
    if scenario.healing is None:
        return
    for workload in scenario.named_workloads:
        ends = ends_at(workload)
        if workload.name == scenario.healing.workload and 0 < ends <= scenario.chaos_until:
            yield (
                f"healing: workload {workload.name} ends at {format_duration(ends)}, and the healing "
                f"begins at {format_duration(scenario.chaos_until)}: it has no load to measure then"
            )
    first = min((fault.start for fault in _planned(scenario, chaos)), default=None)
    if first == 0:
        yield "healing: a fault begins with the load, so there is no steady state before it to return to"
    for workload in scenario.named_workloads:
        is_measured = not isinstance(workload, WsSubscribe) and scenario.healing.workload in (
            None,
            workload.name,
        )
        if first and is_measured and workload.at >= first:
            yield (
                f"healing: workload {workload.name} begins at {format_duration(workload.at)}, and the first fault at "
                f"{format_duration(first)}, so it has no steady state before it to return to; "
                "let healing look at another workload"
            )


def _unmeasurable(scenario: Scenario, slo: Slo, chaos: Sequence[ChaosEntry]) -> Iterator[str]:
    names = slo.targets().keys()
    for name, why in _unseen(scenario.gateway).items():
        if name in names:
            yield f"slo: {name} is {why}: leave it out, or test the embedded gateway"
    workloads = [one for one in scenario.named_workloads if slo.workload in (None, one.name)]
    if not workloads:
        return
    whose = "no workload" if slo.workload is None else f"workload {slo.workload} never"
    heads = [name for name in names if METRICS[name].needs == "heads"]
    listening = [one for one in workloads if isinstance(one, WsSubscribe) and "newHeads" in one.kinds]
    if heads and not listening:
        yield (
            f"slo: {', '.join(heads)} cannot be measured: {whose} subscribes to newHeads; add a WsSubscribe workload"
        )
    requests = [name for name in names if METRICS[name].needs == "requests"]
    requesting = [one for one in workloads if not isinstance(one, WsSubscribe)]
    if requests and not requesting and slo.method is None:  # one that nobody asks for is reported separately
        sends = f"{whose} sends requests"
        yield f"slo: {', '.join(requests)} cannot be measured: {sends}; add one that does, or judge heads"
    sockets = [name for name in names if METRICS[name].needs == "websockets"]
    if sockets and not any(isinstance(one, WsWorkload) for one in workloads):
        uses = f"{whose} uses WebSocket"
        yield f"slo: {', '.join(sockets)} cannot be measured: {uses}; add a WsSubscribe workload"
    sessions = [name for name in names if METRICS[name].needs == "sessions"]
    if sessions and not any(isinstance(one, HttpSessions) for one in workloads):
        plays = f"{whose} plays sessions"
        yield f"slo: {', '.join(sessions)} cannot be measured: {plays}; add an HttpSessions workload"
    if slo.scope.timed and (concerned := requesting if requests else listening if heads else workloads):
        yield from _empty_windows(scenario, slo, concerned, chaos)


def _empty_windows(
    scenario: Scenario, slo: Slo, workloads: Sequence[Workload], chaos: Sequence[ChaosEntry]
) -> Iterator[str]:
    """Parts of the run in which nothing of these workloads is due: before they begin, when they are over, or when no
    fault leaves any.
    """
    end = max(ends_at(workload) for workload in workloads)
    if end <= 0:
        return
    start = min(workload.at for workload in workloads)
    names = " and ".join(one.name or "the workload" for one in workloads)
    begins = f"{names} begins at {format_duration(start)}"
    ends = f"the load is over after {format_duration(end)}"
    if end < scenario.load:
        ends = f"{names} ends after {format_duration(end)}"
    if slo.when not in RELATIVE:
        for phase in scenario.phases:
            if phase.name == slo.when and end <= phase.at:
                yield f"slo: {slo.scope.text} nothing is due: it begins at {format_duration(phase.at)}, and {ends}"
            if phase.name == slo.when and phase.at + phase.duration <= start:
                over = format_duration(phase.at + phase.duration)
                yield f"slo: {slo.scope.text} nothing is due: it is over at {over}, and {begins}"
        return
    if any(_may_be_hit(slo.fault, entry, scenario) for entry in chaos if isinstance(entry, Randomly)):
        return
    spans = [
        _Span(fault.fault_id, fault.kind, fault.target, fault.start, fault.end)
        for fault in _planned(scenario, chaos)
        if fault.start < scenario.load
    ]
    if not any(selects(slo.fault, span) for span in spans):
        return  # reported elsewhere
    windows = fault_windows(slo.scope, spans)
    if windows and windows[-1][1] <= start:
        over = format_duration(windows[-1][1])
        yield f"slo: {slo.scope.text} nothing is due: that is over at {over}, and {begins}"
    elif not any(min(until, end) > max(begin, start) for begin, until in windows):
        yield f"slo: {slo.scope.text} nothing is due: {_why_empty(slo, spans, ends)}"


def _why_empty(slo: Slo, spans: Sequence[_Span], ends: str) -> str:
    chosen = [span for span in spans if selects(slo.fault, span)]
    if slo.when == BEFORE:
        return "the first of them begins with the load"
    if slo.when == AFTER:
        over = max(span.ended_ns or 0 for span in chosen) + slo.grace
        return f"they are over at {format_duration(over)}, and {ends}"
    return (
        f"the first of them begins at {format_duration(min(span.started_ns for span in chosen))}, and {ends}"
    )


def _may_be_hit(selector: str | None, entry: ChaosEntry, scenario: Scenario) -> bool:
    """Whether random faults are meant; an id's number is not known yet, so any id is taken for theirs."""
    words = [word for word in (selector or "").split() if "." not in word]
    return any(
        selects(" ".join(words), FaultName("", fault.kind(), target))
        for fault in faults_of(entry)
        for target in (fault.target, *scenario.groups)
    )


def _planned(scenario: Scenario, chaos: Iterable[ChaosEntry]) -> list[PlannedFault]:
    """The faults whose times do not depend on the seed; none that would reach into the healing."""
    certain: list[Any] = [entry for entry in chaos if not isinstance(entry, Randomly)]
    planned = expand(certain, scenario.chaos_until, scenario.groups)
    return [fault for fault in planned if scenario.healing is None or fault.end <= scenario.chaos_until]
