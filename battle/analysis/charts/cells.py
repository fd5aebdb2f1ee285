"""Into how many cells the time of a run is cut, and in which unit it is shown."""

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias

CELLS_MAX = 240
"""More would be narrower than a few pixels each, and make the report larger without saying more."""

CELLS_WANTED = 24
"""With fewer, before rounding, one would not see when something broke, however few requests each of them has."""

REQUESTS_WANTED = 10
"""As many in a cell, on average, make its percentiles worth drawing."""

CELL_MIN_NS = 10_000_000

TimeUnit: TypeAlias = Literal["s", "min", "h"]

UNIT_NS: dict[TimeUnit, int] = {"s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}


def cell_ns(span_ns: int, events: int) -> int:
    """A round length for the cells of a span in which so many things happened.

    There are at most `CELLS_MAX` cells and, unless the span is very short, not many fewer than `CELLS_WANTED`.
    """
    finest_ns = max(span_ns / CELLS_MAX, CELL_MIN_NS)
    enough_ns = min(span_ns * REQUESTS_WANTED / max(events, 1), span_ns / CELLS_WANTED)
    least_ns = max(finest_ns, enough_ns)
    return next(length for length in _round_lengths() if length >= least_ns)


def even(span_ns: int, length_ns: int) -> int:
    """The length nearest to this one of which the span has a whole number, to the nanosecond.

    A last cell that is shorter than the others, or longer, would have other rates and counts than they.
    """
    return -(-span_ns // max(1, round(span_ns / length_ns)))


def _round_lengths() -> Iterator[int]:
    """1, 2, 5, 10, ... ms up to 10 s, then lengths that go into minutes and hours, then whole hours for ever."""
    for exponent in range(4):
        yield from (10**6 * 10**exponent * factor for factor in (1, 2, 5))
    yield from (10**9 * seconds for seconds in (10, 20, 30, 60, 120, 300, 600, 1200, 1800))
    hours = 1
    while True:
        yield 3600 * 10**9 * hours
        hours *= 2


def time_unit(span_ns: int) -> TimeUnit:
    """Seconds up to five minutes, minutes up to five hours."""
    if span_ns <= 5 * UNIT_NS["min"]:
        return "s"
    return "min" if span_ns <= 5 * UNIT_NS["h"] else "h"


def rounded(value: float, digits: int = 5) -> float:
    """To so many significant digits: more than a chart can show, and a report would only be longer."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
