"""From calls that were answered and refused to the rate limit behind them. Pure.

The calls fall into runs: so many were answered one after the other, then some were refused. Two kinds of limit are
distinguished by the second run, which begins as soon as a call is answered again. After a window has passed it is as
long as a whole window's calls; of a bucket that is refilled evenly it has no more than what came in meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from statistics import median_low
from typing import NamedTuple

from battle.actors.provider.rate_limits import CallLimiter
from battle.actors.spec.limits import CallLimit
from battle.actors.units import ms

WHOLE_WINDOWS_MS = 1000.0
"""Limits are set for whole seconds: a window that can be so many of them is taken for that."""


EXPLAINED_RATIO_MIN = 0.9
"""Of the calls of a search: calls overtake each other on their way, and that explains a few that do not fit."""

_ROOM_MAX = 0.4
"""Between the shortest and the longest window that is possible, as a share of it: beyond that it is not known."""

_TRIED = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""Windows between the shortest and the longest one."""


class LimitCall(NamedTuple):
    """One call of the search: when it was sent, in seconds, and whether it was refused."""

    sent_s: float
    refused: bool


class Searched(NamedTuple):
    """A search for a limit of up to so many calls per second; `gave_up` says in a sentence why it ended early, "" if
    it did not."""

    calls: Sequence[LimitCall]
    per_second: float
    gave_up: str = ""


class Run(NamedTuple):
    """Calls answered one after the other: from `began_s` on so many; `refused_s` is when the first refused call after
    them was sent. Before `began_s` the provider may have been ready for up to `late_s`."""

    began_s: float
    answered: int
    refused_s: float
    late_s: float


class FoundLimit(NamedTuple):
    """What the runs say: as the fields of `MeasuredLimit`."""

    calls: int
    window_ms: float
    window_ms_min: float
    window_ms_max: float
    burst: int = 0


def runs(calls: Sequence[LimitCall]) -> list[Run]:
    """The runs that ended with a refusal, in order of time."""
    found: list[Run] = []
    began_s, answered, late_s, last_refused_s = 0.0, 0, 0.0, None
    for call in sorted(calls):
        if call.refused:
            if answered:
                found.append(Run(began_s, answered, call.sent_s, late_s))
            answered, last_refused_s = 0, call.sent_s
            continue
        if not answered:
            began_s = call.sent_s
            late_s = 0.0 if last_refused_s is None else began_s - last_refused_s
        answered += 1
    return found


def is_bucket(found: Sequence[Run]) -> bool:
    """Whether the runs are those of a bucket, not of windows; there must be two at least."""
    return found[1].answered < found[0].answered / 2


def window_bounds_s(found: Sequence[Run]) -> tuple[float, float] | None:
    """The shortest and the longest window that fits the runs; None where none does, and before two windows have begun
    under our eyes. Longer runs than others are of two windows, and say nothing."""
    calls = _usual(found)
    bounds = [
        (later.began_s - earlier.began_s - later.late_s, later.began_s - earlier.began_s + earlier.late_s)
        for earlier, later in pairwise(found[1:])
        if earlier.answered == calls
    ]
    if not bounds:
        return None
    low, high = max(one[0] for one in bounds), min(one[1] for one in bounds)
    return (low, high) if low <= high else None


def _usual(found: Sequence[Run]) -> int:
    """The first run may have met the end of one window and the begin of the next."""
    return median_low(run.answered for run in found[1:]) if len(found) > 1 else 0


def found_limit(calls: Sequence[LimitCall]) -> FoundLimit | None:
    """The limit that explains the calls best; None when they do not settle which one that is."""
    found = runs(calls)
    if len(found) < 3:
        return None
    possible = [*_windows(found), *_bucket(found, calls)]
    if is_bucket(found):
        possible.reverse()
    if not possible:
        return None
    best = max(possible, key=lambda one: explained_ratio(one, calls))
    return best if explained_ratio(best, calls) >= EXPLAINED_RATIO_MIN else None


def explained_ratio(limit: FoundLimit, calls: Sequence[LimitCall]) -> float:
    """Which share of the calls a provider with this limit would have answered, and refused, as was seen.

    Of windows the calls from the second run on count, which begins one. Whether windows begin with a call or by the
    provider's clock is not known: both are tried.
    """
    ordered = sorted(calls)
    if limit.burst:
        return _share(_by_limiter(limit, ordered), ordered)
    begins_s = [run.began_s for run in runs(ordered)[1:]]
    ordered = [call for call in ordered if call.sent_s >= begins_s[0]]
    tried = [_by_limiter(limit, ordered), *(_by_clock(limit, begin_s, ordered) for begin_s in begins_s)]
    return max(_share(refused, ordered) for refused in tried)


def _by_limiter(limit: FoundLimit, calls: Sequence[LimitCall]) -> list[bool]:
    """Which calls are refused by a mock with this limit."""
    limiter = CallLimiter(CallLimit(calls=limit.calls, window=ms(limit.window_ms), burst=limit.burst))
    return [not limiter.takes(1, round(one.sent_s * 1e9)) for one in calls]


def _share(refused: Sequence[bool], calls: Sequence[LimitCall]) -> float:
    return sum(one == call.refused for one, call in zip(refused, calls, strict=True)) / len(calls)


def _by_clock(limit: FoundLimit, began_s: float, calls: Sequence[LimitCall]) -> list[bool]:
    """Which calls are refused when one window begins at `began_s`, and the others so that they follow each other."""
    counted = Counter[int]()
    refused = []
    for call in calls:
        window = int((call.sent_s - began_s) // (limit.window_ms / 1e3))
        counted[window] += 1
        refused.append(counted[window] > limit.calls)
    return refused


def _windows(found: Sequence[Run]) -> Iterator[FoundLimit]:
    """The likeliest first."""
    bounds = window_bounds_s(found)
    if bounds is None or bounds[1] <= 0:
        return
    low_ms, high_ms = (max(one, 0.0) * 1e3 for one in bounds)
    calls = _usual(found)
    for whole_ms in _whole(low_ms, high_ms):
        yield FoundLimit(calls, whole_ms, low_ms, high_ms)
    if high_ms - low_ms > _ROOM_MAX * high_ms:
        return
    for share in _TRIED:
        yield FoundLimit(calls, low_ms + share * (high_ms - low_ms), low_ms, high_ms)


def _bucket(found: Sequence[Run], calls: Sequence[LimitCall]) -> Iterator[FoundLimit]:
    """At each refusal less than one call is in the bucket, so what was answered between two is what came in."""
    first, last_s = found[0], found[-1].refused_s
    answered = sum(not call.refused and first.refused_s < call.sent_s < last_s for call in calls)
    span_s = last_s - first.refused_s
    if not answered:
        return
    per_s = answered / span_s
    low, high = (max(answered - 1, 0.5) / span_s, (answered + 1) / span_s)
    if low <= round(per_s) <= high and round(per_s) > 0:
        per_s = float(round(per_s))
    count = max(round(per_s), 1)
    meanwhile = per_s * (first.refused_s - first.began_s)
    burst = max(round(first.answered + 0.5 - meanwhile), 1)
    yield FoundLimit(count, count / per_s * 1e3, count / high * 1e3, count / low * 1e3, burst)


def _whole(low_ms: float, high_ms: float) -> list[float]:
    """The windows of whole seconds between the bounds; none when there are many."""
    first = max(ceil(low_ms / WHOLE_WINDOWS_MS), 1)
    numbers = range(first, int(high_ms // WHOLE_WINDOWS_MS) + 1)
    return [number * WHOLE_WINDOWS_MS for number in numbers] if len(numbers) <= len(_TRIED) else []
