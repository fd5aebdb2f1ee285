"""The mock provider: a JSON-RPC server over HTTP that answers from the deterministic chain."""

from typing import Any

import trio

from actors.faults.imposing import Impose, Revert
from actors.provider.connection import Connection
from actors.provider.service import Service
from actors.provider.spec import ProviderRole
from actors.world.control import Control
from actors.world.seam import Stream, World


async def run_provider(world: World, role: ProviderRole, control: Control) -> None:
    """Serve `role.address` until cancelled.

    Ready once it listens. Takes `Impose` and `Revert` from the control channel; a fault holds
    for requests that come in from then on. Logs one `AttemptServed` per JSON-RPC call.

    Raises:
        OSError: the address is in use or not ours.
    """
    service = Service(world, role)

    async def serve(stream: Stream) -> None:
        await Connection(service, stream).serve()

    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve, role.address, serve)
        control.ready()
        async for message in control.inbox:
            _take(service, message)


def _take(service: Service, message: Any) -> None:
    if isinstance(message, Revert):
        service.behaviour = service.behaviour.reverted(message.fault_id)
    elif isinstance(message, Impose):
        service.behaviour = service.behaviour.under(message)
    else:
        raise TypeError(f"a provider takes no {type(message).__name__}")
