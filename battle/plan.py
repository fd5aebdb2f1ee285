"""The run plan: everything a world needs to run a scenario, and nothing that depends on which world. Pure."""

import msgspec

from actors.chaos.timeline import PlannedFault, expand
from actors.spec import Spec
from actors.units import Duration
from actors.workload.spec import HttpUsers, Workload, WorkloadRole
from actors.world.seam import Address
from battle.scenario import Scenario

GATEWAY = "gateway"


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


def plan_run(scenario: Scenario, seed: int) -> RunPlan:
    """The plan of a scenario without problems; the same arguments give the same plan."""
    named = [
        workload if workload.name else msgspec.structs.replace(workload, name=_default_name(index))
        for index, workload in enumerate(scenario.workloads)
    ]
    nodes = tuple(
        WorkloadNode(f"load-{workload.name}.{shard}", workload, index, shard)
        for index, workload in enumerate(named)
        for shard in range(1 if isinstance(workload, HttpUsers) else workload.shards)
    )
    scenario = msgspec.structs.replace(scenario, workloads=named)
    return RunPlan(
        scenario, seed, scenario.load, expand(scenario.chaos, scenario.load, scenario.tags, seed), nodes
    )


def workload_role(plan: RunPlan, node: WorkloadNode, target: Address, path: str) -> WorkloadRole:
    """What a workload's node is told, once it is known where the gateway listens."""
    canned: dict[str, list[object]] = {}
    for provider in plan.scenario.providers:
        for method, result in provider.canned.items():
            canned.setdefault(method, []).append(result)
    return WorkloadRole(
        node.workload, node.index, node.shard, target, path, plan.scenario.chain, plan.seed, canned
    )


def _default_name(index: int) -> str:
    return "main" if index == 0 else f"main-{index + 1}"
