"""A stream that transport faults can fall upon at any moment of its life, in either world.

While none is in force a chunk costs one call and a few attributes more than on the bare stream. What a fault does to
the bytes is decided in `lane`; this is the shell that moves them, arms the timers and notifies both ends. What a
fault does to the connection it says itself: when it begins, at the first bytes of a new connection, and when it ends.
All it can do is to break it: now, or after a while if it still holds then.

    the inner stream                                                      whoever uses this one

    on_data ---> _on_inner_data ----------------------------------+----> `receive` of on_data, or `_ready` for
                       | _toxic                                   |      a task in receive_some
                       +---> lane "in" ---due: _pump_in-----------+

    write, send_eof, <---+-----------------------------------------+--- write, send_all,
    close, abort         |                                         |    send_eof, close, abort
                         +---due: _pump_out--- lane "out" <-_toxic-+

`_toxic` sends bytes the long way. It begins with the first fault and ends when no fault is in force and both lanes
are empty, so what comes later never overtakes what a fault has held up. A lane decides when its next piece is due;
one timer for each lane waits for that moment, and is set again whenever faults or bytes have changed it (`_arm`). A
lane that holds back for good (a timeout, a partition) has no moment: the end of a partition calls the pumps, that of
a timeout resets the connections on which it held something.

The life of the connection, and what each step sets:

    used --- close, abort ---> closed --- its end leaves the lane "out", or the peer resets it ---> over
      |      `_closed`           |                                                             `_over`
      |                          |                                                                 ^
      +--------------------------+-- a fault breaks it; or the inner stream gave up or was closed -+

    Where no fault is in force, closed and over are one step. A peer's reset does not make a stream over that is used:
    its user is notified, and closes it. `finished` waits for over: only then has all left that was written. When its
    node ends, a stream that is closed is over at once (`end_now`), and what has not left is lost.

Beside that, each direction has an end of its own. `_end_kind` says how receiving ended: its first value counts, and
is reported once, to the callback or to each task that asks. `_ended` says that `send_eof` has left.

Who wakes whom: bytes and the end of receiving wake the task in `receive_some`; an empty lane "out", closed and over
wake the one in `send_all` or `send_eof`; over wakes `finished`. A callback is never called from inside a method
that its owner may call: what `close` and faults have to say is said by a timer of that moment.

Reading is paced: when what waits here, delayed or not asked for, has come to `READ_AHEAD_BYTES`, the inner stream is
paused, and the rest stays with the sender.
"""

from collections import deque
from collections.abc import Callable, Mapping
from operator import index
from typing import Literal, Protocol, TypeAlias

import trio

from battle.actors.rng import Draws
from battle.actors.spec.faults.transport import Connection, StreamFault
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import Duration
from battle.actors.wire.faults.lane import Lane, Toxic
from battle.actors.world import interfaces
from battle.actors.world.common import ReadByOne
from battle.actors.world.interfaces import Loss, Stream, Timer, World

_UPGRADED = b"HTTP/1.1 101"

READ_AHEAD_BYTES = 256 * 1024
"""What a stream holds of what came in, delayed or not asked for yet, before it leaves the rest with the sender."""

_EndKind: TypeAlias = Literal["end", "reset", "closed", "unread"]


class Registry(Protocol):
    """Where the streams of a node report to."""

    def acted(self, number: int, fault_id: str, action: str) -> None:
        """A fault did something to a connection, for the first time."""

    def finished(self, number: int) -> None:
        """The connection is over; no fault can fall upon it any more."""


