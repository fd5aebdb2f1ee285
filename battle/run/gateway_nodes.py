"""The gateway of a run as a node: our own, or somebody's program; none for one that runs elsewhere."""

from collections.abc import Mapping
from pathlib import Path

import trio

from battle.actors.addresses import Address
from battle.actors.roles import GatewayRole, Upstream
from battle.actors.spec.gateways import CommandGateway, EmbeddedGateway
from battle.actors.system import Inbox
from battle.actors.world.cluster import Cluster, Exit, Node
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.gateway_process import prepare_command
from battle.run.needs import gateway_files
from battle.run.nodes import NodeActor, node_on
from battle.run.plan import GATEWAY, RunPlan


def gateway_nodes(
    cluster: Cluster,
    plan: RunPlan,
    run_dir: Path,
    endpoints: GatewayEndpoints,
    providers: Mapping[str, Address],
) -> list[NodeActor]:
    """The node that is the plan's gateway, or none.

    Raises:
        StartError: its program or its configuration is not to be had.
    """
    scenario = plan.scenario
    match scenario.gateway:
        case EmbeddedGateway() as embedded:
            upstreams = tuple(Upstream(name, at) for name, at in providers.items())
            front = GatewayRole(embedded, endpoints.http.address, upstreams, scenario.chain.block_time)
            return [node_on(cluster, GATEWAY, front, "permanent", scenario.collect)]
        case CommandGateway() as program:
            open_files = gateway_files(scenario)
            command = prepare_command(program, run_dir, endpoints, providers, open_files)

            async def run(incarnation: int, inbox: Inbox, *, task_status: trio.TaskStatus[Node]) -> Exit:
                return await cluster.run_command(GATEWAY, incarnation, command, inbox, task_status)

            return [NodeActor(GATEWAY, run, "permanent")]
        case _:
            return []
