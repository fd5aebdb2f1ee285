"""The link as a role: clients in front, the real upstream behind, and transport faults between them.

Each connection of a client has one to the upstream, opened at once, so that whoever only connects finds out what is
behind the link. Inside it speaks HTTP, with the path, the headers and the TLS of the upstream.
"""

from collections.abc import Callable
from errno import ETIMEDOUT
from os import strerror

import trio

from battle.actors.link.connection import LinkConnection
from battle.actors.link.pace import Pace
from battle.actors.link.pace_log import PaceLog
from battle.actors.roles import ApplyFault, LinkRole, RevertFault
from battle.actors.spec.endpoints import Endpoint
from battle.actors.units import ms, seconds
from battle.actors.wire.faults.node_faults import Gate, TransportFaults
from battle.actors.world.interfaces import Control, Stream, World

PROBE_NS = ms(100)
"""Between two looks whether an upstream that refused connections takes them again."""

CONNECT_SECONDS = seconds(30) / 1e9
"""An upstream that neither takes nor refuses a connection for so long is as good as one that resets it."""

_UPSTREAM = "the upstream refuses"


async def run_link(world: World, role: LinkRole, control: Control) -> None:
    """Relay between `role.address` and `role.upstream` until cancelled.

    Ready once it listens. Takes `ApplyFault` and `RevertFault` of transport faults from the control channel; they hit
    the connections with clients. An upstream that refuses is found out by the first client, which is reset; then the
    link refuses too, until the upstream takes connections again.

    Raises:
        OSError: the address is in use or not ours.
        TypeError: a message that is not for a link.
    """
    faults = TransportFaults(world)
    async with trio.open_nursery() as nursery:
        link = _Link(world, role, nursery, faults.settled)
        gate = link.gate = Gate(
            world, await nursery.start(world.serve, role.address, faults.around(link.serve))
        )
        faults.attach_gate(gate)
        control.ready()
        try:
            async for message in control.inbox:
                if not isinstance(message, ApplyFault | RevertFault):
                    raise TypeError(f"a link takes no {type(message).__name__}")
                if not faults.take(message) and isinstance(message, ApplyFault):
                    raise TypeError(f"a link takes no {message.fault.kind()}")
        finally:
            link.pace_log.flush()


class _Link:
    def __init__(
        self, world: World, role: LinkRole, nursery: trio.Nursery, settled: Callable[[Stream], object]
    ) -> None:
        self.gate: Gate | None = None
        self.pace_log = PaceLog(world, role.requests_per_second)
        self._pace = Pace(role.requests_per_second) if role.requests_per_second else None
        self._settled = settled
        self._world = world
        self._role = role
        self._nursery = nursery
        self._probing = False

    async def serve(self, client: Stream) -> None:
        """One connection, from its start to its end."""
        try:
            upstream = await self._connect(self._role.upstream)
        except OSError as error:
            if isinstance(error, ConnectionRefusedError):
                self._refuse()
            client.abort()
            return
        connection = LinkConnection(
            self._world, self._role, self._pace, self.pace_log, client, upstream, self._settled
        )
        await connection.serve(self._connect)

    async def _connect(self, upstream: Endpoint) -> Stream:
        with trio.move_on_after(CONNECT_SECONDS):
            return await self._world.connect(upstream.address, upstream.tls)
        raise TimeoutError(ETIMEDOUT, strerror(ETIMEDOUT))

    def _refuse(self) -> None:
        if not self._probing and self.gate is not None:
            self._probing = True
            self.gate.shut(_UPSTREAM)
            self._nursery.start_soon(self._probe)

    async def _probe(self) -> None:
        """Look again and again whether the upstream is back."""
        assert self.gate is not None
        while self._probing:
            await self._world.sleep_until(self._world.now_ns() + PROBE_NS)
            try:
                (await self._connect(self._role.upstream)).close()
            except OSError:
                continue
            self._probing = False
        self.gate.unshut(_UPSTREAM)
