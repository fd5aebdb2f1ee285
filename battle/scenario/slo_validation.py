"""What is wrong with a scenario's SLOs, its phases and its healing, before anything starts. Pure, but for SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from battle.actors.spec.faults.base import FaultSpec
from battle.actors.spec.faults.schedule import (
    ChaosEntry,
    Every,
    Randomly,
    faults_of,
)
from battle.actors.spec.faults.timeline import expand, targets_of_fault
from battle.actors.units import format_duration
from battle.scenario.measurability import unmeasurable_slos
from battle.scenario.scenario import Scenario
from battle.scenario.slo.language import SloTextError, slos_of
from battle.scenario.slo.scope import RELATIVE
from battle.scenario.slo.slo import Slo
from battle.scenario.slo.windows import FaultName, selects


def slo_problems(scenario: Scenario) -> Iterator[str]:
    """Each thing wrong with its SLOs."""
    listed = [scenario.slo] if isinstance(scenario.slo, Slo | str) else scenario.slo
    slos: list[Slo] = []
    for one in listed:
        try:
            slos += slos_of(one)
        except SloTextError as error:
            yield f"slo: {error}"
    for slo in slos:
        yield from _slo_problems(scenario, slo)
    yield from _workload_problems(scenario)
    named = [msgspec.structs.replace(slo, workload=name) for name, slo in scenario.workload_slos.items()]
    yield from _repeated([*slos, *named])
    yield from _phase_problems(scenario)
    yield from _healing_problems(scenario)
    yield from unmeasurable_slos(scenario, slos)


def _workload_problems(scenario: Scenario) -> Iterator[str]:
    for name, slo in scenario.workload_slos.items():
        if name not in _workload_names(scenario):
            yield f"workload_slos: there is no workload named {name!r}; {_known_workloads(scenario)}"
        if slo.workload not in (None, name):
            yield f"workload {name}: slo: it is about workload {slo.workload!r}; leave `workload` out"
        for problems in (
            slo.problems(),
            slo.not_collected(scenario.collect),
            slo.not_of_one_workload(),
            _scope_problems(scenario, msgspec.structs.replace(slo, workload=name)),
        ):
            yield from (f"workload {name}: {problem}" for problem in problems)


def _slo_problems(scenario: Scenario, slo: Slo) -> Iterator[str]:
    yield from slo.problems()
    yield from slo.not_collected(scenario.collect)
    yield from scope_problems(scenario, slo)
    if not any(slo.problems()):
        yield from statement_problems(slo)


def scope_problems(scenario: Scenario, slo: Slo) -> Iterator[str]:
    """What the SLO is about and the scenario does not have: a workload, a method, a phase, a fault."""
    if slo.workload is not None and slo.workload not in _workload_names(scenario):
        yield f"slo: there is no workload named {slo.workload!r}; {_known_workloads(scenario)}"
    else:
        yield from _scope_problems(scenario, slo)


def _scope_problems(scenario: Scenario, slo: Slo) -> Iterator[str]:
    """What the scenario does not have of what the scope names; its workload is there."""
    if slo.method is not None:
        methods = _methods(scenario, slo.workload)
        if methods is not None and slo.method not in methods:
            yield f"slo: no workload calls {slo.method!r}; the methods are: {', '.join(methods)}"
    if slo.when in RELATIVE:
        yield from _fault_problems(scenario, slo)
    elif slo.when not in ("run", *(phase.name for phase in scenario.phases)):
        phases = ", ".join(phase.name for phase in scenario.phases) or "there are none"
        yield f'slo: when is "run", {_listed(RELATIVE)} or a phase, not {slo.when!r}; the phases: {phases}'


def statement_problems(slo: Slo) -> Iterator[str]:
    """What is wrong with its statements, tried on a log without events."""
    if not slo.queries:
        return
    from battle.store.dry_run import dry_run

    for name, problem in dry_run({one.name: one.query for one in slo.queries}).items():
        yield f"slo {name!r}: its SQL cannot be used: {problem}"


def _fault_problems(scenario: Scenario, slo: Slo) -> Iterator[str]:
    if not scenario.chaos:
        yield f"slo: when is {slo.when!r}, but no fault is planned"
        return
    planned = list(_planned(scenario.chaos, scenario))
    if planned and not any(_may_select(slo.fault, fault) for fault in planned):
        names = ", ".join(dict.fromkeys(f"{fault.kind} {fault.target}" for fault in planned))
        yield f"slo: no planned fault is {slo.fault!r}; those planned: {names}"


def _planned(chaos: Iterable[ChaosEntry], scenario: Scenario) -> Iterator[FaultName]:
    for entry in chaos:
        for fault in faults_of(entry):
            for target in targets_of_fault(fault, scenario.groups):
                yield FaultName(f"{fault.kind()}-{target}.", fault.kind(), target)


def _may_select(selector: str | None, fault: FaultName) -> bool:
    """Like `selects`; how many faults of a kind there will be is not known here, so an id's number is not checked."""
    words = (selector or "").split()
    known = [
        fault.fault_id if word.startswith(fault.fault_id) and word[len(fault.fault_id) :].isdigit() else word
        for word in words
    ]
    return selects(" ".join(known), fault)


