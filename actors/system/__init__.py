"""Supervision and mailboxes: OTP's vocabulary and semantics, on trio.

An *actor* is an async function `start(ctx)` that a supervisor runs in a task of its own. It says `ctx.started()`
when it is of use to others, reads its messages from `ctx.inbox`, and ends by returning, by an exception, or when it
is stopped. Each time that it is started is an *incarnation*, counted from 1.

A *supervisor* has a list of `ChildSpec`s and does three things with them.

Start. In the order of the list; each child when all before it have said that they are up, or have ended for good. A
supervisor is up when that is so of all its children, and may be a child itself (`as_child`): so a tree starts depth
first.

Restart. What happens when a child ends is decided by a pure function, `restart.decide`:

    restart type    started again
    permanent       always
    transient       unless it ended by returning
    temporary       never

    strategy        who is stopped, in reverse order, and started again with it
    one_for_one     nobody
    one_for_all     all its siblings
    rest_for_one    its siblings further down in the list

    Before a restart passes a wait that doubles with each failure in a row (`Backoff`; OTP has none). More than
    `Limits.max_restarts` within `Limits.within`, or `max_failed_starts` starts in a row that failed, and the
    supervisor gives up: it stops all its children and fails, and its own supervisor decides what comes of that;
    nobody above tries again what could not even start (`HopelessError`). An end that was inflicted on purpose
    (`Induced`) is restarted at once and counts for nothing.

Stop. In reverse order, each child before the next: it is asked (`ctx.stopping`, and its inbox ends), cancelled
after `ChildSpec.shutdown`, and waited for. No child outlives its supervisor, whatever ends that one.

A child between two decisions is in one of five phases (`child.ChildPhase`):

    waiting --due--> starting --ctx.started()--> running --it ends--> exited --over, or stopped--> ended
       ^                 |                                            ^  |                            |
       |                 +-------------- it ends ---------------------+  |                            |
       +---------------------------- restarted --------------------------+--- restarted with another -+

    When its supervisor stops, a child that waits is ended too: it is not launched any more.

A *mailbox* belongs to a child's place, not to an incarnation: an `ActorRef` means whoever runs there now. It is a
bounded trio memory channel, and what happens to a message that is too many is said beforehand: under `wait` the
sender of a `tell` waits for room, under `drop` the message is dropped and counted. `tell_nowait` never waits. What
an incarnation had not read when it died is dropped and counted, not handed to the next: whoever wants the next to
know says it again. `ask` is a `tell` whose receiver gets an `Envelope` to `reply` to; it ends with the answer, or
with an `AskError` that says why there is none: no time left, no room, or nobody there (any more).

Who uses it. The tree of a run is supervisors; a node is a child of one, and its mailbox is the near end of its
control channel: the coordinator and the injector `tell` it of the begin of the load and of faults. In the simulated
world the same mailbox is what the role reads as `control.inbox`. In the live world the messages cross a socket and
enter a second mailbox in the node's process, which is what the role reads there. The collector `ask`s the node of a
foreign gateway what its program uses. A question is answered in the process that asks: only what is sent with `tell`
crosses to another.

    >>> import trio
    >>> from battle.actors.system import ActorContext, ChildSpec, Supervisor

    An actor that doubles what it is asked, and dies of what is no number:

    >>> async def double(ctx: ActorContext) -> None:
    ...     ctx.started()
    ...     async for question in ctx.inbox:
    ...         question.reply(2 * int(question.message))

    Its supervisor, which says what happens:

    >>> supervisor = Supervisor(
    ...     "top",
    ...     [ChildSpec("doubler", double)],
    ...     on_change=lambda change: print(change.actor, change.change, change.incarnation),
    ... )

    Whoever asks has to live with its death; the next incarnation answers under the same reference:

    >>> async def main() -> None:
    ...     doubler = supervisor.ref("doubler")
    ...     async with trio.open_nursery() as nursery:
    ...         nursery.start_soon(supervisor.run)
    ...         await supervisor.wait_started("doubler")
    ...         print(await doubler.ask("21"))
    ...         try:
    ...             await doubler.ask("twenty-one")
    ...         except ActorDeadError:
    ...             pass
    ...         await supervisor.wait_started("doubler")
    ...         print(await doubler.ask("4"))
    ...         supervisor.stop()
    >>> trio.run(main)
    doubler started 1
    42
    doubler crashed 1
    doubler restarting 1
    doubler started 2
    8
    doubler stopped 2
"""

from battle.actors.system.child import ActorContext, ChildSpec, Induced
from battle.actors.system.lifecycle import LifecycleChange
from battle.actors.system.mailbox import (
    ActorDeadError,
    ActorRef,
    AskError,
    AskTimeoutError,
    Envelope,
    Inbox,
    Mailbox,
    MailboxFullError,
    MailboxSpec,
    MailboxStatistics,
    Overflow,
)
from battle.actors.system.restart import Backoff, Limits, RestartType, Strategy
from battle.actors.system.supervisor import ChildLostError, EscalationError, HopelessError, Supervisor

__all__ = [
    "ActorContext",
    "ActorDeadError",
    "ActorRef",
    "AskError",
    "AskTimeoutError",
    "Backoff",
    "ChildLostError",
    "ChildSpec",
    "Envelope",
    "EscalationError",
    "HopelessError",
    "Inbox",
    "Induced",
    "LifecycleChange",
    "Limits",
    "Mailbox",
    "MailboxFullError",
    "MailboxSpec",
    "MailboxStatistics",
    "Overflow",
    "RestartType",
    "Strategy",
    "Supervisor",
]
