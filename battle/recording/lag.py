"""From the newest blocks that a provider named to how late it learns of blocks. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

LAG_MAX_S = 600.0
"""A head that is older does not lag: the times of this chain's blocks are not those of the day."""


_UNITS_S = ((365.25 * 86_400, "years"), (86_400.0, "days"), (3_600.0, "h"), (60.0, "min"))


class HeadSeen(NamedTuple):
    """The newest block by one answer: when that was asked for, in seconds, the block's number, and, where the answer
    had the whole block, how old it was."""

    sent_s: float
    height: int
    age_s: float | None


class Lag(NamedTuple):
    """How long after their times blocks were first seen, in seconds, in order; how inexact each is; and what could
    not be found out, "" if nothing."""

    delays_s: list[float]
    error_s: float | None
    unknown: str = ""


def lag_of(seen: Sequence[HeadSeen]) -> Lag:
    """A block came between two questions, the second of which it answered: taken is the middle between them.

    Counted are the blocks that were new to us, of which some answer has the time.
    """
    stamped_s: dict[int, float] = {}
    """By height, when its block's time was, by the clock of `sent_s`."""
    for one in seen:
        if one.age_s is not None:
            stamped_s.setdefault(one.height, one.sent_s - one.age_s)
    highest: int | None = None
    before_s = 0.0
    delays_s: list[float] = []
    gaps_s: list[float] = []
    came = 0
    for one in sorted(seen, key=lambda one: one.sent_s):
        if highest is not None and one.height > highest:
            came += 1
            if one.height in stamped_s:
                delays_s.append((before_s + one.sent_s) / 2 - stamped_s[one.height])
                gaps_s.append(one.sent_s - before_s)
        highest = one.height if highest is None else max(highest, one.height)
        before_s = one.sent_s
    return _lag(sorted(delays_s), gaps_s, came)


def _lag(delays_s: list[float], gaps_s: list[float], came: int) -> Lag:
    if not came:
        return Lag([], None, "lag: no new block came while it was measured (--requests makes that longer)")
    if not delays_s:
        return Lag([], None, "lag: no answer had the time of a block that was new")
    error_s = median(gaps_s) / 2
    middle_s = median(delays_s)
    if middle_s > LAG_MAX_S or middle_s < -error_s:
        return Lag(
            [],
            None,
            f"lag: by this machine's clock new blocks are {_age_text(middle_s)} when first seen, so the clock, or "
            "the times of the chain's blocks, are not those of the day",
        )
    return Lag([max(one, 0.0) for one in delays_s], error_s)


def _age_text(age_s: float) -> str:
    """An age in the largest unit of which it has two at least: "10 years old", or "8 s in the future"."""
    size_s, unit = next(((size, unit) for size, unit in _UNITS_S if abs(age_s) >= 2 * size), (1.0, "s"))
    length = f"{abs(age_s) / size_s:,.0f} {unit}"
    return f"{length} in the future" if age_s < 0 else f"{length} old"
