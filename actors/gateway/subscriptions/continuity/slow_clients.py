"""What happens to a client that does not keep up. Pure.

It must delay nobody else and grow no memory: so it is closed, which it notices, or loses its oldest
messages, which only the log notices.
"""

from typing import TypeAlias

import msgspec

from battle.actors.spec.continuity import Continuity

SLOW_CLIENT_CODE = 1008
"""RFC 6455, policy violation. Not 1013, "try again later": the server is not overloaded, the client is slow."""

SLOW_CLIENT_REASON = "too slow: undelivered messages over the limit"


class Admit(msgspec.Struct, frozen=True):
    """Queue the messages, after dropping this many of the oldest queued ones, which is to be logged.

    `skip` of the new messages themselves, the oldest, do not fit either: only when there are more than a
    whole queue of them.
    """

    drop: int = 0
    skip: int = 0


class Close(msgspec.Struct, frozen=True):
    """Close the client's connection, without waiting for what is queued."""

    code: int = SLOW_CLIENT_CODE
    reason: str = SLOW_CLIENT_REASON


ClientDecision: TypeAlias = Admit | Close


def admit(queued: int, arriving: int, settings: Continuity) -> ClientDecision:
    """What to do about `arriving` more messages for a client with `queued` ones undelivered."""
    limit = settings.client_buffer_messages
    excess = queued + arriving - limit
    if excess <= 0:
        return Admit()
    if settings.slow_client == "close":
        return Close()
    return Admit(drop=min(excess, queued), skip=max(0, arriving - limit))
