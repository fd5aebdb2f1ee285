"""The mock provider: a JSON-RPC server over HTTP and WebSocket that answers from the deterministic chain."""

from typing import Any

import trio

from battle.actors.provider.connection import Connection
from battle.actors.provider.service import Service
from battle.actors.provider.withheld_blocks import WithheldBlocks
from battle.actors.provider.ws_sessions import Sessions
from battle.actors.roles import ApplyFault, ChainPaces, ProviderRole, RevertFault
from battle.actors.wire.faults.node_faults import Gate, TransportFaults
from battle.actors.world.interfaces import Control, Stream, World


async def run_provider(world: World, role: ProviderRole, control: Control) -> None:
    """Serve `role.address` until cancelled.

    Ready once it listens. Takes `ApplyFault` and `RevertFault` from the control channel; a fault of behaviour holds
    for requests that come in from then on, one of transport for all that passes from then on. What faults do to the
    chain comes ahead of its time, as `ChainPaces`. Logs one `AttemptServed` per JSON-RPC call.

    Raises:
        OSError: the address is in use or not ours.
    """
    service = Service(world, role)
    sessions = Sessions(service)
    faults = TransportFaults(world)
    withheld = WithheldBlocks(service)

    async def serve(stream: Stream) -> None:
        await Connection(service, sessions, stream, faults.settled).serve()

    async with trio.open_nursery() as nursery:
        address = await nursery.start(world.serve, role.address, faults.around(serve))
        faults.attach_gate(Gate(world, address))
        control.ready()
        async for message in control.inbox:
            if isinstance(message, ChainPaces):
                service.model.clock.follow(message.paces)
            else:
                _take(sessions, faults, withheld, message)


def _take(sessions: Sessions, faults: TransportFaults, withheld: WithheldBlocks, message: Any) -> None:
    if not isinstance(message, ApplyFault | RevertFault):
        raise TypeError(f"a provider takes no {type(message).__name__}")
    if faults.take(message):
        return
    sessions.take(message)
    if isinstance(message, ApplyFault):
        withheld.watch(message)
