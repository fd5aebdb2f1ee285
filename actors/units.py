"""Durations: integer nanoseconds everywhere inside, words at the border.

Scenarios say `ms(50)` in Python and "50ms" in TOML, YAML or JSON. A bare 50 is nearly always a slip: nothing shorter
than `SHORTEST` can be asked for, so that it is refused instead of being taken for 50 nanoseconds.
"""

import re
from typing import Annotated, Any, TypeAlias

import msgspec

Duration: TypeAlias = Annotated[int, msgspec.Meta(extra={"duration": True})]
"""A span of time in nanoseconds."""

_UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
UNITS = ", ".join(_UNITS_NS)

_SPELLINGS = {
    "ns": "ns nanosecond nanoseconds",
    "us": "us µs μs microsecond microseconds",
    "ms": "ms msec msecs millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
}
_SPELLED_NS = {word: _UNITS_NS[unit] for unit, words in _SPELLINGS.items() for word in words.split()}
_PART = r"(\d+(?:\.\d+)?|\.\d+)\s*([a-zµμ]+)"
_PARTS = re.compile(_PART)
_WHOLE = re.compile(rf"(-?)\s*((?:{_PART}\s*)+)")

DURATION_TEXT_MAX = 100
"""Characters of a duration in words: more is none."""

SHORTEST: Duration = 10_000
"""10 us: what a machine does by itself takes longer, so a shorter duration means nothing, but for 0."""

LONGEST: Duration = 100 * 365 * 24 * _UNITS_NS["h"]
"""A century: two of them still fit the 64 bits that the log has for a moment."""


def is_duration(hint: Any) -> bool:
    """Whether a type, as a struct's field has it, is that of durations."""
    return bool(hint == Duration)


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
    """The duration that "50ms", "1.5 s", "3 minutes", "1h30m" or "-5s" names; None when the text is not one."""
    if len(text) > DURATION_TEXT_MAX:
        return None
    match = _WHOLE.fullmatch(text.strip().lower())
    if match is None:
        return None
    total = 0.0
    for value, word in _PARTS.findall(match[2]):
        if word not in _SPELLED_NS:
            return None
        total += float(value) * _SPELLED_NS[word]
    return -round(total) if match[1] else round(total)


def duration_problem(value: Any) -> str | None:
    """Why a value is no duration that can be asked for, and what to write instead; None when it is one.

    Zero is a duration: where it makes no sense is for others to say.
    """
    if isinstance(value, str):
        return _text_problem(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"expected a duration, such as seconds(10), in a file {_quoted('10s')}"
    if isinstance(value, float):
        return _float_problem(value)
    if value < 0:
        return "a duration cannot be negative"
    if 0 < value < SHORTEST:
        written = (
            f"ms({value}) or seconds({value}), in a file {_quoted(f'{value}ms')} or {_quoted(f'{value}s')}"
        )
        return f"durations are nanoseconds; write {written}"
    if value > LONGEST:
        return "that is longer than a century"
    return None


def not_a_share(value: float, span: str = "from 0 to 1") -> str:
    """What is wrong with a share out of its span, and what to write when it looks like a percentage."""
    hint = f": write {value / 100:g}" if 1 < value <= 100 else ""
    return f"is a share {span}, not {value}{hint}"


def format_duration(value: Duration) -> str:
    """A duration for people: the largest unit that leaves a number of at least one, three digits."""
    if value == 0:
        return "0"
    for unit in ("h", "min", "s", "ms", "us"):
        if abs(value) >= _UNITS_NS[unit]:
            return f"{value / _UNITS_NS[unit]:.4g} {unit}"
    return f"{value} ns"


def exact_duration(value: Duration) -> str:
    """Exactly this duration, in its largest whole unit, as `parse_duration` reads it: "90s"."""
    unit = next(unit for unit in ("h", "min", "s", "ms", "us", "ns") if value % _UNITS_NS[unit] == 0)
    return f"{value // _UNITS_NS[unit]}{unit}"


def _text_problem(text: str) -> str | None:
    value = parse_duration(text)
    if value is not None:
        if 0 < value < SHORTEST:
            return f"that is shorter than {format_duration(SHORTEST)}, the shortest duration there is"
        return duration_problem(value)
    number = text.strip()
    if re.fullmatch(r"-?\d+(?:\.\d+)?", number) and len(number) <= DURATION_TEXT_MAX:
        return f"that is a number without a unit; write {_quoted(f'{number}ms')} or {_quoted(f'{number}s')}"
    return f'that is not a duration; write one like "10s", "250ms" or "1h30m"; the units are {UNITS}'


def _float_problem(value: float) -> str:
    if not SHORTEST <= abs(value) <= LONGEST:
        written = f"ms({value:g}) or seconds({value:g}), in a file {_quoted(f'{value:g}s')}"
        return f"durations are nanoseconds; write {written}"
    return f"durations are whole nanoseconds; write ms({value / 10**6:g})"


def _quoted(text: str) -> str:
    return f'"{text}"'
