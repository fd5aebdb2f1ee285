"""How findings say numbers and lists. Ratios are cut, not rounded: 98.996 % must not read as 99 %."""

import math
from collections.abc import Iterable, Iterator, Sequence

LISTED_MAX = 5
"""More items than this in a sentence are counted instead of named."""


def percent_text(ratio: float) -> str:
    """0.98996 as "98.996 %", with at most three decimals, and 100 % only for all of it."""
    cut = math.floor(round(ratio * 100_000, 6)) / 1000
    return f"{cut:.3f}".rstrip("0").rstrip(".") + " %"


def duration_text(value_ns: float) -> str:
    """Nanoseconds for people: the largest unit that leaves at least one of it, three digits."""
    if value_ns >= 60e9:
        minutes, seconds = divmod(round(value_ns / 1e9), 60)
        return f"{minutes:,} min {seconds} s" if seconds else f"{minutes:,} min"
    for unit, size_ns in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if value_ns >= size_ns * 0.9995:
            return f"{_three_digits(value_ns / size_ns)} {unit}"
    return f"{value_ns:.0f} ns" if value_ns else "0"


def _three_digits(value: float) -> str:
    text = f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds_text(at_ns: int) -> str:
    """A moment of the run."""
    return f"{at_ns / 1e9:.3f} s"


def plural(count: int, noun: str) -> str:
    """ "1 fault", "2 faults"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sentence(parts: Sequence[str]) -> str:
    """The parts in one sentence; those beyond `LISTED_MAX` are counted."""
    shown = "; ".join(parts[:LISTED_MAX])
    return shown if len(parts) <= LISTED_MAX else f"{shown}; and {len(parts) - LISTED_MAX} more"


def names_text(names: Sequence[str], most: int = LISTED_MAX) -> str:
    """Names with commas between them; those beyond `most` are counted."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def grouped_text(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Things, each with a reason, as lines: those with the same reason are one line, which says it once."""
    things: dict[str, list[str]] = {}
    for thing, reason in pairs:
        things.setdefault(reason, []).append(thing)
    for reason, named in things.items():
        yield f"{', '.join(named)}: {reason}"
