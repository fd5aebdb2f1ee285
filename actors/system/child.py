"""A child of a supervisor: how it is specified, what it is given, and one life of it from launch to end."""

import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

import msgspec
import trio

from battle.actors.author_errors import leaves
from battle.actors.system.mailbox import ActorRef, Inbox, Mailbox, MailboxSpec
from battle.actors.system.restart import ExitKind, RestartType
from battle.actors.units import Duration, seconds


class Induced(Exception):
    """Raise it out of a child's `start` to say that this exit was inflicted on purpose, by a chaos fault.

    The child is restarted at once, and neither the intensity nor the backoff hears of it. Also understood
    inside an exception group, when the group holds nothing else. Whoever induces bounds how often.
    """


class ChildSpec(msgspec.Struct, frozen=True):
    """One child of a supervisor: `start` is called with a fresh `ActorContext` for each incarnation.

    `start` says `ctx.started()` once it is of use to others; children specified after it wait for that, as
    long as it takes, so a start that may hang belongs into a `trio.fail_after`. Returning is a normal
    exit, an exception is a crash, and `Induced` is neither.

    It is stopped in three steps: `ctx.stopping` is set and its inbox ends; after `shutdown` it is
    cancelled; then its end is waited for, since trio cannot kill a task that shields itself. A `shutdown` of
    0 cancels at once; None sets no deadline, which is for supervisors: those of their children bound them.
    """

    name: str
    start: Callable[["ActorContext"], Awaitable[None]]
    restart: RestartType = "permanent"
    shutdown: Duration | None = seconds(5)
    mailbox: MailboxSpec = MailboxSpec()

    def __post_init__(self) -> None:
        if self.shutdown is not None and self.shutdown < 0:
            raise ValueError(f"{self.name}: shutdown is {self.shutdown} ns; it cannot be negative")


class ActorContext:
    """What one incarnation of an actor is given.

    `incarnation` counts from 1 and never repeats, `inbox` has its messages, `self_ref` is where others
    write to it, and `stopping` is set when it is asked to stop.
    """

    def __init__(
        self, name: str, incarnation: int, inbox: Inbox, self_ref: ActorRef, on_started: Callable[[Any], None]
    ) -> None:
        self.name = name
        self.incarnation = incarnation
        self.inbox = inbox
        self.self_ref = self_ref
        self.stopping = trio.Event()
        self._on_started = on_started

    def started(self, value: Any = None) -> None:
        """Say that this incarnation is up; `value` is for whoever waits for it (the port it took, say).

        Raises:
            RuntimeError: it was said before, or this incarnation is gone.
        """
        self._on_started(value)


class Life:
    """One incarnation of a child. Its task is shielded: only the supervisor ends it, each in its turn."""

    def __init__(self, spec: ChildSpec, incarnation: int, mailbox: Mailbox, on_started: Callable[[], None]):
        self.spec = spec
        self.gone = trio.Event()
        self.value: Any = None
        self.error: Exception | None = None
        self.cancelled = False
        self._mailbox = mailbox
        self._on_started = on_started
        self._scope = trio.CancelScope(shield=True)
        self._context = ActorContext(
            spec.name, incarnation, mailbox.open(), mailbox.ref, on_started=self._say_started
        )
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._asked_at: float | None = None

    @property
    def has_started(self) -> bool:
        return self._started_at is not None

    @property
    def asked_to_stop(self) -> bool:
        return self._asked_at is not None

    @property
    def stop_reason(self) -> str | None:
        """Why it stopped, if it did not crash; None when it ended by itself."""
        if not self.asked_to_stop:
            return None
        if not self.cancelled:
            return "asked to stop"
        return "cancelled, after it was asked to stop"

    @property
    def ran_for(self) -> Duration:
        if self._started_at is None or self._ended_at is None:
            return 0
        return round((self._ended_at - self._started_at) * 1e9)

    @property
    def exit_kind(self) -> ExitKind:
        if self.error is None:
            return "normal"
        return "induced" if all(isinstance(leaf, Induced) for leaf in leaves(self.error)) else "crash"

    async def live(self) -> None:
        try:
            with self._scope:
                await self.spec.start(self._context)
        except Exception as error:
            # Not swallowed: the supervisor logs it, and raises it again as the cause if it escalates.
            self.error = error
        finally:
            self._ended_at = trio.current_time()
            self._mailbox.close()
            self.gone.set()

    async def stop(self, *, hurry: bool) -> None:
        """Down the ladder that `ChildSpec` describes; in a hurry, without the wait between ask and cancel."""
        if self._asked_at is None:
            self._asked_at = trio.current_time()
            self._context.stopping.set()
            self._mailbox.end()
        grace = math.inf if self.spec.shutdown is None else self.spec.shutdown / 1e9
        with trio.move_on_at(self._asked_at + (0 if hurry else grace)):
            await self.gone.wait()
        if not self.gone.is_set():
            self.cancelled = True
            self._scope.cancel()
            await self.gone.wait()

    def _say_started(self, value: Any) -> None:
        if self._started_at is not None or self.gone.is_set():
            raise RuntimeError(f"{self.spec.name} said twice, or after its end, that it had started")
        self._started_at = trio.current_time()
        self.value = value
        self._on_started()


ChildPhase: TypeAlias = Literal["waiting", "starting", "running", "exited", "ended"]
"""To be launched when due; launched; up; gone, and not yet decided upon; not to be launched any more."""


class Slot:
    """A child's place under its supervisor, which its incarnations take one after the other."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.mailbox = Mailbox(spec.name, spec.mailbox)
        self.incarnation = 0
        self.reset()

    def reset(self) -> None:
        self.life: Life | None = None
        self.phase: ChildPhase = "waiting"
        # When it may be launched, and whether all before it must be up, or over, first.
        self.due = -math.inf
        self.in_order = True

    def wait_until(self, due: float, *, in_order: bool) -> None:
        self.phase, self.due, self.in_order = "waiting", max(due, self.due), in_order

    @property
    def is_up(self) -> bool:
        """Running, or ended normally after it was."""
        return self.phase == "running" or (
            self.ended_normally and self.life is not None and self.life.has_started
        )

    @property
    def ended_normally(self) -> bool:
        life = self.life
        return self.phase == "ended" and life is not None and life.error is None and not life.asked_to_stop
