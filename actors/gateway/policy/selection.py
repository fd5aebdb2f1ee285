"""Which provider gets an attempt: the strategy ranks all of them, then their standing has its say. Pure."""

from collections.abc import Callable, Sequence
from math import log

import msgspec

from battle.actors.spec.gateways import Strategy
from battle.actors.units import Duration
from battle.store.events import BreakerState


def rank(
    strategy: Strategy,
    providers: Sequence[str],
    *,
    turn: int,
    latency_ns: Callable[[str], Duration],
    draw: Callable[[str], float],
) -> list[str]:
    """The providers as the strategy likes them best, whatever their state.

    `providers` come in order of priority, `turn` counts client requests, `draw` gives a number in [0, 1) for
    each provider. Each provider has a draw of its own, so one provider less does not shift the others.
    """
    if strategy == "priority":
        return list(providers)
    if strategy == "round_robin":
        first = turn % len(providers) if providers else 0
        return [*providers[first:], *providers[:first]]
    if strategy == "fastest":
        return sorted(providers, key=latency_ns)
    if strategy == "random":
        return sorted(providers, key=draw)
    # A race of exponential clocks: each provider comes first with a probability in proportion to 1 / latency.
    return sorted(providers, key=lambda name: -log(1 - draw(name)) * max(latency_ns(name), 1))


class Standing(msgspec.Struct, frozen=True):
    """What is known of a provider at the moment a request looks for one."""

    provider: str
    breaker: BreakerState = "closed"
    admitted: bool = True
    """Whether its breaker lets an attempt through: it is closed, or half open with a free slot."""
    limited: bool = False
    """It said "too many requests" a moment ago."""
    barred: bool = False
    """It said "too many requests" and until when; that time has not come."""
    tries: int = 0
    """Attempts this request has made there already."""


class Choice(msgspec.Struct, frozen=True):
    """The provider chosen, if there is one, and those passed over because of their breakers."""

    provider: str | None
    rejected: tuple[str, ...] = ()


def choose(ranked: Sequence[Standing], *, probing: bool) -> Choice:
    """The best of the providers, given in the strategy's order.

    Open and barred ones are out. Of the others, in this order: less tried in this request before more tried,
    not rate limited before rate limited, closed before half open, then as ranked. One that this request has
    tried already does not count as passed over.

    `probing` turns closed before half open around: a half-open provider with a free slot gets the request.
    Requests ask so for their first attempt. Without it a recovered provider would never be found out while
    another is healthy; a request that failed once already is not gambled with.
    """
    open_to_us = [standing for standing in ranked if standing.admitted and not standing.barred]
    if not open_to_us:
        return Choice(None, _rejected(ranked))
    preferred: BreakerState = "half_open" if probing else "closed"
    best = min(open_to_us, key=lambda it: (it.tries, it.limited, it.breaker != preferred))
    return Choice(best.provider, _rejected(ranked[: ranked.index(best)]))


def _rejected(passed_over: Sequence[Standing]) -> tuple[str, ...]:
    return tuple(it.provider for it in passed_over if not it.admitted and not it.tries)
