"""The tree of a run, built from its plan: who supervises whom, on which node, listening where.

run (rest_for_one)
  collector
  providers (one_for_one)    each provider, or the link before a real one, its own node
  gateways (one_for_one)     one: its own node, or a foreign program; none when it runs elsewhere
  chaos
  workloads (one_for_one)    each shard its own node
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from battle.actors.collector.sampler import sample_system, usage_of
from battle.actors.roles import Role
from battle.actors.spec.gateways import CommandGateway, EmbeddedGateway, UrlGateway
from battle.actors.system import (
    ActorContext,
    ChildSpec,
    LifecycleChange,
    RestartType,
    Supervisor,
)
from battle.actors.world.cluster import Cluster
from battle.actors.world.interfaces import Usage
from battle.run.gateway_endpoints import gateway_endpoints
from battle.run.gateway_nodes import gateway_nodes
from battle.run.nodes import FaultTargets, NodeActor, node_group, node_on
from battle.run.plan import GATEWAY, RunPlan, workload_role
from battle.run.provider_nodes import ProviderNodes


class RunTree:
    """All supervisors, actors and nodes of one run. `inject` is the chaos actor's body.

    Raises:
        OSError: a port the scenario asks for is in use.
        StartError: the gateway's program or its configuration is not to be had.
    """

    def __init__(
        self,
        cluster: Cluster,
        plan: RunPlan,
        run_dir: Path,
        *,
        inject: Callable[[], Awaitable[None]],
        on_change: Callable[[LifecycleChange], object],
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._run_dir = run_dir
        self._inject = inject
        self._on_change = on_change
        providers = ProviderNodes(cluster, plan)
        self.providers = providers.nodes
        self.provider_addresses = providers.addresses
        self.gateway: list[NodeActor] = []
        self.workloads: list[NodeActor] = []
        self.endpoints = gateway_endpoints(plan.scenario.gateway, cluster)
        self._make_nodes()
        # The load goes on while the gateway restarts, so that it sees that.
        self._gateway_group = node_group("gateways", self.gateway, on_change)
        self.workload_group = node_group("workloads", self.workloads, on_change)
        self.root = Supervisor("run", self._children(), strategy="rest_for_one", on_change=on_change)

    @property
    def nodes(self) -> list[NodeActor]:
        """Every node but the coordinator's own."""
        return [*self.providers.values(), *self.gateway, *self.workloads]

    @property
    def targets(self) -> FaultTargets:
        """What the chaos plan can be aimed at."""
        nodes = {node.name: node for node in (*self.providers.values(), *self.gateway)}
        return FaultTargets(nodes, self._loads)

    @property
    def _loads(self) -> dict[str, list[NodeActor]]:
        """The nodes of each workload, by its name."""
        loads: dict[str, list[NodeActor]] = {}
        for planned, node in zip(self._plan.workloads, self.workloads, strict=True):
            loads.setdefault(planned.workload.name, []).append(node)
        return loads

    def _make_nodes(self) -> None:
        for node in self._plan.workloads:
            load = workload_role(self._plan, node, self.endpoints.http, self.endpoints.ws)
            self.workloads.append(self._node(node.node, load, "transient"))
        where = self.endpoints, self.provider_addresses
        self.gateway = gateway_nodes(self._cluster, self._plan, self._run_dir, *where)

    def _node(self, name: str, role: Role, restart: RestartType) -> NodeActor:
        return node_on(self._cluster, name, role, restart, self._plan.scenario.collect)

    def _children(self) -> list[ChildSpec]:
        children = [
            node_group("providers", self.providers.values(), self._on_change).as_child(),
            *([self._gateway_group.as_child()] if self.gateway else []),
            ChildSpec("chaos", self._chaos, restart="transient", shutdown=0),
            self.workload_group.as_child(),
        ]
        if "system" in self._plan.scenario.collect:
            children.insert(0, ChildSpec("collector", self._collect, shutdown=0))
        return children

    async def _collect(self, context: ActorContext) -> None:
        """Samples the coordinator, and a gateway that is none of ours; our own nodes sample themselves."""
        context.started()
        world = self._cluster.world
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sample_system, world)
            match self._plan.scenario.gateway:
                case CommandGateway():
                    program = self._gateway_group.ref(GATEWAY)
                    nursery.start_soon(sample_system, world, GATEWAY, partial(usage_of, program))
                case UrlGateway():
                    nursery.start_soon(sample_system, world, GATEWAY, self._usage_at_url)
                case EmbeddedGateway():
                    pass

    async def _usage_at_url(self) -> Usage | None:
        return self._cluster.usage_at(self.endpoints.http.address)

    async def _chaos(self, context: ActorContext) -> None:
        context.started()
        await self._inject()
