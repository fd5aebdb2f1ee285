"""What supervisors report of their children's lives, and how an exception reads in it."""

from typing import Literal, TypeAlias

import msgspec

from battle.actors.author_errors import leaves

ActorChange: TypeAlias = Literal["started", "crashed", "restarting", "escalated", "stopped"]


class LifecycleChange(msgspec.Struct, frozen=True):
    """What happened to an actor, for the log; the words are those of `battle.store.events.ActorChanged`.

    An escalation's actor is the supervisor itself. An induced exit is a crash whose reason says so.
    """

    supervisor: str
    actor: str
    change: ActorChange
    incarnation: int
    reason: str | None = None


REASON_LIMIT = 500
"""Characters of an exception's text that go into the log: enough to recognise it, whatever it quotes."""


def crash_reason(error: BaseException) -> str:
    """An exception in one line for the log, a group as what is inside it."""
    text = "; ".join(f"{type(leaf).__name__}: {leaf}".removesuffix(": ") for leaf in leaves(error))
    return text[:REASON_LIMIT]
