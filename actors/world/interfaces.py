"""The one interface between actors and the world they run in: streams, timers, randomness and the log.

No actor takes time, randomness, sockets or processes from anywhere else (a lint rule holds it), so the
same actor runs on real sockets in the live world and in virtual time in the simulated one. trio's own
sleeping, deadlines and cancellation work in both worlds and are right wherever speed does not matter;
`call_at`, `sleep_until` and `Stream.write` are for the path every request takes.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
import trio

from battle.actors.addresses import Address
from battle.actors.rng import Draws
from battle.actors.shared_lines import SharedLines
from battle.actors.spec.endpoints import Tls
from battle.actors.system.mailbox import Inbox
from battle.actors.world.held import Held
from battle.store.events import Event

WorldName: TypeAlias = Literal["live", "simulated"]

Loss: TypeAlias = Literal["reset", "closed", "unread"]
"""How a connection was lost: the peer reset it, or this side closed or aborted it."""

NODE_HELD_BYTES = 64 * 2**20
"""What a node holds for all its peers together (see `held`), before those for whom it holds most have to go."""


class EventLog(Protocol):
    """Where an actor appends the facts it saw; one segment per node incarnation lies behind it."""

    def append(self, event: Event) -> None:
        """Record one fact. Never blocks and never raises for a full disk: what is lost is counted."""


class Timer(Protocol):
    """A callback that is due at a moment."""

    def cancel(self) -> None:
        """Make sure the callback does not run any more; harmless when it already has."""


class Stream(trio.abc.HalfCloseableStream):
    """A connection's byte stream. It is a trio stream with some additions for the hot path.

    `receive_some` returns b"" at end of stream. A stream that was reset raises
    `trio.BrokenResourceError`; one that this side closed or aborted raises `trio.ClosedResourceError`,
    also in a task that was already waiting. In both worlds `receive_some` may return without a checkpoint
    when data is already there.
    """

    @abstractmethod
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; b"" at end of stream."""

    @abstractmethod
    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        """Receive by callback from now on; `receive_some` then raises `trio.BusyResourceError`.

        `receive(data, arrived_ns)` is called for each chunk, in order, beginning with what has arrived already,
        and with b"" at end of stream. `lost(how, at_ns)` is called instead when the connection is reset or this
        side closes or aborts it ("unread": `write` gave up). Whichever of the two ends comes first is
        reported, once, and nothing is called after it; after `close` or `abort` no data is delivered any more.

        `arrived_ns` is when the chunk reached this node: in the live world the moment its event loop saw it,
        one for all that it saw together; in the simulated world the moment of arrival, even on a paused node.

        Both are called from the world, never from inside a method of this stream, so they may write, close or
        abort. They must not raise: one that does crashes the node.

        Raises:
            trio.BusyResourceError: somebody receives from this stream already.
            trio.ClosedResourceError: this side has closed it.
        """

    @abstractmethod
    def pause_receiving(self) -> None:
        """Leave what comes with the sender: no data is handed to the `receive` of `on_data` until
        `resume_receiving`, not even the end of stream. `lost` is still called. May be called from within
        `receive`."""

    @abstractmethod
    def resume_receiving(self) -> None:
        """Hand over what has come meanwhile, and what will come, again. Not from inside this call."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send without waiting; what the peer does not take yet is kept and sent later, in order.

        A peer that leaves more than `WRITE_LIMIT_BYTES` unread gets its connection aborted. Writing to a
        broken or closed stream is silently dropped: the reader learns of it, once, from `receive_some`.
        """

    @property
    @abstractmethod
    def unsent_bytes(self) -> int:
        """How much of what was written the peer's side has not taken yet."""

    def is_over_share(self) -> bool:
        """Whether this node holds more than `NODE_HELD_BYTES` for all its peers, and as much for this one's reading
        as for one on average, or more: whoever sends should end it. `write` aborts it at twice as much."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Close in good order without waiting: what was written is still sent, then the end of stream."""

    @abstractmethod
    def abort(self) -> None:
        """Reset the connection at once (TCP RST); what was not sent is lost."""

    @abstractmethod
    def is_stale(self) -> bool:
        """Whether an idle connection has become unusable: closed, reset, or with unasked bytes waiting."""


ConnectionHandler: TypeAlias = Callable[[Stream], Awaitable[None]]