class FaultyStream(ReadByOne):
    """`inner`, under the faults that `govern` names; nobody else may use `inner` from then on.

    A fault that ends the connection looks like a reset to whoever uses this stream. After `close` the connection
    lives on until what was written has left in its time: await `finished` before `inner` is closed otherwise.
    """

    def __init__(self, world: World, inner: Stream, number: int, registry: Registry, draws: Draws) -> None:
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
        self._in, self._out = self._lanes["in"], self._lanes["out"]
        self._timers: dict[str, tuple[int, Timer]] = {}
        self._pumps: dict[str, Callable[[], None]] = {"in": self._pump_in, "out": self._pump_out}
        self._listening = False
        self._inner_paused = False
        self._paused = False
        self._ready: deque[bytes] = deque()
        self._ready_bytes = 0
        self._end_kind: _EndKind | None = None
        self._wanted: Callable[[bytes, int], object] | None = None
        self._receive: Callable[[bytes, int], object] | None = None
        """`_wanted`, once nothing older waits in `_ready`."""
        self._lost: Callable[[Loss, int], object] | None = None
        self._registry = registry
        self._governed = False
        self._in_force: Mapping[str, StreamFault] = {}
        self._greeters: list[Toxic] = []
        """The faults that want to see the first bytes."""
        self._touched_by: set[str] = set()
        self._wrote = False
        self._upgraded = False
        self._ended = False
        self._drainer: trio.lowlevel.Task | None = None
        self._over_event: trio.Event | None = None

    # Faults.

    def govern(
        self, ingoing: list[Toxic], outgoing: list[Toxic], in_force: Mapping[str, StreamFault]
    ) -> None:
        """From now on these faults are in force: those that concern a direction, and all, which may still change."""
        if self._over:
            return
        self._in_force = in_force
        self._greeters = [Toxic(id_, fault) for id_, fault in in_force.items() if _greets(fault)]
        self._governed = bool(ingoing or outgoing or self._greeters)
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

    def under(self, fault_id: str) -> Connection:
        """This connection as that fault acts on it."""
        return _ConnectionUnder(self, fault_id)

    def break_later_by(self, fault_id: str, action: Literal["reset", "closed"], after: Duration) -> None:
        """A fault ends the connection after a while, if it still holds then."""
        self._world.call_at(self._world.now_ns() + after, self._break_if_in_force, fault_id, action)

    def _break_if_in_force(self, fault_id: str, action: Literal["reset", "closed"]) -> None:
        if fault_id in self._in_force:
            self.break_by(fault_id, action)

    def was_touched_by(self, fault_id: str) -> bool:
        """Whether the fault has done something to this connection."""
        return fault_id in self._touched_by

    @property
    def is_idle(self) -> bool:
        """Whether the peer waits for nothing, as far as bytes show: they went its way last, not by WebSocket."""
        return not self._owes and not self._upgraded

    def _is_ended_by_first_bytes(self) -> bool:
        for toxic in self._greeters:
            toxic.fault.on_first_bytes(self.under(toxic.fault_id))
            if self._over:
                return True
        return False

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

    # Receiving, from the inner stream.

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
        elif first and self._is_ended_by_first_bytes():
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
            self._finish()  # nobody is there to notify, and nobody to send to
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
                self._deliver(item, now_ns)
            elif item == "cut":
                self._break(abort=False)
            else:
                self._end("end" if item == "end" else "reset")
        self._pace_inner()
        self._passed(lane)

    def _deliver(self, data: bytes, now_ns: int) -> None:
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

    # Receiving, by callbacks.

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if self._reader is not None or self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        self._wanted, self._lost = receive, lost
        if self._ready or self._end_kind is not None:
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
        if self._end_kind is not None:
            self._report_end()
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

    def _end(self, kind: _EndKind) -> None:
        """Nothing more comes; whoever receives is notified, once."""
        if self._end_kind is None:
            self._end_kind = kind
            self._wake_reader()
            if self._receive is not None:
                self._report_end()

    def _report_end(self) -> None:
        receive, self._receive = self._receive, None
        if self._end_kind == "end":
            assert receive is not None
            receive(b"", self._world.now_ns())
        else:
            assert self._lost is not None
            self._lost(self._end_kind or "closed", self._world.now_ns())

    # Receiving, for a task.

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
            if self._end_kind == "end":
                return b""
            if self._end_kind is not None:
                break
            self._listen()
            await self._wait_readable()
        if self._closed or self._end_kind in ("closed", "unread"):
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

    # Receiving, for both.

    def _stop_receiving(self) -> None:
        """This side closes: whoever receives hears of it, but not before the stream's method has returned."""
        self._ready.clear()
        self._ready_bytes = 0
        self._in.clear()
        self._receive = None
        self._wake_reader()
        if self._end_kind is None and self._lost is not None:
            self._end_kind = "closed"
            self._world.call_at(self._world.now_ns(), self._report_end)

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
        if first and self._is_ended_by_first_bytes():
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
                self._out.push_end("eof", self._world.now_ns(), noticed=self._end_kind is None)
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
        noticed = self._end_kind is None and not self._ended
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
        if self._closed or self._over or self._ended or self._ready or self._end_kind is not None:
            return True
        return not self._toxic and self._inner.is_stale()  # what a fault holds back is not known here yet

    def end_now(self) -> None:
        """As `Lingering.end_now`: what faults hold back is given up."""
        self._leave(abort=True)

    def _stop_using(self) -> None:
        self._closed = True
        if not self._over:
            self._world.lingering.add(self)
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
        self._world.lingering.discard(self)
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


class _ConnectionUnder:
    """A `Connection`: a stream, as one fault acts on it."""

    def __init__(self, stream: FaultyStream, fault_id: str) -> None:
        self._stream = stream
        self._fault_id = fault_id

    def reset(self, after: Duration = 0) -> None:
        self._end("reset", after)

    def close(self, after: Duration = 0) -> None:
        self._end("closed", after)

    def _end(self, action: Literal["reset", "closed"], after: Duration) -> None:
        if after:
            self._stream.break_later_by(self._fault_id, action, after)
        else:
            self._stream.break_by(self._fault_id, action)


def _greets(fault: StreamFault) -> bool:
    return type(fault).on_first_bytes is not StreamFault.on_first_bytes
