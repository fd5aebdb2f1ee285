"""What is wrong with the faults of a scenario, one by one and as a plan, before anything starts. Pure."""

from collections.abc import Iterable, Iterator

from battle.actors.spec.faults.behaviour import AnswerFault, Reorg, StaleHead
from battle.actors.spec.faults.chain import ChainFault
from battle.actors.spec.faults.process import ProcessFault
from battle.actors.spec.faults.schedule import ChaosEntry, Every, Fault, Ramp, Randomly, Sequence, faults_of
from battle.actors.spec.faults.timeline import FAULTS_MAX, Groups, targets_of, targets_of_fault
from battle.actors.spec.faults.transport import GATEWAY, LOAD, Partition
from battle.actors.spec.faults.websocket import SessionFault
from battle.actors.spec.gateways import UrlGateway
from battle.actors.spec.providers import RealProvider
from battle.actors.units import Duration, format_duration
from battle.scenario.scenario import Scenario

_RANDOM_SURPLUS = 20
"""Twice the mean and this many: more than a random schedule gives in any run anybody will see."""


_OF_MOCKS = (AnswerFault, SessionFault, ChainFault)

_FOR_THE_GATEWAY = "only a fault of processes (kill, flap, restart, pause) or a partition can have that"


def fault_problems(scenario: Scenario) -> Iterator[str]:
    """Each thing wrong with the faults that a scenario plans, in a sentence."""
    for entry in scenario.chaos:
        for fault in faults_of(entry):
            yield from _aim_problems(scenario, fault)
            if needs_mock(fault):
                yield from _not_for_real_ones(scenario, fault)
            yield from _history_problems(scenario, fault)
        yield from entry.problems()
    yield from plan_problems(scenario.chaos, scenario.chaos_until, scenario.groups)


def needs_mock(fault: Fault) -> bool:
    """Whether it changes what a provider does, which only a mock's author can."""
    return isinstance(fault, _OF_MOCKS)


def _aim_problems(scenario: Scenario, fault: Fault) -> Iterator[str]:
    if not targets_of_fault(fault, scenario.groups):
        if fault.target == GATEWAY:
            yield f"{fault.kind()}: its target is the gateway, and {_FOR_THE_GATEWAY}; {provider_choice(scenario)}"
            return
        yield f"{fault.kind()}: its target {fault.target!r} does not exist; {provider_choice(scenario)}"
    if (
        isinstance(fault, ProcessFault)
        and fault.target == GATEWAY
        and isinstance(scenario.gateway, UrlGateway)
    ):
        yield (
            f"{fault.kind()}: the gateway runs elsewhere, and Battle cannot end, pause or start it; use a gateway "
            'that Battle starts (type = "command"), or leave this fault out'
        )
    if isinstance(fault, Partition) and fault.is_before_the_gateway:
        named = [workload.name for workload in scenario.named_workloads]
        if fault.peer not in (GATEWAY, LOAD, *named):
            known = ", ".join(named)
            yield f"partition: there is no workload named {fault.peer!r}; the workloads are: {known}"


def _not_for_real_ones(scenario: Scenario, fault: Fault) -> Iterator[str]:
    real = {provider.name for provider in scenario.providers if isinstance(provider, RealProvider)}
    for name in targets_of(fault.target, scenario.groups):
        if name in real:
            yield f"{fault.kind()}: {name} is a real provider; this fault needs a mock provider"


def _history_problems(scenario: Scenario, fault: Fault) -> Iterator[str]:
    """No node is behind the oldest block that there is, or replaces it."""
    history = scenario.chain.start_height - scenario.chain.oldest_height
    blocks = fault.blocks if isinstance(fault, StaleHead) else fault.depth if isinstance(fault, Reorg) else 0
    if blocks >= history:
        field = "blocks" if isinstance(fault, StaleHead) else "depth"
        more = f"chain = Chain(history={blocks + 1})"
        yield f"{fault.kind()}: {field} must be below the chain's history of {history} blocks, or set {more}"


def provider_choice(scenario: Scenario) -> str:
    """What may be named instead: the providers, and their groups."""
    groups = sorted({group for provider in scenario.providers for group in provider.groups})
    grouped = f", the groups {', '.join(groups)}" if groups else ""
    return "the providers are " + ", ".join(sorted(scenario.provider_names)) + grouped


def plan_problems(plan: Iterable[ChaosEntry], load: Duration, groups: Groups) -> Iterator[str]:
    """Each thing wrong with a plan whose entries are sound in themselves, for a load that lasts `load`."""
    sound = [entry for entry in plan if not any(entry.problems())]
    for entry in sound:
        yield from _never_begins(entry, load)
    faults = sum(_most_faults(entry, load, groups) for entry in sound)
    if faults > FAULTS_MAX:
        yield f"the chaos plan may come to {faults:,} faults; {FAULTS_MAX:,} are allowed"


def _never_begins(entry: ChaosEntry, load: Duration) -> Iterator[str]:
    """What repeats until the load ends, and begins only then, would silently be nothing at all."""
    *before, fault = faults_of(entry)
    if not isinstance(entry, Every | Randomly) and fault.repeats_every is None:
        return
    begin = fault.first[0] + sum(earlier.first[1] for earlier in before)
    if isinstance(entry, Sequence):
        begin += len(before) * entry.pause
    over = f"the load is over after {format_duration(load)}"
    if begin >= load > 0:
        yield f"{entry.kind()}: it would begin with {fault.target} at {format_duration(begin)}, and {over}"
    elif isinstance(entry, Randomly) and fault.first[1] >= load > 0:
        end = format_duration(fault.first[1])
        yield f"{entry.kind()}: it could not be over with {fault.target} before {end}, and {over}"


def _most_faults(entry: ChaosEntry, load: Duration, groups: Groups) -> int:
    if isinstance(entry, Sequence):
        return sum(_most_faults(fault, load, groups) for fault in entry.faults)
    (fault,) = faults_of(entry)
    begin, end = fault.first
    left = max(0, load - begin)
    match entry:
        case Every(period=period, times=None):
            times = _ceil(left, period)
        case Every(period=period, times=int(most)):
            times = min(most, _ceil(left, period))
        case Randomly(mtbf=mtbf):
            times = 2 * _ceil(left, mtbf + end - begin) + _RANDOM_SURPLUS
        case Ramp(steps=steps):
            times = 2 * steps + 1
        case _:
            times = 1 if fault.repeats_every is None else _ceil(left, fault.repeats_every)
    return times * len(targets_of_fault(fault, groups))


def _ceil(length: Duration, part: Duration) -> int:
    return -(-length // part)
