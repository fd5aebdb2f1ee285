"""What is held after faults and was not before them: does each fault add to it, or was it a pool that grew once?

Pure: samples and faults go in, what each fault left comes out. A level before a fault is the highest until then, one
after it the lowest of all calm samples to come. So what one fault needed is no growth at the next, and what is given
back, however late, was never a step.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

SETTLE_NS = 5 * 10**8
"""Connections that a fault broke are closed and opened again within this time."""

MERGE_NS = SETTLE_NS + 10**9
"""Faults closer than this are one to us: between them no sample, one a second, is sure to be calm."""

HELD_NS = 3 * 10**9
"""What is still held for so long after a fault stays; nothing is said of faults with less time after them."""

RELEASED_NS = 60 * 10**9
"""A usual timeout of a proxy: so long may a gateway wait for answers that never come, and hold what that takes."""

NEW_FAULT_RATIO = 3
"""The first fault of a provider may make a pool for another one, opened before it is needed: what counts as a step of
it is so many times as large."""

WARNING_RATIO = 5
"""A single fault is no proof. What it leaves is worth a warning when it is so many times what counts as a step."""

SHARE_MIN = 1 / 8
"""A step smaller than this share of the largest is what remains to grow of something that has nearly enough."""

Fault = tuple[int, int, str, str, str]
"""When it began and ended (ns), its kind, target and id."""


class Episode(NamedTuple):
    """Faults that overlap, or follow each other too closely to see what was held between them."""

    from_ns: int
    to_ns: int
    kinds: frozenset[str]
    targets: frozenset[tuple[str, str]]
    fault_ids: tuple[str, ...]
    new: bool
    """Whether one of the faults is the first of its kind at its target."""


class ResourceNeed(NamedTuple):
    """What clients asked of the gateway around an episode: counts of requests and of connections of clients."""

    before: int
    """Most of both that were open at once at any time before."""
    during: int
    """The same from its start to the next episode."""
    waiting: int
    """Given up by a client or never answered by a provider since its start: the gateway may be waiting still."""
    connected: int
    """WebSocket connections that clients opened since its start, which it may hold beside those they replace."""


class Step(NamedTuple):
    """What an episode left behind: levels in the resource's unit; `rise` without what grows in calm times as well."""

    episode: Episode
    before: float
    after: float
    rise: float


class Steps(NamedTuple):
    """Steps that no need explains. `repeated`: a fault did it again; otherwise nobody knows whether it would."""

    steps: tuple[Step, ...]
    repeated: bool


def episodes(faults: Iterable[Fault]) -> tuple[Episode, ...]:
    """The faults as episodes, in order of time."""
    groups: list[list[Fault]] = []
    to_ns = 0
    for fault in sorted(faults):
        if groups and fault[0] - to_ns < MERGE_NS:
            groups[-1].append(fault)
        else:
            groups.append([fault])
        to_ns = max(to_ns, fault[1])
    found: list[Episode] = []
    seen: frozenset[tuple[str, str]] = frozenset()
    for group in groups:
        targets = frozenset((kind, target) for _, _, kind, target, _ in group)
        found.append(
            Episode(
                from_ns=group[0][0],
                to_ns=max(fault[1] for fault in group),
                kinds=frozenset(kind for kind, _ in targets),
                targets=targets,
                fault_ids=tuple(fault[4] for fault in group),
                new=not targets <= seen,
            )
        )
        seen |= targets
    return tuple(found)


def steps(samples: Sequence[tuple[int, float]], faults: Sequence[Episode]) -> list[Step]:
    """What each of the episodes left, as `samples` (`at_ns` and a level, in order of time) show it.

    An episode without samples before it, or without `HELD_NS` of samples after it, has no step.
    """
    calm = [_calm(samples, episode, following) for episode, following in pairwise([*faults, None]) if episode]
    per_ns = _drift(calm)
    found: list[Step] = []
    for at, episode in enumerate(faults):
        before = [sample for sample in samples if sample[0] <= episode.from_ns]
        after = [sample for stretch in calm[at:] for sample in stretch]
        if not before or not after or samples[-1][0] - episode.to_ns < HELD_NS:
            continue
        highest = max(level for _, level in before)
        lowest = min(level for _, level in after)
        drift = per_ns * (after[0][0] - before[-1][0])
        found.append(Step(episode, highest, lowest, max(lowest - highest - drift, 0)))
    return found


def unexplained(
    found: Sequence[Step],
    needs: Mapping[Episode, ResourceNeed],
    *,
    least: float,
    ratio: float,
    per_need: float,
    bounded: bool,
    until_ns: int,
) -> Steps | None:
    """The steps that show a leak, or may show one; None when there are none.

    Args:
        found: All steps of one resource of one process.
        needs: Of each episode whose rise is beyond `least`.
        least: A rise beyond it is a step; in the resource's unit, as all of these.
        ratio: The last level is beyond the first by more than that.
        per_need: What the gateway may hold for each request or connection.
        bounded: Whether that is a bound: then steps at faults of different kinds are a leak as well, and a single
            one is worth a word only when it is large.
        until_ns: The end of the samples.
    """
    left: dict[Episode, float] = {}
    for step in found:
        if step.rise > least:
            left[step.episode] = step.rise - per_need * _explained(
                step.episode, needs[step.episode], until_ns
            )
    largest = max(left.values(), default=0)
    grew = [
        step
        for step in found
        if left.get(step.episode, 0)
        > max(least * (NEW_FAULT_RATIO if step.episode.new else 1), largest * SHARE_MIN)
    ]
    if not grew or grew[-1].after <= ratio * grew[0].before:
        return None
    again = _again(found, grew)
    if 2 * sum(again) <= len(again) and again:
        return None  # what came again added nothing: a pool that has what it needs
    if len(grew) > 1 and (again or bounded):
        return Steps(tuple(grew), repeated=True)
    return Steps(tuple(grew), repeated=False) if largest > WARNING_RATIO * least or not bounded else None


def _again(found: Sequence[Step], grew: Sequence[Step]) -> list[bool]:
    """Whether it grew at each of the episodes with a fault of a kind at which it had grown before."""
    kinds: frozenset[str] = frozenset()
    again: list[bool] = []
    for step in found:
        if step.episode.kinds & kinds:
            again.append(step in grew)
        if step in grew:
            kinds |= step.episode.kinds
    return again


def _explained(episode: Episode, need: ResourceNeed, until_ns: int) -> int:
    """How many requests and connections there may be something new for after the episode."""
    pooled = need.during if episode.new else max(need.during - need.before, 0)
    waiting = need.waiting if until_ns - episode.to_ns < RELEASED_NS else 0
    return pooled + waiting + need.connected


def _calm(
    samples: Sequence[tuple[int, float]], episode: Episode, following: Episode | None
) -> list[tuple[int, float]]:
    return [
        sample
        for sample in samples
        if sample[0] > episode.to_ns + SETTLE_NS and (following is None or sample[0] <= following.from_ns)
    ]


def _drift(calm: Sequence[Sequence[tuple[int, float]]]) -> float:
    """How much a level grows by the nanosecond when no fault is in force, after the first; never below 0."""
    measured = [stretch for stretch in calm if len(stretch) > 1]
    span_ns = sum(stretch[-1][0] - stretch[0][0] for stretch in measured)
    growth = sum(stretch[-1][1] - stretch[0][1] for stretch in measured)
    return max(growth, 0) / span_ns if span_ns else 0.0
