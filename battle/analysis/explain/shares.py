"""Where the time of a request went: each moment of it is put down to one cause, so the shares add up. Pure."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from battle.analysis.explain.history import GatewayRow, History, ServedRow


class Share(msgspec.Struct, frozen=True):
    """How long one thing took, all its spans together."""

    what: str
    spent_ns: int


def shares_of(history: History) -> tuple[Share, ...]:
    """The shares of the whole time, in the order in which they first came; none when there was no time.

    While several attempts race, the time is that of the one which answered.
    """
    spent: dict[str, int] = {}
    for begin_ns, end_ns in pairwise(_edges(history)):
        what = _what(history, begin_ns)
        spent[what] = spent.get(what, 0) + end_ns - begin_ns
    return tuple(Share(what, spent_ns) for what, spent_ns in spent.items())


def _edges(history: History) -> list[int]:
    """The moments between which nothing begins or ends."""
    from_ns, until_ns = history.from_ns, history.until_ns
    return sorted({from_ns, until_ns, *(at for at in _moments(history) if from_ns < at < until_ns)})


def _moments(history: History) -> Iterator[int]:
    if history.client is not None and history.client.sent_ns is not None:
        yield history.client.sent_ns
    for attempt in history.gateway:
        yield from (attempt.started_ns, attempt.ended_ns)
    for row in history.served:
        yield row.received_ns
        if row.replied_ns is not None:
            yield row.replied_ns


def _what(history: History, at_ns: int) -> str:
    client = history.client
    if client is not None and client.sent_ns is None:
        return "waiting to be sent (wasted)"
    if client is not None and client.sent_ns is not None and at_ns < client.sent_ns:
        return "waiting to be sent"
    if not history.run.coverage.gateway:
        return _seen_by_providers(history, at_ns)
    under_way = [one for one in history.gateway if one.started_ns <= at_ns < one.ended_ns]
    if not under_way:
        return "in the gateway, and between it and the client"
    attempt = min(under_way, key=lambda one: one.outcome != "ok")  # of equals the first
    return _of_attempt(history, attempt, at_ns)


def _of_attempt(history: History, attempt: GatewayRow, at_ns: int) -> str:
    if attempt.outcome != "ok":
        return f"waiting for {attempt.provider} (wasted)"
    if any(_worked_on(row, at_ns) for row in history.serving(attempt)):
        return f"provider {attempt.provider} at work"
    return f"between the gateway and {attempt.provider}"


def _seen_by_providers(history: History, at_ns: int) -> str:
    at_work = [row for row in history.served if _worked_on(row, at_ns)]
    if not at_work:
        held = [row.provider for row in history.served if row.replied_ns is None and row.received_ns <= at_ns]
        if held and not any(
            row.received_ns <= at_ns and row.replied_ns is not None for row in history.served
        ):
            return (
                f"provider {held[-1]} had it and did not reply, or in the gateway (not visible from outside)"
            )
        return "in the gateway, or on the way (not visible from outside)"
    row = min(at_work, key=lambda one: one.outcome != "ok")
    return f"provider {row.provider} at work" + ("" if row.outcome == "ok" else ", and failed")


def _worked_on(row: ServedRow, at_ns: int) -> bool:
    return row.replied_ns is not None and row.received_ns <= at_ns < row.replied_ns
