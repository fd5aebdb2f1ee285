"""What the two worlds do alike: randomness, sleeping, serving a connection, and the manners of sending."""

from abc import abstractmethod
from collections.abc import Callable
from random import Random
from typing import Any

import trio

from battle.actors import rng
from battle.actors.rng import Draws
from battle.actors.shared_lines import LinesInMemory, SharedLines
from battle.actors.world.held import Held
from battle.actors.world.interfaces import (
    ConnectionHandler,
    EventLog,
    Lingering,
    Stream,
    Timer,
)


class CommonWorld:
    """The part of `World` that is the same on real and on virtual time."""

    def __init__(
        self,
        node: str,
        seed: int,
        log: EventLog,
        shared_lines: SharedLines | None = None,
        held: Held | None = None,
        lingering: set[Lingering] | None = None,
    ) -> None:
        self.node = node
        self.log = log
        self.shared_lines = shared_lines or LinesInMemory()
        self.held = held or Held()
        self.lingering = set() if lingering is None else lingering
        self._seed = seed

    @abstractmethod
    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        """As `World.call_at`."""

    @abstractmethod
    def wake(self, task: trio.lowlevel.Task) -> None:
        """Reschedule a task that waits for this world."""

    async def sleep_until(self, at_ns: int) -> None:
        """As `World.sleep_until`."""
        timer = self.call_at(at_ns, self.wake, trio.lowlevel.current_task())

        def abort(_: object) -> trio.lowlevel.Abort:
            timer.cancel()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def rng(self, name: str) -> Random:
        """As `World.rng`."""
        return rng.stream(self._seed, f"{self.node}:{name}")

    def draws(self, name: str) -> Draws:
        """As `World.draws`."""
        return Draws(self._seed, f"{self.node}:{name}")


class CommonStream(Stream):
    """The part of `Stream` that holds senders to trio's rules."""

    checkpoints = False
    """Whether each operation passes a full trio checkpoint, as trio's conformance tests require. Off, an operation
    that need not wait does not yield: in a simulation the difference is a third of its time."""

    _sending = False

    @abstractmethod
    def _check_sendable(self) -> None:
        """Raise what trio requires if nothing can be sent any more."""

    @abstractmethod
    async def _drain(self) -> None:
        """Wait until all that was written is taken; raise as `_check_sendable` if that becomes impossible."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._begin_send()
        try:
            self._check_sendable()
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
                self._check_sendable()
            self.write(bytes(data))
            await self._drain()
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        self._begin_send()
        try:
            self._check_sendable()
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
            await self._drain()
        finally:
            self._sending = False

    def _begin_send(self) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task is already sending on this stream")
        self._sending = True


class ReadByOne(CommonStream):
    """A stream on which one task can wait for what it receives."""

    _reader: trio.lowlevel.Task | None = None

    @abstractmethod
    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        """Let a task go on that this stream has put to sleep."""

    async def _wait_readable(self) -> None:
        self._reader = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._reader = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _wake_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._reschedule(reader)


async def serve_one(handler: ConnectionHandler, stream: Stream) -> None:
    """Run a connection's handler to its end, and close the stream."""
    try:
        await handler(stream)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the connection broke: the handler has recorded what that means
    finally:
        stream.close()


def describe_failure(error: BaseException) -> str:
    """How a node that raised this says why it ended: the first real error inside the groups that nurseries make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
