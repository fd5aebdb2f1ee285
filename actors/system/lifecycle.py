"""What supervisors report of their children's lives, and how an exception reads in it."""

from typing import Literal, TypeAlias

import msgspec

Change: TypeAlias = Literal["started", "crashed", "restarting", "escalated", "stopped"]


class LifecycleChange(msgspec.Struct, frozen=True):
    """What happened to an actor, for the log; the words are those of `battle.store.events.ActorChanged`.

    An escalation's actor is the supervisor itself. An induced exit is a crash whose reason says so.
    """

    supervisor: str
    actor: str
    change: Change
    incarnation: int
    reason: str | None = None


REASON_LIMIT = 500
"""Characters of an exception's text that go into the log: enough to recognise it, whatever it quotes."""


class AuthorsError(Exception):
    """The scenario's own code or data failed in a node: started again, it would fail again."""


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions inside an exception group, however nested; of any other, itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def is_authors(error: BaseException) -> bool:
    """Whether the scenario's own code or data is among what failed."""
    return any(isinstance(leaf, AuthorsError) for leaf in leaves(error))


def crash_reason(error: BaseException) -> str:
    """An exception in one line for the log, a group as what is inside it."""
    text = "; ".join(f"{type(leaf).__name__}: {leaf}".removesuffix(": ") for leaf in leaves(error))
    return text[:REASON_LIMIT]
