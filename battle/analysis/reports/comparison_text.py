"""How a comparison is said: in its first line, and number by number. Pure."""

from collections.abc import Sequence

from battle.analysis.baselines.decide import fell_untold, worse_untold
from battle.analysis.reports.comparison import Change, Status, Unit
from battle.formatting import duration_text, percent_text, plural

ANSWERS = {"better": "better", "same": "same", "worse": "worse", "not_enough_data": "not enough data"}
NONE = "–"

TELLING_MAX = 10.0
"""A change of 1,000 %, or eleven times as much. What must be larger to be seen, or may be anything up to more than
that, is said in words: six digits of per cent only say that nothing is known."""

TOO_NOISY = "too noisy to tell"


def headline(status: Status, changes: Sequence[Change], baseline: str, threshold: float) -> str:
    """The answer in a sentence, with the change that says most."""
    worse = [change for change in changes if counts_against(change)]
    if status == "worse":
        return f"Worse than {baseline}: {moved_text(worse[0])}{_more(len(worse) - 1, 'got worse')}."
    told = [change for change in changes if change.decides and change.verdict != "not_enough_data"]
    if status == "nothing_worse":
        if suspects := [change for change in changes if worse_untold(change, threshold)]:
            moved = ", ".join(_worse_text(change) for change in suspects)
            rest = _tally([change for change in changes if change not in suspects])
            return f"Perhaps worse than {baseline}, not enough data to tell: {moved}; nothing else is worse: {rest}."
        return f"Not worse than {baseline}: {_tally(changes)}."
    why = "what could be told cannot be trusted" if told else _why(changes)
    if fell := [change for change in changes if fell_untold(change, threshold)]:
        lost = min(fell, key=lambda change: change.unit != "share")
        why = f"{moved_text(lost)}, and nothing tells whether that was chance ({lost.note})"
    return f"Not enough data to say whether this is worse than {baseline}: {why}."


def counts_against(change: Change) -> bool:
    """Whether this makes a comparison fail."""
    return change.decides and change.verdict == "worse" and change.confirmed is not False


def moved_text(change: Change) -> str:
    """Which metric moved, by how much, with the interval: "p95 latency of main rose by 21 % (12 % to 31 %) ..." """
    spread = interval_text(change)
    by = "" if change.change is None else f" by {size_text(abs(change.change), change.unit)}"
    rose = (change.after or 0) > (change.before or 0)
    return (
        f"{change.name} {'rose' if rose else 'fell'}{by}{f' ({spread})' if spread else ''}, "
        f"from {value_text(change.before, change.unit)} to {value_text(change.after, change.unit)}"
    )


def _worse_text(change: Change) -> str:
    """Which metric got worse and by how much, by its values alone: "p95 latency of main rose by 21 %"."""
    if change.after is None:
        before_text = value_text(change.before, change.unit)
        return f"{change.name} is not reached, because too many requests failed; before it was {before_text}"
    before, after = change.before or 0.0, change.after
    rose = "rose" if after > before else "fell"
    if not before:
        return f"{change.name} {rose} from none to {value_text(after, change.unit)}"
    size = after - before if change.unit == "share" else after / before - 1
    return f"{change.name} {rose} by {size_text(abs(size), change.unit)}"


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
    elif high > TELLING_MAX and 1 + high > (1 + TELLING_MAX) * (1 + low):
        # A large change can be known well, +9,000 % to +9,500 %; this one is not.
        up = f"over {_signed(TELLING_MAX, change.unit)}"
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
    return size_text(visible, unit) if visible <= TELLING_MAX else TOO_NOISY


def _signed(change: float, unit: Unit) -> str:
    sign = "+" if change > 0 else "-" if change < 0 else ""
    return f"{sign}{size_text(abs(change), unit)}"


def size_text(change: float, unit: Unit) -> str:
    """The size of a change: per cent, but points of a share."""
    return f"{_digits(100 * change)} {'points' if unit == 'share' else '%'}"


def _digits(value: float) -> str:
    text = f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _tally(changes: Sequence[Change]) -> str:
    deciding = [change for change in changes if change.decides]
    unconfirmed = [change for change in deciding if change.confirmed is False]
    better = [change for change in deciding if change.verdict == "better"]
    # Every row of the table is counted once, so that the reader who counts them finds as many.
    same = sum(change.verdict == "same" for change in changes)
    untold = sum(change.verdict == "not_enough_data" for change in changes)
    informing = sum(change.verdict in ("better", "worse") and not change.decides for change in changes)
    parts = []
    if unconfirmed:
        parts.append(f"a second run did not confirm that {moved_text(unconfirmed[0])}")
    if better:
        parts.append(f"{moved_text(better[0])}{_more(len(better) - 1, 'got better')}")
    parts.append(f"{plural(same, 'metric')} the same")
    if untold:
        parts.append(f"{untold} not to be told")
    if informing:
        parts.append(
            f"{plural(informing, 'metric')} changed that only {'informs' if informing == 1 else 'inform'}"
        )
    return "; ".join(parts)


def _more(count: int, what: str) -> str:
    return f"; {plural(count, 'more metric')} {what}" if count else ""


def _why(changes: Sequence[Change]) -> str:
    notes = [change.note for change in changes if change.decides and change.note]
    if notes:
        return notes[0]
    return "the intervals are too wide" if changes else "nothing was measured"


def untold(changes: Sequence[Change]) -> list[str]:
    """Why metrics could not be told, a sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for change in changes:
        if change.verdict == "not_enough_data":
            reasons.setdefault(change.note or "the interval is too wide", []).append(change.name)
    return [f"Not enough data ({why}): {', '.join(names)}." for why, names in reasons.items()]
