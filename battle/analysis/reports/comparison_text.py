"""How a comparison is said: in its first line, and number by number. Pure."""

from collections.abc import Sequence

from battle.analysis.reports.comparison import Change, Unit
from battle.formatting import duration_text, percent_text

ANSWERS = {"better": "better", "same": "same", "worse": "worse", "not_enough_data": "not enough data"}
NONE = "–"

CHANGE_SHOWN_MAX = 10.0
"""A change of 1,000 %, or eleven times as much. What must be larger to be seen, or may be anything up to more than
that, is said in words: six digits of per cent only say that nothing is known."""

TOO_NOISY = "too noisy"


def value_text(value: float | None, unit: Unit) -> str:
    """A metric's value with its unit."""
    if value is None:
        return NONE
    match unit:
        case "ns":
            return duration_text(value)
        case "share":
            return percent_text(value)
        case "bytes":
            return f"{value / 1e6:,.1f} MB"
        case "per_s":
            return f"{value:,.4g}/s"
        case "count":
            return f"{value:,.4g}"
        case _:
            return f"{value:.3f}"


def change_text(change: Change) -> str:
    """How much a metric changed, with its sign."""
    if change.change is None:
        return "from none" if not change.before and change.after else NONE
    return _signed(change.change, change.unit)


def interval_text(change: Change) -> str:
    """From where to where the true change may be; empty without an interval."""
    low, high = change.low, change.high
    if low is None:
        return ""
    if high is None:
        up = "no limit"
    elif high > CHANGE_SHOWN_MAX and 1 + high > (1 + CHANGE_SHOWN_MAX) * (1 + low):
        # A large change can be known well, +9,000 % to +9,500 %; this one is not.
        up = f"over {_signed(CHANGE_SHOWN_MAX, change.unit)}"
    else:
        up = _signed(high, change.unit)
    return f"{_signed(low, change.unit)} to {up}"


def visible_text(change: Change) -> str:
    """The smallest change that would have been seen."""
    return seen_from_text(change.visible, change.unit)


def seen_from_text(visible: float | None, unit: Unit) -> str:
    """The smallest change that can be seen; in words where that is more than anybody would ask about."""
    if visible is None:
        return NONE
    return size_text(visible, unit) if visible <= CHANGE_SHOWN_MAX else TOO_NOISY


def _signed(change: float, unit: Unit) -> str:
    sign = "+" if change > 0 else "-" if change < 0 else ""
    return f"{sign}{size_text(abs(change), unit)}"


def size_text(change: float, unit: Unit) -> str:
    """The size of a change: per cent, but points of a share."""
    return f"{_digits(100 * change)} {'points' if unit == 'share' else '%'}"


def _digits(value: float) -> str:
    text = f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def undecided(changes: Sequence[Change]) -> list[str]:
    """Why metrics are undecided, a sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for change in changes:
        if change.verdict == "not_enough_data":
            reasons.setdefault(change.note or "the interval is too wide", []).append(change.name)
    return [f"Not enough data ({why}): {', '.join(names)}." for why, names in reasons.items()]
