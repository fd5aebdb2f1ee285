"""The run plan: everything a world needs to run a scenario, and nothing that depends on which world. Pure."""

import msgspec

from battle.actors.chain.histories import history_of
from battle.actors.chain.parameters import unknown_method
from battle.actors.chain.traces import TRACES
from battle.actors.roles import WorkloadRole
from battle.actors.spec.base import Spec
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.faults.kinds.ahead_head import AheadHead
from battle.actors.spec.faults.schedule import Fault
from battle.actors.spec.faults.timeline import PlannedFault, expand
from battle.actors.spec.faults.transport import Partition
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.workloads import HttpStep, Workload, WsWorkload
from battle.actors.units import Duration
from battle.actors.wire.jsonrpc import RpcError
from battle.errors import ScenarioError
from battle.scenario.scenario import Scenario

GATEWAY = "gateway"

SEEDS = 2**63
"""A log holds a seed as an integer of 64 bits."""


class WorkloadNode(Spec, frozen=True):
    """One shard of a workload: the node that will play it, and its part of the load."""

    node: str
    workload: Workload
    index: int
    shard: int


class RunPlan(Spec, frozen=True):
    """A scenario resolved: every node named, every fault on the timeline."""

    scenario: Scenario
    seed: int
    load: Duration
    timeline: tuple[PlannedFault, ...]
    workloads: tuple[WorkloadNode, ...]


def run_plan(scenario: Scenario, seed: int) -> RunPlan:
    """The plan of a scenario without problems; the same arguments give the same plan.

    Raises:
        ScenarioError: the seed is none that a log can hold.
    """
    if not -SEEDS <= seed < SEEDS:
        raise ScenarioError(f"a seed is a whole number of up to 63 bits, not {seed}")
    named = [_with_steps(workload) for workload in scenario.named_workloads]
    nodes = tuple(
        WorkloadNode(f"load-{workload.name}.{shard}", workload, index, shard)
        for index, workload in enumerate(named)
        for shard in range(workload.shards)
    )
    scenario = msgspec.structs.replace(scenario, workloads=named)
    return RunPlan(scenario, seed, scenario.load, _timeline(scenario, seed), nodes)


def _timeline(scenario: Scenario, seed: int) -> tuple[PlannedFault, ...]:
    """The faults; of those that repeat none that would reach into the healing."""
    timeline = expand(scenario.chaos, scenario.chaos_until, scenario.groups, seed)
    if scenario.healing is None:
        return timeline
    return tuple(fault for fault in timeline if fault.end <= scenario.chaos_until)


def workload_role(plan: RunPlan, node: WorkloadNode, http: Endpoint, ws: Endpoint) -> WorkloadRole:
    """The role of a workload's node, once it is known where the gateway takes HTTP and WebSockets."""
    gateway = plan.scenario.gateway
    canned: dict[str, list[object]] = {}
    mocks = [provider for provider in plan.scenario.providers if isinstance(provider, MockProvider)]
    for provider in mocks:
        for method, result in provider.canned.items():
            canned.setdefault(method, []).append(result)
    refused = _refused_by_all(mocks)
    for method in refused:
        canned.setdefault(method, []).append(_error(unknown_method(method)))
    return WorkloadRole(
        node.workload,
        node.index,
        node.shard,
        ws if isinstance(node.workload, WsWorkload) else http,
        plan.scenario.chain,
        plan.seed,
        canned,
        checks_answers=len(mocks) == len(plan.scenario.providers),
        ahead_blocks=max(
            (planned.fault.blocks for planned in plan.timeline if isinstance(planned.fault, AheadHead)),
            default=0,
        ),
        may_be_parted=any(_parts(planned.fault, node) for planned in plan.timeline),
        only_canned=[
            method
            for method in canned
            if method in refused or all(method in provider.canned for provider in mocks)
        ],
        provider_header=isinstance(gateway, EmbeddedGateway) or gateway.reports != "none",
        history=history_of(plan.scenario.chain) if mocks else None,
    )


def _refused_by_all(mocks: list[MockProvider]) -> list[str]:
    """The methods of which no provider is capable: that it is not is then the right answer."""
    return [
        method
        for capability, methods in TRACES.items()
        if not any(capability in provider.capabilities for provider in mocks)
        for method in methods
    ]


def _error(error: RpcError) -> dict[str, object]:
    """As canned answers are written."""
    return {"error": {"code": error.code, "message": error.message}}


def _parts(fault: Fault, node: WorkloadNode) -> bool:
    return isinstance(fault, Partition) and fault.parts_from(node.workload.name)


def _with_steps(workload: Workload) -> Workload:
    """The workload with its steps listed, so that the log alone says when each was played."""
    if isinstance(workload, HttpStep):
        return msgspec.structs.replace(
            workload, rates=workload.all_rates, start_rate=0.0, step=0.0, end_rate=0.0
        )
    return workload
