"""Bounded mailboxes: what an actor reads, and the stable reference by which others write to it.

A `Mailbox` outlives the incarnations of its actor; each incarnation reads an `Inbox` of its own. What one
had not read when it died is dropped and counted, never handed to the next: the next did not ask for it.
"""

from typing import Any, Literal, Self, TypeAlias

import msgspec
import trio

from battle.actors.units import Duration, format_duration, seconds

Overflow: TypeAlias = Literal["wait", "drop"]
"""What happens to a message for a full mailbox: the sender waits for room; the message is dropped and counted."""

DEFAULT_CAPACITY = 64
"""Deep enough for a burst from every sibling, shallow enough that a stuck actor shows within seconds."""

DEFAULT_ASK_TIMEOUT = seconds(5)


class AskError(Exception):
    """A question got no answer."""


class ActorDeadError(AskError):
    """The actor asked was not running, was already stopping, or died before it answered."""


class AskTimeoutError(AskError):
    """No answer came in time. Whether the actor acted on the question is not known."""


class MailboxFullError(AskError):
    """The question was dropped, because the mailbox was full."""


class Envelope:
    """What an actor receives for an `ask`: the `message`, and the way to answer it."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self._settled = trio.Event()
        self._answer: Any = None
        self._error: AskError | None = None

    def reply(self, answer: Any) -> None:
        """Answer, once; ignored when the asker has given up, or has learnt that the actor died.

        Raises:
            RuntimeError: it was answered before.
        """
        if self._error is not None:
            return
        if self._settled.is_set():
            raise RuntimeError("a question is answered once")
        self._answer = answer
        self._settled.set()

    def fail(self, error: AskError) -> None:
        """Let `ask` raise why there will be no answer; ignored when there was one. The mailbox's to call."""
        if not self._settled.is_set():
            self._error = error
            self._settled.set()

    async def answered(self) -> Any:
        """The answer, once there is one, or the error that says why there is none. The asker's to call."""
        await self._settled.wait()
        if self._error is not None:
            raise self._error
        return self._answer


class MailboxSpec(msgspec.Struct, frozen=True):
    """The bound of a mailbox, in messages, and what happens to the one that is too many."""

    capacity: int = DEFAULT_CAPACITY
    overflow: Overflow = "wait"

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"a mailbox holds at least one message; this capacity is {self.capacity}")


class MailboxStatistics(msgspec.Struct, frozen=True):
    """What a mailbox holds now, and what became of its messages over all incarnations of its actor."""

    capacity: int
    queued: int
    senders_waiting: int
    received: int
    dropped_overflow: int
    dropped_dead: int


class Inbox:
    """The messages for one incarnation, oldest first: what was sent with `tell`, and an `Envelope` for each `ask`.

    `async for` over it ends when the actor was asked to stop and has read what came before.
    """

    def __init__(self, channel: trio.MemoryReceiveChannel[Any]) -> None:
        self._channel = channel
        self._received = 0

    async def receive(self) -> Any:
        """The next message, waiting for one if need be.

        Raises:
            trio.EndOfChannel: the actor was asked to stop, and no message is left.
        """
        message = await self._channel.receive()
        self._received += 1
        return message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None


