"""The supervisor: starts children in order, restarts them as `restart.decide` says, stops them in reverse.

One task decides everything. The children's tasks only wake it when something moved, so an exit is handled
while another child waits for its restart, and a decision is never taken twice.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import trio

from battle.actors.system.child import ActorContext, ChildPhase, ChildSpec, Life, Slot
from battle.actors.system.lifecycle import ActorChange, LifecycleChange, crash_reason
from battle.actors.system.mailbox import ActorRef
from battle.actors.system.restart import (
    Backoff,
    Escalate,
    Exit,
    History,
    Leave,
    Limits,
    Policy,
    Restart,
    RestartType,
    Strategy,
    decide,
)
from battle.actors.units import format_duration

DEFAULT_LIMITS = Limits()
DEFAULT_BACKOFF = Backoff()


class EscalationError(Exception):
    """A supervisor gave up. Its `__cause__` is the exception of the child that would not stay up, if any."""


class HopelessError(EscalationError):
    """A supervisor gave up because a child of its own, or of one below, cannot start: no other start would help."""


class ChildLostError(Exception):
    """What was waited for cannot happen any more: the child crashed for good or was stopped."""


class Supervisor:
    """Children under one restart policy; itself startable as a child of another (`as_child`, `run`).

    Children are started in the order given, each when all before it have said `ctx.started()` or ended for
    good. The whole ends when all children ended and none is to be restarted, or after `stop()`, or by
    an escalation, or by cancellation; in every case the children are stopped first, in reverse order.

    `on_change` hears of every start, crash, restart, escalation and stop as it happens; it must not raise.

    Raises:
        ValueError: two children share a name, or limits and backoff do not fit together.
    """

    def __init__(
        self,
        name: str,
        children: Sequence[ChildSpec],
        *,
        strategy: Strategy = "one_for_one",
        limits: Limits = DEFAULT_LIMITS,
        backoff: Backoff = DEFAULT_BACKOFF,
        on_change: Callable[[LifecycleChange], object] = lambda change: None,
    ) -> None:
        self.name = name
        self._policy = Policy(strategy, limits, backoff)
        self._on_change = on_change
        self._slots = {spec.name: Slot(spec) for spec in children}
        self._restart_types: dict[str, RestartType] = {spec.name: spec.restart for spec in children}
        if len(self._slots) < len(children):
            raise ValueError(f"supervisor {name}: two children share a name")
        self._moved = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._incarnation = 1
        self._stop_asked = False
        self._reset(None)

    def as_child(self, restart: RestartType = "transient") -> ChildSpec:
        """This supervisor as a child of another. Transient, because it returns when its children are done."""
        return ChildSpec(self.name, self.run, restart=restart, shutdown=None)

    def ref(self, name: str) -> ActorRef:
        """Where to write to the named child, before, between and after its incarnations too."""
        return self._slots[name].mailbox.ref

    def stop(self) -> None:
        """Ask for an orderly stop; `run` returns when it is done, at once if it was asked before."""
        self._stop_asked = True
        self._announce()

    async def wait_started(self, name: str) -> Any:
        """Wait until the named child is up, and return the value it gave to `ctx.started`.

        Raises:
            ChildLostError: it ended for good without, or crashed for good.
        """
        slot = self._slots[name]
        await trio.lowlevel.checkpoint()
        while not slot.is_up:
            if slot.phase == "ended":
                raise ChildLostError(f"{name} did not start, and will not")
            await self._moved.wait()
        assert slot.life is not None
        return slot.life.value

    async def wait_ended(self, *names: str) -> None:
        """Wait until the named children, or all if none is named, have ended normally, for good.

        Raises:
            ChildLostError: one of them can no longer do so.
        """
        slots = [self._slots[name] for name in names or self._slots]
        await trio.lowlevel.checkpoint()
        while not all(slot.ended_normally for slot in slots):
            for slot in slots:
                if slot.phase == "ended" and not slot.ended_normally:
                    raise ChildLostError(f"{slot.spec.name} did not end normally")
            await self._moved.wait()

    async def run(self, context: ActorContext | None = None) -> None:
        """Run the children until all have ended, or this is stopped; as a child, `context` is the parent's.

        Cancellation stops the children in reverse order too, shielded: it takes at most the sum of their
        deadlines, and the time that children shield themselves. On top of a stop that is under way already,
        it takes away the rest of their grace.

        Raises:
            EscalationError: the restart intensity was exceeded.
            HopelessError: a child failed to start too often in a row.
        """
        await trio.lowlevel.checkpoint()
        assert self._nursery is None, f"supervisor {self.name} runs already"
        if context is not None:
            self._incarnation = context.incarnation
        try:
            async with trio.open_nursery() as self._nursery:
                await self._run_in(self._nursery, context)
        finally:
            self._nursery = None
            self._stop_asked = False
        if self._escalated is not None:
            error = HopelessError if self._escalated.hopeless else EscalationError
            raise error(f"{self.name}: {self._escalated.reason}") from self._cause

    async def _run_in(self, nursery: trio.Nursery, context: ActorContext | None) -> None:
        self._reset(context)
        if context is not None:
            nursery.start_soon(self._stop_when_asked, context)
        try:
            self._say_started()
            await self._supervise()
            self._stop_asked = True
            await self._stop_all()
        finally:
            hurry = self._stop_asked or (context is not None and context.stopping.is_set())
            with trio.CancelScope(shield=True):
                await self._stop_all(hurry=hurry)
            nursery.cancel_scope.cancel()

    def _reset(self, context: ActorContext | None) -> None:
        self._unheard = context  # the parent's, until it has heard that all children are up
        self._history = History()
        self._exits: deque[Slot] = deque()
        self._escalated: Escalate | None = None
        self._cause: Exception | None = None
        for slot in self._slots.values():
            slot.reset()

    async def _stop_when_asked(self, context: ActorContext) -> None:
        await context.stopping.wait()
        self.stop()

    async def _supervise(self) -> None:
        """Until all children have ended, a stop is asked for, or the intensity is exceeded."""
        while True:
            while self._exits and self._escalated is None:
                await self._settle(self._exits.popleft())
            if self._stop_asked or self._escalated or self._all_in("ended"):
                return
            look_again = self._launch_due()
            with trio.move_on_at(look_again):
                await self._moved.wait()

    def _all_in(self, *phases: ChildPhase) -> bool:
        return all(slot.phase in phases for slot in self._slots.values())

    def _say_started(self) -> None:
        """Notify the parent, in the very moment: a child may crash before the task of this supervisor runs again."""
        over = self._stop_asked or self._escalated is not None
        if self._unheard is not None and not over and self._all_in("running", "ended"):
            self._unheard.started()
            self._unheard = None

    def _launch_due(self) -> float:
        """Launch what may run by now; the answer is when to look again."""
        now, look_again, all_before_up = trio.current_time(), math.inf, True
        for slot in self._slots.values():
            if slot.phase == "waiting" and (all_before_up or not slot.in_order):
                if slot.due <= now:
                    self._launch(slot)
                else:
                    look_again = min(look_again, slot.due)
            all_before_up = all_before_up and slot.phase in ("running", "ended")
        return look_again

    def _launch(self, slot: Slot) -> None:
        assert self._nursery is not None
        slot.incarnation += 1
        slot.phase = "starting"
        on_started = partial(self._on_started, slot)
        slot.life = Life(slot.spec, slot.incarnation, slot.mailbox, on_started)
        self._nursery.start_soon(self._live, slot, slot.life, name=f"{self.name}/{slot.spec.name}")

    async def _live(self, slot: Slot, life: Life) -> None:
        await life.live()
        if life.error is not None:
            self._report("crashed", slot, crash_reason(life.error))
        else:
            self._report("stopped", slot, life.stop_reason)
        slot.phase = "exited"
        self._exits.append(slot)
        self._announce()

    def _on_started(self, slot: Slot) -> None:
        slot.phase = "running"
        self._report("started", slot)
        self._say_started()
        self._announce()

    async def _settle(self, slot: Slot) -> None:
        if slot.phase != "exited":
            return  # it was stopped, or went down with a sibling: that has decided about it
        assert slot.life is not None
        exited = self._exit_of(slot.spec.name, slot.life)
        now_ns = round(trio.current_time() * 1e9)
        decision, self._history = decide(self._policy, self._restart_types, self._history, exited, now_ns)
        match decision:
            case Leave():
                slot.phase = "ended"
                self._say_started()
                self._announce()
            case Restart():
                await self._restart(decision, exited)
            case Escalate():
                self._escalated, self._cause = decision, slot.life.error
                change = LifecycleChange(
                    self.name, self.name, "escalated", self._incarnation, decision.reason
                )
                self._on_change(change)

    def _exit_of(self, name: str, life: Life) -> Exit:
        hopeless = isinstance(life.error, HopelessError)
        return Exit(name, "hopeless" if hopeless else life.exit_kind, life.ran_for, life.has_started)

    async def _restart(self, decision: Restart, exited: Exit) -> None:
        await self._stop(self._slots[name] for name in decision.stop)
        due = trio.current_time() + decision.delay / 1e9
        in_order = self._policy.strategy != "one_for_one"
        reason = f"{exited.kind} exit of {exited.child}; in {format_duration(decision.delay)}"
        for name in decision.start:
            slot = self._slots[name]
            slot.wait_until(due, in_order=in_order)
            self._report("restarting", slot, reason)

    async def _stop_all(self, *, hurry: bool = False) -> None:
        await self._stop(reversed(self._slots.values()), hurry=hurry)
        for slot in self._slots.values():
            slot.phase = "ended"
        self._announce()

    async def _stop(self, slots: Iterable[Slot], *, hurry: bool = False) -> None:
        """Stop the given children one after the other. Those that wait for their launch go on waiting."""
        for slot in slots:
            if slot.life is not None and slot.phase in ("starting", "running"):
                await slot.life.stop(hurry=hurry)
            if slot.phase != "waiting":
                slot.phase = "ended"

    def _report(self, change: ActorChange, slot: Slot, reason: str | None = None) -> None:
        self._on_change(LifecycleChange(self.name, slot.spec.name, change, slot.incarnation, reason))

    def _announce(self) -> None:
        """Wake whoever waits for something to move; they look for themselves what did."""
        self._moved.set()
        self._moved = trio.Event()
