"""How long a run will take, for `battle list`. Pure.

In the live world that is the load and a little around it. In the simulated world it depends on how much happens, not
on how long that takes in virtual time: the costs below were measured and are good to a factor of about two, as
machines differ. docs/performance.md has the measurements.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice, pairwise
from math import ceil

from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.latency import mean_of
from battle.actors.spec.providers import RealProvider
from battle.actors.spec.workloads import (
    HttpBurst,
    HttpConstant,
    HttpOpenLoop,
    HttpPoisson,
    HttpRamp,
    HttpScheduled,
    HttpSessions,
    HttpStages,
    HttpStep,
    HttpUsers,
    RateStage,
    Replay,
    UserStage,
    Workload,
    WsRequests,
    WsSubscribe,
)
from battle.actors.units import Duration, ms, seconds
from battle.actors.workload.checks import duration_of
from battle.actors.workload.requests.schedule import schedule_of
from battle.actors.workload.requests.trace import TraceError, read_trace
from battle.scenario.scenario import Scenario

LIVE_AROUND = seconds(3)
"""Starting nodes, stopping them, sealing the log, judging, writing reports."""

SIMULATED_AROUND = seconds(1.5)
"""Loading the program, sealing the log, judging, writing reports."""

PER_CALL = ms(0.3)
"""Of real time, for each call of a load: made, passed on by the gateway, answered, judged, logged."""

PER_NOTIFICATION = ms(0.15)
"""Of real time, for each notification that a client gets."""

PER_NODE_SECOND = ms(0.3)
"""Of real time, for each virtual second of each node: samples, timers."""

_ANSWERED_AFTER = ms(100)
"""What a user of a closed loop is taken to wait for an answer."""


_CALLS_OF_A_SCRIPT = 5
"""What a session is taken to ask when only its author knows."""

COUNTED_MAX = 100_000
"""Arrivals of a schedule that are counted one by one, in some 20 ms; further ones are taken to come as densely."""


def live_time(scenario: Scenario) -> Duration:
    """How long a run in the live world takes, as long as nothing hangs."""
    return scenario.load + LIVE_AROUND


def simulated_time(scenario: Scenario) -> Duration | None:
    """About how long a run in the simulated world takes; None when the scenario cannot run there."""
    if not isinstance(scenario.gateway, EmbeddedGateway):
        return None
    if any(isinstance(provider, RealProvider) for provider in scenario.providers):
        return None
    nodes = len(scenario.providers) + len(scenario.workloads) + 2  # the gateway and the coordinator
    block_time = scenario.chain.block_time
    return round(
        SIMULATED_AROUND
        + PER_CALL * sum(calls(workload) for workload in scenario.workloads)
        + PER_NOTIFICATION * sum(notifications(workload, block_time) for workload in scenario.workloads)
        + PER_NODE_SECOND * nodes * scenario.load / seconds(1)
    )


def calls(workload: Workload) -> float:
    """About how many calls a workload makes, each call of a batch counted."""
    length_s = duration_of(workload) / seconds(1)
    match workload:
        case HttpConstant() | HttpPoisson():
            return workload.rate * length_s * workload.batch
        case HttpBurst():
            bursts = ceil(workload.duration / workload.every)
            return (workload.size * bursts + workload.rate * length_s) * workload.batch
        case HttpRamp():
            return (workload.start_rate + workload.end_rate) / 2 * length_s * workload.batch
        case HttpStages():
            rates = [workload.start_rate, *(stage.rate for stage in workload.stages)]
            return _area(rates, workload.stages) / seconds(1) * workload.batch
        case HttpStep():
            return sum(workload.all_rates) * workload.step_duration / seconds(1) * workload.batch
        case HttpUsers():
            return _user_time(workload) / (mean_of(workload.think_time) + _ANSWERED_AFTER) * workload.batch
        case Replay():
            return _recorded(workload)
        case HttpSessions():
            own = sum(step.times for step in workload.steps)
            each = own or (_CALLS_OF_A_SCRIPT if ":" in workload.script else workload.length + 2)
            return workload.rate * length_s * each
        case HttpScheduled():
            return _arrivals(workload) * workload.batch
        case WsRequests():
            return workload.rate * length_s
        case WsSubscribe():
            return workload.connections * workload.subscriptions


def in_flight(workload: HttpOpenLoop | HttpSessions) -> float:
    """How many requests of an open loop can be under way at most: those due within the time that one may take."""
    at_most_s = min(workload.timeout, duration_of(workload)) / seconds(1)
    match workload:
        case HttpConstant() | HttpPoisson() | HttpSessions():
            return workload.rate * at_most_s
        case HttpBurst():
            bursts = ceil(at_most_s * seconds(1) / workload.every)
            return workload.size * bursts + workload.rate * at_most_s
        case HttpRamp():
            return max(workload.start_rate, workload.end_rate) * at_most_s
        case HttpStages():
            return max(workload.start_rate, *(stage.rate for stage in workload.stages)) * at_most_s
        case HttpStep():
            return max(workload.all_rates) * at_most_s
        case Replay():
            return _recorded(workload)
        case HttpScheduled():
            return _most_within(workload, min(workload.timeout, workload.duration))


def notifications(workload: Workload, block_time: Duration) -> float:
    """About how many notifications a workload gets: one for each block and subscription."""
    if not isinstance(workload, WsSubscribe):
        return 0
    return workload.connections * workload.subscriptions * workload.duration / block_time


def _user_time(workload: HttpUsers) -> float:
    """How long all its users are there together, in nanoseconds."""
    if not workload.stages:
        return workload.users * workload.duration
    return _area([workload.users, *(stage.users for stage in workload.stages)], workload.stages)


def _area(levels: Sequence[float], stages: Sequence[RateStage | UserStage]) -> float:
    """Under what goes evenly from each level to the next, for as long as the stage between them lasts."""
    return sum(
        (start + end) / 2 * stage.duration
        for (start, end), stage in zip(pairwise(levels), stages, strict=True)
    )


def _first_arrivals(workload: HttpScheduled) -> list[int]:
    """Those of one seed, in ns from the start; other seeds have about as many."""
    return list(islice(schedule_of(workload, seed=0), COUNTED_MAX))


def _arrivals(workload: HttpScheduled) -> float:
    due = _first_arrivals(workload)
    if len(due) < COUNTED_MAX or not due[-1]:
        return len(due)
    return len(due) * workload.duration / due[-1]


def _most_within(workload: HttpScheduled, span: Duration) -> int:
    """The most arrivals within any such span of time; all that are counted when there are more."""
    due = _first_arrivals(workload)
    if len(due) == COUNTED_MAX:
        return len(due)
    return max((count - bisect_right(due, at - span) for count, at in enumerate(due, 1)), default=0)


def _recorded(workload: Replay) -> int:
    try:
        return len(read_trace(workload.path).times_ns)
    except TraceError:
        return 0  # reported when it is to be run
