"""Durations: integer nanoseconds everywhere inside, words at the border.

Scenarios say `ms(50)` in Python and "50ms" in TOML, YAML or JSON.
"""

import re
from typing import Any, TypeAlias

Duration: TypeAlias = int
"""A span of time in nanoseconds."""

_UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|h)")


def us(value: float) -> Duration:
    """`value` microseconds."""
    return round(value * 10**3)


def ms(value: float) -> Duration:
    """`value` milliseconds."""
    return round(value * 10**6)


def seconds(value: float) -> Duration:
    """`value` seconds."""
    return round(value * 10**9)


def minutes(value: float) -> Duration:
    """`value` minutes."""
    return round(value * 60 * 10**9)


def parse_duration(text: str) -> Duration | None:
    """The duration that "50ms", "1.5 s" or "3min" names; None when the text is not one."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        return None
    return round(float(match[1]) * _UNITS_NS[match[2]])


def durations_parsed(data: Any) -> Any:
    """Plain data from a text file with every string that reads as a duration made one.

    Names start with a letter and so can never be taken for a duration.
    """
    if isinstance(data, str):
        parsed = parse_duration(data)
        return data if parsed is None else parsed
    if isinstance(data, list):
        return [durations_parsed(item) for item in data]
    if isinstance(data, dict):
        return {key: durations_parsed(value) for key, value in data.items()}
    return data


def format_duration(value: Duration) -> str:
    """A duration for people: the largest unit that leaves a number of at least one, three digits."""
    for unit in ("h", "min", "s", "ms", "us"):
        if abs(value) >= _UNITS_NS[unit]:
            return f"{value / _UNITS_NS[unit]:.4g} {unit}"
    return f"{value} ns"
