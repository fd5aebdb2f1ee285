"""A stream that transport faults can fall upon at any moment of its life, in either world.

While none is in force a chunk costs one call and a few attributes more than on the bare stream. What a fault does to
the bytes is decided in `toxics`; this is the shell that moves them, arms the timers and tells both ends.
"""

from typing import Literal, Protocol

import trio

from battle.actors.rng import Draws
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import Duration
from battle.actors.wire.faults.lane import Lane, Ruling
from battle.actors.wire.faults.receiving_half import FaultyReceiving
from battle.actors.world import interfaces
from battle.actors.world.interfaces import Stream, World

_UPGRADED = b"HTTP/1.1 101"


class Registry(Protocol):
    """Where the streams of a node report to."""

    def acted(self, number: int, fault_id: str, action: str) -> None:
        """A fault did something to a connection, for the first time."""

    def finished(self, number: int) -> None:
        """The connection is over; no fault can fall upon it any more."""


class FaultyStream(FaultyReceiving):
    """`inner`, under the faults that `govern` names; nobody else may use `inner` from then on.

    A fault that ends the connection looks like a reset to whoever uses this stream. After `close` the connection
    lives on until what was written has left in its time: await `finished` before `inner` is closed otherwise.
    """

    def __init__(self, world: World, inner: Stream, number: int, registry: Registry, draws: Draws) -> None:
        super().__init__(world, inner, number, draws)
        self._registry = registry
        self._out = self._lanes["out"]
        self._pumps["out"] = self._pump_out
        self._governed = False
        self._resets: dict[str, Duration] = {}
        self._touched_by: set[str] = set()
        self._wrote = False
        self._upgraded = False
        self._ended = False
        self._drainer: trio.lowlevel.Task | None = None
        self._over_event: trio.Event | None = None

    # Faults.

    def govern(self, ingoing: list[Ruling], outgoing: list[Ruling], resets: dict[str, Duration]) -> None:
        """From now on these faults are in force. `resets`: those that reset it so long after its first bytes."""
        if self._over:
            return
        self._governed = bool(ingoing or outgoing or resets)
        self._resets = resets
        self._toxic = True
        self._in.govern(ingoing)
        self._out.govern(outgoing)
        self._pump_out()
        self._pump_in()

    def break_by(self, fault_id: str, action: Literal["reset", "closed"]) -> None:
        """A fault ends the connection: resets it, or closes it in good order."""
        if not self._over:
            self._note(fault_id, action)
            self._break(abort=action == "reset")

    def was_touched_by(self, fault_id: str) -> bool:
        """Whether the fault has done something to this connection."""
        return fault_id in self._touched_by

    @property
    def is_idle(self) -> bool:
        """Whether the peer waits for nothing, as far as bytes tell: they went its way last, not by WebSocket."""
        return not self._owes and not self._upgraded

    def _begins_to_reset(self) -> bool:
        for fault_id, after in self._resets.items():
            if after == 0:
                self.break_by(fault_id, "reset")
                return True
            self._world.call_at(self._world.now_ns() + after, self._reset_if_in_force, fault_id)
        return False

    def _reset_if_in_force(self, fault_id: str) -> None:
        if fault_id in self._resets:
            self.break_by(fault_id, "reset")

    def _break(self, *, abort: bool) -> None:
        if abort:
            self._inner.abort()
        else:
            self._inner.close()
        self._finish()
        # Whoever uses this stream may be in the middle of a call to it.
        self._world.call_at(self._world.now_ns(), self._end, "reset")

    def _note(self, fault_id: str, action: str) -> None:
        if fault_id not in self._touched_by:
            self._touched_by.add(fault_id)
            self._registry.acted(self.number, fault_id, action)

    def _passed(self, lane: Lane) -> None:
        self._arm(lane)
        for fault_id, action in lane.acted.items():
            self._note(fault_id, action)
        lane.acted.clear()
        if not self._governed and self._in.empty and self._out.empty:
            self._toxic = False

    # Sending.

    def write(self, data: bytes) -> None:
        if self._toxic:
            self._write_slowly(data)
            return
        if not self._wrote:
            self._first_words(data)
        self.moves += 1
        self._owes = False
        self._inner.write(data)

    def _first_words(self, data: bytes) -> None:
        self._wrote = bool(data)
        self._upgraded = data.startswith(_UPGRADED)

    def _write_slowly(self, data: bytes) -> None:
        if self._closed or self._over or self._ended or not data:
            return
        if not self._wrote:
            self._first_words(data)
        first = self.moves == 0
        self.moves += 1
        self._owes = False
        if first and self._begins_to_reset():
            return
        self._out.push(bytes(data), self._world.now_ns())
        self._pump_out()
        too_much = self._out.queued_bytes > WRITE_LIMIT_BYTES
        if too_much or self._world.held.must_go(self, 2 * interfaces.NODE_HELD_BYTES):
            self.abort()

    def _pump_out(self) -> None:
        """Send what is due."""
        lane, now_ns = self._out, self._world.now_ns()
        while not self._over and (item := lane.take(now_ns)) is not None:
            if isinstance(item, bytes):
                self._inner.write(item)
            elif item == "cut":
                self._break(abort=False)
            elif item != "eof":  # whoever sends it waits for the lane
                self._leave(abort=item == "abort")
        if lane.empty:
            self._wake_drainer()
        self._passed(lane)

    @property
    def unsent_bytes(self) -> int:
        return self._out.queued_bytes + self._inner.unsent_bytes

    def is_over_share(self) -> bool:
        held = self._world.held
        return self._inner.is_over_share() or held.must_go(self, interfaces.NODE_HELD_BYTES)

    @property
    def held_bytes(self) -> int:
        """What a fault holds back of what was written; the rest is with the stream below."""
        return self._out.queued_bytes

    def _check_sendable(self) -> None:
        if self._closed or self._ended:
            raise trio.ClosedResourceError
        if self._over:
            raise trio.BrokenResourceError("the connection was reset")

    async def _drain(self) -> None:
        await self._until_lane_is_empty()
        self._check_sendable()
        await self._inner.wait_send_all_might_not_block()

    async def _until_lane_is_empty(self) -> None:
        def abort(_: object) -> trio.lowlevel.Abort:
            self._drainer = None
            return trio.lowlevel.Abort.SUCCEEDED

        while not (self._out.empty or self._over or self._closed):
            self._drainer = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(abort)

    def _wake_drainer(self) -> None:
        if self._drainer is not None:
            drainer, self._drainer = self._drainer, None
            self._world.wake(drainer)

    async def send_eof(self) -> None:
        self._begin_send()
        try:
            if self._closed:
                raise trio.ClosedResourceError
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
            if self._ended:
                return
            if self._toxic:
                self._out.push_end("eof", self._world.now_ns(), noticed=self._fate is None)
                self._pump_out()
            await self._until_lane_is_empty()
            self._check_sendable()
            await self._inner.send_eof()
            self._ended = True
        finally:
            self._sending = False

    # Ending.

    def close(self) -> None:
        if self._closed:
            return
        resets = bool(self._ready)  # a kernel answers with a reset when bytes were left unread
        noticed = self._fate is None and not self._ended
        self._stop_using()
        if self._over:
            return
        if self._toxic:
            self._out.push_end("abort" if resets else "close", self._world.now_ns(), noticed=noticed)
            self._pump_out()
        else:
            self._leave(abort=resets and not self._inner.unsent_bytes)

    def abort(self) -> None:
        if not self._closed:
            self._stop_using()
        if self._over:
            return
        if self._toxic:
            self._out.clear()
            self._out.push_end("abort", self._world.now_ns())
            self._pump_out()
        else:
            self._leave(abort=True)

    async def aclose(self) -> None:
        self.close()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self._leave(abort=True)  # a cancelled close is a forced one
            raise

    async def finished(self) -> None:
        """Wait until nothing of the connection is left to be sent or held back."""
        while not self._over:
            if self._over_event is None:
                self._over_event = trio.Event()
            await self._over_event.wait()

    def is_stale(self) -> bool:
        if self._closed or self._over or self._ended or self._ready or self._fate is not None:
            return True
        return not self._toxic and self._inner.is_stale()  # what a fault holds back is not known here yet

    def _stop_using(self) -> None:
        self._closed = True
        self._stop_receiving()
        self._wake_drainer()

    def _leave(self, *, abort: bool) -> None:
        if abort:
            self._inner.abort()
        else:
            self._inner.close()
        self._finish()

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        self._world.held.forget(self)
        self._in.clear()
        self._out.clear()
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._wake_drainer()
        if self._over_event is not None:
            self._over_event.set()
        self._registry.finished(self.number)

    # Timers: one for each lane, for when its next piece is due.

    def _arm(self, lane: Lane) -> None:
        waits = self._over or (lane is self._in and self._paused)
        due_ns = None if waits else lane.due_ns()
        armed = self._timers.get(lane.way)
        if armed is not None:
            if armed[0] == due_ns:
                return
            armed[1].cancel()
            del self._timers[lane.way]
        if due_ns is not None:
            self._timers[lane.way] = (due_ns, self._world.call_at(due_ns, self._on_time, lane.way))

    def _on_time(self, way: str) -> None:
        self._timers.pop(way, None)
        self._pumps[way]()
