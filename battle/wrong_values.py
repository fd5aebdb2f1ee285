"""What is wrong with a value in a data file, in words for its author."""

import re
from typing import Any

import msgspec

_TEXT_FOR_NUMBER = re.compile(r"Expected `int(?: \| null)?`, got `str`(?: - at `\$(?P<path>.*)`)?")
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]")

_DURATION = 'a duration is written "10s", "250ms", or as an integer of nanoseconds'


def problem_text(error: msgspec.ValidationError, data: Any) -> str:
    """What the error says; of a text where a duration may stand, which text, and how a duration is written.

    `data` is what was converted.
    """
    match = _TEXT_FOR_NUMBER.fullmatch(str(error))
    if match is None:
        return str(error)
    path = match["path"] or ""
    value = _value_at(path, data)
    what = "a text" if value is None else repr(value)
    return f"{what} at `{path.lstrip('.')}` is no whole number and no duration: {_DURATION}"


def _value_at(path: str, data: Any) -> str | None:
    """The text there; None when the path does not lead to one, as through a table whose names are not told."""
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        try:
            data = data[step["name"] if step["index"] is None else int(step["index"])]
        except (KeyError, IndexError, TypeError):
            return None
        at = step.end()
    return data if isinstance(data, str) else None