def _repeated(slos: Iterable[Slo]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for slo in slos:
        counts.update(f"{name} {slo.scope.text}".rstrip() for name in slo.targets())
        counts.update(f"{query.name!r}" for query in slo.queries)
    yield from (f"slo: {name} is given more than once" for name, n in counts.items() if n > 1)


def _phase_problems(scenario: Scenario) -> Iterator[str]:
    for phase in scenario.phases:
        problems = list(phase.problems())
        yield from problems or phase.outside(scenario.load)
    for name, count in Counter(phase.name for phase in scenario.phases).items():
        if count > 1:
            yield f"phase {name!r} is defined more than once; names must be unique"


def _healing_problems(scenario: Scenario) -> Iterator[str]:
    healing = scenario.healing
    if healing is None:
        return
    problems = list(healing.problems())
    yield from problems
    if healing.workload is not None and healing.workload not in _workload_names(scenario):
        yield f"healing: there is no workload named {healing.workload!r}; {_known_workloads(scenario)}"
    if not scenario.chaos:
        yield "healing: no fault is planned, so there is nothing to heal from"
    if not problems and healing.duration >= scenario.load > 0:
        length = format_duration(healing.duration)
        yield f"healing: it lasts {length}, and the load is over after {format_duration(scenario.load)}"
    elif not problems:
        yield from _too_late(scenario)


def _too_late(scenario: Scenario) -> Iterator[str]:
    """The faults that would still hold when the healing begins, and do not repeat: those stop by themselves."""
    begin = scenario.chaos_until
    once = [entry for entry in scenario.chaos if not _repeats(entry)]
    if any(problem for entry in once for problem in entry.problems()):
        return
    for fault in expand(once, begin, scenario.groups):
        if fault.end > begin:
            yield (
                f"healing: {fault.kind} of {fault.target} would end at {format_duration(fault.end)}, and the healing "
                f"begins at {format_duration(begin)}: end it earlier, or extend the load"
            )


def _repeats(entry: ChaosEntry) -> bool:
    if isinstance(entry, FaultSpec):
        return entry.repeats_every is not None
    return isinstance(entry, Every | Randomly)


def _methods(scenario: Scenario, workload: str | None) -> list[str] | None:
    """The methods that are asked for; None when a generator or a trace decides."""
    methods: dict[str, None] = {}
    for one in scenario.named_workloads:
        if workload is not None and one.name != workload:
            continue
        method = getattr(one, "method", "")
        if getattr(one, "generator", "") or hasattr(one, "path"):
            return None
        if getattr(one, "batch", 1) > 1:
            method = "batch"
        methods |= dict.fromkeys([method] if isinstance(method, str) else method)
    return [method for method in methods if method]


def _workload_names(scenario: Scenario) -> list[str]:
    return [workload.name for workload in scenario.named_workloads]


def _known_workloads(scenario: Scenario) -> str:
    return f"the workloads are: {', '.join(_workload_names(scenario))}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
