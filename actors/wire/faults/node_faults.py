"""The transport faults in force on a node, and the connections and the listening socket they fall upon."""

from collections.abc import Iterator
from itertools import count

import trio

from battle.actors.addresses import Address
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.endpoints import Tls
from battle.actors.spec.faults.transport import StreamFault, Way
from battle.actors.units import ms
from battle.actors.wire.faults.lane import Toxic
from battle.actors.wire.faults.stream import FaultyStream
from battle.actors.world.interfaces import ConnectionHandler, Stream, Timer, World
from battle.store.events import FaultActed

QUIET_NS = ms(100)
"""A connection on which nothing passed for so long, and its server last, is idle: between two pieces of one answer
less time passes. Only a link must go by that; a server of ours says when it has answered."""


class Gate:
    """The listening socket of `address`: shut while somebody has a reason for that."""

    def __init__(self, world: World, address: Address) -> None:
        self._world = world
        self._address = address
        self._reasons: dict[str, None] = {}

    @property
    def is_shut(self) -> bool:
        """Whether new connections are refused."""
        return bool(self._reasons)

    def shut(self, reason: str) -> None:
        """New connections are refused from now on."""
        if not self._reasons:
            self._world.shut(self._address)
        self._reasons[reason] = None

    def unshut(self, reason: str) -> None:
        """This reason is gone; with the last one the socket listens again."""
        if reason in self._reasons:
            del self._reasons[reason]
            if not self._reasons:
                self._world.reopen(self._address)


class TransportFaults:
    """What a server on this node serves through, so that transport faults can be applied to it.

        faults = TransportFaults(world)
        address = await nursery.start(world.serve, wanted, faults.around(handler))
        faults.attach_gate(Gate(world, address))
        ...
        faults.take(message)

    Or what a client connects through: `stream = await faults.connect(address)`.

    Logs `FaultActed` when a fault first does something to a connection; connections are numbered from 1.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._draws = world.draws("transport")
        self._numbers = count(1)
        self._streams: dict[int, FaultyStream] = {}
        self._born_under: dict[int, frozenset[str]] = {}
        self._toxics: dict[str, StreamFault] = {}
        self._gate: Gate | None = None
        self._sweeper: Timer | None = None

    def attach_gate(self, gate: Gate) -> None:
        """Shut this gate while connections are to be refused."""
        self._gate = gate

    def around(self, handler: ConnectionHandler) -> ConnectionHandler:
        """The same handler, for a stream that faults can fall upon; it ends when the connection really is over."""

        async def handle(bare: Stream) -> None:
            stream = self.wrap(bare)
            try:
                await handler(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # as for any handler: it has recorded what that means
            finally:
                stream.close()
            await stream.finished()

        return handle

    async def connect(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> FaultyStream:
        """Open a connection as `World.connect` does, under the faults in force now and later."""
        return self.wrap(await self._world.connect(address, tls, receive_buffer=receive_buffer))

    def wrap(self, bare: Stream) -> FaultyStream:
        """A new connection, under the faults in force now and later."""
        number = next(self._numbers)
        stream = FaultyStream(self._world, bare, number, self, self._draws)
        self._streams[number] = stream
        if self._toxics:
            self._born_under[number] = frozenset(self._toxics)
            self._govern(stream)
        return stream

    def settled(self, stream: Stream) -> None:
        """The server has answered all it was asked on `stream`: while it refuses, that connection is over."""
        if self._sweeper is not None and isinstance(stream, FaultyStream) and (refusals := self._refusals()):
            stream.break_by(refusals[0], "closed")

    def take(self, message: ApplyFault | RevertFault) -> bool:
        """Apply or revert a fault; whether it is one of these."""
        if isinstance(message, RevertFault):
            return self._revert(message.fault_id)
        if not isinstance(message.fault, StreamFault):
            return False
        self._apply(message.fault_id, message.fault)
        return True

    def _apply(self, fault_id: str, fault: StreamFault) -> None:
        self._toxics[fault_id] = fault
        for stream in [*self._streams.values()]:
            fault.on_connection(stream.under(fault_id))
        if fault.refuses:
            self._refuse(fault_id)
        self._govern_all()

    def _revert(self, fault_id: str) -> bool:
        fault = self._toxics.pop(fault_id, None)
        if fault is None:
            return False
        if fault.refuses and self._gate is not None:
            self._gate.unshut(fault_id)
        for stream in [*self._streams.values()]:
            if stream.was_touched_by(fault_id):
                fault.on_release(stream.under(fault_id))
        self._govern_all()
        return True

    def _govern_all(self) -> None:
        for stream in [*self._streams.values()]:
            self._govern(stream)

    def _govern(self, stream: FaultyStream) -> None:
        born_under = self._born_under.get(stream.number, frozenset())
        stream.govern([*self._for("in", born_under)], [*self._for("out", born_under)], self._toxics)

    def _for(self, way: Way, born_under: frozenset[str]) -> Iterator[Toxic]:
        """The faults that concern one direction."""
        for fault_id, fault in self._toxics.items():
            if fault.concerns(way, begun_under=fault_id in born_under):
                yield Toxic(fault_id, fault)

    # Refusing.

    def _refuse(self, fault_id: str) -> None:
        if self._gate is not None:
            self._gate.shut(fault_id)
        if self._sweeper is None:
            self._sweep({})

    def _refusals(self) -> list[str]:
        return [fault_id for fault_id, fault in self._toxics.items() if fault.refuses]

    def _sweep(self, moves: dict[int, int]) -> None:
        """While refusing: close what has been idle since the sweep before this one."""
        self._sweeper = None
        refusals = self._refusals()
        if not refusals:
            return
        for number, stream in [*self._streams.items()]:
            if stream.is_idle and moves.get(number) == stream.moves:
                stream.break_by(refusals[0], "closed")
        seen = {number: stream.moves for number, stream in self._streams.items()}
        self._sweeper = self._world.call_at(self._world.now_ns() + QUIET_NS, self._sweep, seen)

    # The streams' registry.

    def acted(self, number: int, fault_id: str, action: str) -> None:
        self._world.log.append(
            FaultActed(
                at_ns=self._world.now_ns(),
                fault_id=fault_id,
                node=self._world.node,
                action=action,
                connection=str(number),
            )
        )

    def finished(self, number: int) -> None:
        self._streams.pop(number, None)
        self._born_under.pop(number, None)
