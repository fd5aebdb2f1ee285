"""The half of a faulty stream that receives: for a task or by callbacks, the short way or through a lane."""

from collections import deque
from collections.abc import Callable
from operator import index
from typing import Literal, TypeAlias

import trio

from battle.actors.rng import Draws
from battle.actors.wire.faults.lane import Lane
from battle.actors.world.common import ReadByOne
from battle.actors.world.interfaces import (
    Loss,
    Stream,
    Timer,
    World,
)

READ_AHEAD_BYTES = 256 * 1024
"""What a stream holds of what came in, delayed or not asked for yet, before it leaves the rest with the sender."""

_Fate: TypeAlias = Literal["end", "reset", "closed", "unread"]


class FaultyReceiving(ReadByOne):
    """What of a `FaultyStream` receives, and what both of its halves share."""

    def __init__(self, world: World, inner: Stream, number: int, draws: Draws) -> None:
        self.number = number
        self.moves = 0
        """Goes up with everything that passes: who sees the same number twice knows that nothing did."""
        self._world = world
        self._inner = inner
        self._toxic = False
        """Whether a chunk must go the long way: a fault is in force, or a lane is not empty yet."""
        self._owes = False
        self._closed = False
        self._over = False
        self._lanes: dict[str, Lane] = {"in": Lane("in", draws, number), "out": Lane("out", draws, number)}
        self._in = self._lanes["in"]
        self._timers: dict[str, tuple[int, Timer]] = {}
        self._pumps: dict[str, Callable[[], None]] = {"in": self._pump_in}
        self._listening = False
        self._inner_paused = False
        self._paused = False
        self._ready: deque[bytes] = deque()
        self._ready_bytes = 0
        self._fate: _Fate | None = None
        self._wanted: Callable[[bytes, int], object] | None = None
        self._receive: Callable[[bytes, int], object] | None = None
        """`_wanted`, once nothing older waits in `_ready`."""
        self._lost: Callable[[Loss, int], object] | None = None

    # What the other half does.

    def _passed(self, lane: Lane) -> None:
        """Something was put into a lane or taken from it."""
        raise NotImplementedError

    def _begins_to_reset(self) -> bool:
        """The connection's first bytes pass now; whether a fault has ended it for that."""
        raise NotImplementedError

    def _break(self, *, abort: bool) -> None:
        """A fault ends the connection."""
        raise NotImplementedError

    def _finish(self) -> None:
        """The connection is over."""
        raise NotImplementedError

    # From the inner stream.

    def _listen(self) -> None:
        if not self._listening and not self._over:
            self._listening = True
            self._inner.on_data(self._on_inner_data, self._on_inner_lost)

    def _on_inner_data(self, data: bytes, at_ns: int) -> None:
        if self._toxic or not data:
            self._enter(data)
            return
        self.moves += 1
        self._owes = True
        if self._receive is not None:
            self._receive(data, at_ns)
        else:
            self._keep(data)

    def _enter(self, data: bytes) -> None:
        """What came does not go the short way: a fault may want it, or it is the end."""
        if self._closed or self._over:
            return
        if not self._toxic:
            self._end("end")
            return
        first = self.moves == 0
        self.moves += 1
        if not data:
            self._in.push_end("end", self._world.now_ns())
        elif first and self._begins_to_reset():
            return
        else:
            self._owes = True
            self._in.push(data, self._world.now_ns())
        self._pump_in()

    def _on_inner_lost(self, how: Loss, _at_ns: int) -> None:
        if self._over:
            return
        if how != "reset":  # the inner stream gave up on a peer that does not read
            self._finish()
            self._end(how)
        elif self._closed:
            self._finish()  # nobody is there to be told, and nobody to send to
        elif self._toxic and not self._paused:
            self._in.push_end("reset", self._world.now_ns())
            self._pump_in()
        else:
            self._end("reset")

    def _pump_in(self) -> None:
        """Hand over what is due."""
        lane, now_ns = self._in, self._world.now_ns()
        while not (self._paused or self._closed or self._over):
            item = lane.take(now_ns)
            if item is None:
                break
            if isinstance(item, bytes):
                self._hand_over(item, now_ns)
            elif item == "cut":
                self._break(abort=False)
            else:
                self._end("end" if item == "end" else "reset")
        self._pace_inner()
        self._passed(lane)

    def _hand_over(self, data: bytes, now_ns: int) -> None:
        if self._receive is not None:
            self._receive(data, now_ns)
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        """For a task that will ask for it."""
        if not self._closed:
            self._ready.append(data)
            self._ready_bytes += len(data)
            self._pace_inner()
            self._wake_reader()

    def _pace_inner(self) -> None:
        """Leave with the sender what would be too much here."""
        too_much = self._paused or self._ready_bytes + self._in.queued_bytes >= READ_AHEAD_BYTES
        if too_much != self._inner_paused and self._listening and not self._over:
            self._inner_paused = too_much
            if too_much:
                self._inner.pause_receiving()
            else:
                self._inner.resume_receiving()

    # By callbacks.

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if self._reader is not None or self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        self._wanted, self._lost = receive, lost
        if self._ready or self._fate is not None:
            self._world.call_at(self._world.now_ns(), self._begin)
        else:
            self._receive = receive
            self._listen()

    def _begin(self) -> None:
        """Hand over what a task has left unread, then what comes."""
        wanted = self._wanted
        assert wanted is not None
        while self._ready and not self._paused:
            data = self._ready.popleft()
            self._ready_bytes -= len(data)
            wanted(data, self._world.now_ns())
        if self._ready or self._closed:
            return
        self._receive = wanted
        if self._fate is not None:
            self._tell_fate()
        else:
            self._listen()
            self._pace_inner()

    def pause_receiving(self) -> None:
        self._paused = True
        self._pace_inner()

    def resume_receiving(self) -> None:
        self._paused = False
        self._pace_inner()
        if self._wanted is not None and self._receive is None:
            self._world.call_at(self._world.now_ns(), self._begin)
        if self._toxic:
            self._world.call_at(self._world.now_ns(), self._pump_in)

    def _end(self, fate: _Fate) -> None:
        """Nothing more comes; whoever receives is told, once."""
        if self._fate is None:
            self._fate = fate
            self._wake_reader()
            if self._receive is not None:
                self._tell_fate()

    def _tell_fate(self) -> None:
        receive, self._receive = self._receive, None
        if self._fate == "end":
            assert receive is not None
            receive(b"", self._world.now_ns())
        else:
            assert self._lost is not None
            self._lost(self._fate or "closed", self._world.now_ns())

    # For a task.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        if self.checkpoints:
            await trio.lowlevel.checkpoint()
        if self._reader is not None or self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        while not self._closed:
            if self._ready:
                return self._take_ready(max_bytes)
            if self._fate == "end":
                return b""
            if self._fate is not None:
                break
            self._listen()
            await self._wait_readable()
        if self._closed or self._fate in ("closed", "unread"):
            raise trio.ClosedResourceError
        raise trio.BrokenResourceError("the connection was reset")

    def _take_ready(self, max_bytes: int | None) -> bytes:
        data = self._ready.popleft()
        if max_bytes is not None and len(data) > max_bytes:
            self._ready.appendleft(data[max_bytes:])
            data = data[:max_bytes]
        self._ready_bytes -= len(data)
        if self._inner_paused:
            self._pace_inner()
        return data

    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        self._world.wake(task)

    # For both.

    def _stop_receiving(self) -> None:
        """This side closes: whoever receives hears of it, but not before the stream's method has returned."""
        self._ready.clear()
        self._ready_bytes = 0
        self._in.clear()
        self._receive = None
        self._wake_reader()
        if self._fate is None and self._lost is not None:
            self._fate = "closed"
            self._world.call_at(self._world.now_ns(), self._tell_fate)
