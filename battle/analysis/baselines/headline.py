"""The first line of a comparison: what moved, and what that amounts to."""

from collections.abc import Sequence

from battle.analysis.baselines.decide import fell_undecided, worse_undecided
from battle.analysis.reports.comparison import Change, Status
from battle.analysis.reports.comparison_text import interval_text, size_text, value_text
from battle.formatting import plural


def headline(status: Status, changes: Sequence[Change], baseline: str, threshold: float) -> str:
    """The answer in a sentence, with the change that says most."""
    worse = [change for change in changes if counts_against(change)]
    if status == "worse":
        return f"Worse than {baseline}: {moved_text(worse[0])}{_more(len(worse) - 1, 'got worse')}."
    decided = [change for change in changes if change.decides and change.verdict != "not_enough_data"]
    if status == "nothing_worse":
        if suspects := [change for change in changes if worse_undecided(change, threshold)]:
            moved = ", ".join(_worse_text(change) for change in suspects)
            rest = _tally([change for change in changes if change not in suspects])
            return (
                f"Perhaps worse than {baseline}, but there is not enough data: {moved}; "
                f"nothing else is worse: {rest}."
            )
        return f"Not worse than {baseline}: {_tally(changes)}."
    why = "the measured values cannot be trusted" if decided else _why(changes)
    if fell := [change for change in changes if fell_undecided(change, threshold)]:
        lost = min(fell, key=lambda change: change.unit != "share")
        why = f"{moved_text(lost)}, and it is not known whether that was by chance ({lost.note})"
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


def _tally(changes: Sequence[Change]) -> str:
    deciding = [change for change in changes if change.decides]
    unconfirmed = [change for change in deciding if change.confirmed is False]
    better = [change for change in deciding if change.verdict == "better"]
    # Every row of the table is counted once, so that the reader who counts them finds as many.
    same = sum(change.verdict == "same" for change in changes)
    undecided = sum(change.verdict == "not_enough_data" for change in changes)
    informing = sum(change.verdict in ("better", "worse") and not change.decides for change in changes)
    parts = []
    if unconfirmed:
        parts.append(f"a second run did not confirm that {moved_text(unconfirmed[0])}")
    if better:
        parts.append(f"{moved_text(better[0])}{_more(len(better) - 1, 'got better')}")
    parts.append(f"{plural(same, 'metric')} the same")
    if undecided:
        parts.append(f"{undecided} undecided")
    if informing:
        parts.append(f"{plural(informing, 'informational metric')} changed")
    return "; ".join(parts)


def _more(count: int, what: str) -> str:
    return f"; {plural(count, 'more metric')} {what}" if count else ""


def _why(changes: Sequence[Change]) -> str:
    notes = [change.note for change in changes if change.decides and change.note]
    if notes:
        return notes[0]
    return "the intervals are too wide" if changes else "nothing was measured"
