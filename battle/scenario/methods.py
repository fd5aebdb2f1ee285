"""Whether somebody in a scenario can answer what its workloads ask."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from battle.actors.chain.methods import METHODS
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.real_provider import RealProvider
from battle.actors.spec.workloads import Replay, Workload, WsSubscribe


def method_problems(
    workloads: Sequence[Workload], providers: Sequence[MockProvider | RealProvider]
) -> Iterator[str]:
    """Which methods a workload asks that no provider answers, in a sentence each.

    Each such request would end with -32601, and the gateway, which passed that on as it should, would be blamed for
    it. Real providers know what they know; and an author who wants that error asks from a generator or a trace.
    """
    if any(isinstance(provider, RealProvider) for provider in providers):
        return
    canned = {
        method for provider in providers if isinstance(provider, MockProvider) for method in provider.canned
    }
    known = sorted(METHODS.keys() | canned)
    for number, workload in enumerate(workloads, 1):
        for method in _methods_of(workload):
            if method not in known:
                yield f"workload {workload.name or number}: {_unknown(method, known)}"


def _methods_of(workload: Workload) -> tuple[str, ...]:
    """The methods that the scenario itself names; none of a generator, a trace or a subscriber."""
    if isinstance(workload, Replay | WsSubscribe) or not workload.method:
        return ()
    return (workload.method,) if isinstance(workload.method, str) else tuple(workload.method)


def _unknown(method: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(method, known, n=1, cutoff=0.0)
    meant = f"the nearest that is answered is {nearest[0]!r}" if nearest else "none is answered"
    return f"no provider answers the method {method!r}; {meant}, and a provider's `canned` can answer any"