class Mailbox:
    """The owner's side of an actor's mailbox: opens an inbox for each incarnation, and closes it after.

    Supervisors do this for their children; only what runs without a supervisor needs to do it itself.
    """

    def __init__(self, name: str, spec: MailboxSpec | None = None) -> None:
        self.name = name
        self.spec = spec or MailboxSpec()
        self.ref = ActorRef(self)
        self._current: tuple[trio.MemorySendChannel[Any], Inbox] | None = None
        # A dict for its order: whoever asked first gets the error first.
        self._unanswered: dict[Envelope, None] = {}
        self._received = 0
        self._dropped_overflow = 0
        self._dropped_dead = 0

    def open(self) -> Inbox:
        """The empty inbox of a new incarnation; the one before must have been closed."""
        assert self._current is None, f"{self.name} has an inbox already"
        send, receive = trio.open_memory_channel[Any](self.spec.capacity)
        inbox = Inbox(receive)
        self._current = (send, inbox)
        return inbox

    def end(self) -> None:
        """Take no more messages; those inside can still be read."""
        if self._current is not None:
            self._current[0].close()

    def close(self) -> None:
        """The incarnation is gone: drop and count what it had not read, fail what it had not answered."""
        if self._current is None:
            return
        send, inbox = self._current
        self._current = None
        self._received += inbox._received
        self._dropped_dead += inbox._channel.statistics().current_buffer_used
        inbox._channel.close()
        send.close()
        for envelope in self._unanswered:
            envelope.fail(self._dead())

    def statistics(self) -> MailboxStatistics:
        """Counts in messages."""
        queued = senders_waiting = received = 0
        if self._current is not None:
            now = self._current[0].statistics()
            queued, senders_waiting = now.current_buffer_used, now.tasks_waiting_send
            received = self._current[1]._received
        return MailboxStatistics(
            capacity=self.spec.capacity,
            queued=queued,
            senders_waiting=senders_waiting,
            received=self._received + received,
            dropped_overflow=self._dropped_overflow,
            dropped_dead=self._dropped_dead,
        )

    async def _put(self, message: Any) -> bool:
        if self._current is None or self.spec.overflow != "wait":
            await trio.lowlevel.checkpoint_if_cancelled()
            entered = self._put_nowait(message)
            await trio.lowlevel.cancel_shielded_checkpoint()
            return entered
        try:
            await self._current[0].send(message)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return self._lose_to_death(message)
        return True

    def _put_nowait(self, message: Any) -> bool:
        if self._current is None:
            return self._lose_to_death(message)
        try:
            self._current[0].send_nowait(message)
        except trio.ClosedResourceError:
            return self._lose_to_death(message)
        except trio.WouldBlock:
            return self._lose_to_overflow(message)
        return True

    async def _ask(self, message: Any) -> Any:
        envelope = Envelope(message)
        self._unanswered[envelope] = None
        try:
            await self._put(envelope)
            return await envelope.answered()
        finally:
            del self._unanswered[envelope]

    def _lose_to_overflow(self, message: Any) -> bool:
        self._dropped_overflow += 1
        if isinstance(message, Envelope):
            message.fail(MailboxFullError(f"the mailbox of {self.name} is full"))
        return False

    def _lose_to_death(self, message: Any) -> bool:
        self._dropped_dead += 1
        if isinstance(message, Envelope):
            message.fail(self._dead())
        return False

    def _dead(self) -> ActorDeadError:
        return ActorDeadError(f"{self.name} is not running")


class ActorRef:
    """Where to write to an actor. It stays valid across restarts: it means whichever incarnation runs now."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @property
    def name(self) -> str:
        """The actor's name."""
        return self._mailbox.name

    def __repr__(self) -> str:
        return f"<ActorRef {self.name}>"

    async def tell(self, message: Any) -> bool:
        """Send and forget, by the mailbox's overflow policy; waits only under `wait`, for room.

        Returns whether the message entered the mailbox. If not it was dropped and counted: the mailbox was
        full, or the actor was not running. Entering is no promise of being read.
        """
        return await self._mailbox._put(message)

    def tell_nowait(self, message: Any) -> bool:
        """`tell` without waiting: a message for a full mailbox is dropped and counted, under `wait` too."""
        return self._mailbox._put_nowait(message)

    async def ask(self, message: Any, timeout: Duration = DEFAULT_ASK_TIMEOUT) -> Any:
        """Send `message` as an `Envelope`, and return the answer. `timeout` includes the wait for room.

        Raises:
            ActorDeadError: the actor is not running, or stopped before it answered.
            AskTimeoutError: no answer came within `timeout`.
            MailboxFullError: the overflow policy dropped the message.
        """
        with trio.move_on_after(timeout / 1e9):
            return await self._mailbox._ask(message)
        raise AskTimeoutError(f"{self.name} did not answer within {format_duration(timeout)}")

    def statistics(self) -> MailboxStatistics:
        """How full the actor's mailbox is, and what was dropped."""
        return self._mailbox.statistics()
