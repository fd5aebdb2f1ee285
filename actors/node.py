"""A node: one role, and the sampler beside it. `python -m battle.actors.node FD` is one as a process.

The role decides how long the node lives. An exception in any actor ends the whole node, which is how a crash
travels up to the supervisor in the coordinator.
"""

import sys

import trio

from battle.actors.collector.sampler import sample_system
from battle.actors.collector.selection import selected
from battle.actors.roles import (
    GatewayRole,
    LinkRole,
    Message,
    NodeSpec,
    ProviderRole,
    Role,
    WorkloadRole,
)
from battle.actors.world.interfaces import Control, World


async def boot(world: World, spec: NodeSpec, control: Control) -> None:
    """Run a node's actors until its role has done its work."""
    world.log = selected(world.log, spec.collect)
    async with trio.open_nursery() as nursery:
        if "system" in spec.collect:
            nursery.start_soon(sample_system, world)
        await _run_role(world, spec.role, control)
        nursery.cancel_scope.cancel()


async def _run_role(world: World, role: Role, control: Control) -> None:
    """Each role's code is loaded only where it is played: nodes start fast."""
    match role:
        case ProviderRole():
            from battle.actors.provider.server import run_provider

            await run_provider(world, role, control)
        case LinkRole():
            from battle.actors.link.server import run_link

            await run_link(world, role, control)
        case GatewayRole():
            from battle.actors.gateway.server import run_gateway

            await run_gateway(world, role, control)
        case WorkloadRole():
            from battle.actors.workload.generator import run_workload

            await run_workload(world, role, control)


def main() -> int:
    """Be the node that the coordinator at the other end of the given descriptor asks for."""
    from battle.actors.world.live.node_main import run_node

    return run_node(int(sys.argv[1]), NodeSpec, Message, boot)


if __name__ == "__main__":
    sys.exit(main())