class Connect(Protocol):
    """`World.connect`, or what stands in for it."""

    def __call__(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> Awaitable[Stream]:
        """Open a connection, as `World.connect` does."""


class Usage(msgspec.Struct, frozen=True):
    """A node's use of the machine at one moment; None for what its world cannot measure."""

    tasks: int
    open_fds: int
    pid: int | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    """Of one core, since the last reading."""
    steal_ratio: float | None = None
    """Of all CPU time of the machine since the last reading: the part that its hypervisor gave to other machines."""
    at_limit: str | None = None
    """Which process of it has all the open files that this machine lets it have, in words."""
    threads: int | None = None
    """The operating system's, not tasks."""


class Lingering(Protocol):
    """A connection that its owner has closed, and that still has something to send, or waits for its peer."""

    def end_now(self) -> None:
        """Give up what is unsent, and let the connection go, without a further event or timer."""


class World(Protocol):
    """What an actor on a node gets from the world around it."""

    name: WorldName

    node: str
    """The name of the node this actor lives on."""

    log: EventLog
    """This node's segment of the event log."""

    shared_lines: SharedLines
    """What the nodes of this run write down for each other: the journal of its chain."""

    held: Held
    """What this node holds for its peers."""

    lingering: set[Lingering]
    """Who is still to be ended when this node is: nobody else has hold of them any more, but a timer. The live world
    ends them; the simulated one cuts all streams of the node."""

    def now_ns(self) -> int:
        """Nanoseconds since the run's epoch: one clock for all nodes of a run."""

    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` at `at_ns`, or as soon as possible when that has passed.

        Callbacks of one moment run in the order they were asked for. A callback must not raise: one that does
        crashes the node.
        """

    async def sleep_until(self, at_ns: int) -> None:
        """Wait until `at_ns`; a checkpoint in any case."""

    def rng(self, name: str) -> Random:
        """A stream of random numbers of its own for `name`, from the run's seed."""

    def draws(self, name: str) -> Draws:
        """Randomness that is a pure function of the run's seed, `name` and the keys given to each draw."""

    def usage(self) -> Usage | None:
        """What this node uses now; None when the operating system does not say, which then is in the log."""

    def wake(self, task: trio.lowlevel.Task) -> None:
        """Reschedule a task that waits for something a callback of this world has brought about."""

    async def serve(
        self,
        address: Address,
        handler: ConnectionHandler,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen on `address` and run `handler` on each connection, until cancelled.

        Port 0 asks for any free port. Started with the address that was taken. The stream is closed when
        the handler returns; a handler may raise `trio.BrokenResourceError` or `trio.ClosedResourceError`
        (the connection broke), anything else crashes the node.

        Raises:
            OSError: the address is in use or not ours.
        """

    def shut(self, address: Address) -> None:
        """Stop listening on an address that `serve` on this node has taken, until `reopen`.

        Connections are refused from now on, those not accepted yet are lost, those that were live on. Harmless
        when it is shut already.
        """

    def reopen(self, address: Address) -> None:
        """Listen again after `shut`. Harmless when it is not shut.

        Raises:
            OSError: somebody else has taken the address meanwhile.
        """

    async def connect(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> Stream:
        """Open a connection; with `tls` an encrypted one, which the simulated world has not.

        `receive_buffer` is how many bytes the peer may send ahead of what is read here, as SO_RCVBUF says it: of the
        live world a kernel gives about twice as much. None: as each world has it.

        Raises:
            OSError: nobody listens there (`ConnectionRefusedError`), the network said no, or the peer speaks no TLS
                or has a certificate that is not trusted (`ssl.SSLError`).
        """


INBOX_MESSAGES = 1024
"""Messages that a node may have unread. A run sends one at its start and when each fault begins and ends: this is far
more than a timeline holds for one node, and still no memory to speak of."""


class Control(Protocol):
    """A node's end of its control channel: typed messages, the same in both worlds.

    A role is `async def run_x(world, role, control)`: it runs until it has done its work or is cancelled, which is
    how a node is asked to stop. What a role must still record when it stops, it appends to the log in a `finally`,
    without awaiting.
    """

    @property
    def inbox(self) -> Inbox:
        """The mailbox in which this node's end of the channel ends: what the coordinator sends, decoded, oldest
        first. A role may read it in several loops, one after the other."""

    def ready(self) -> None:
        """Say that this node does its work now (a server listens). Once."""
