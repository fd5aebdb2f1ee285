"""What is said, in one place for all channels. Pure.

Reasons are those of the run's report, word for word, and numbers those of the comparison with its baseline: no
channel has words of its own for why a run failed.
"""

import math
import shlex
from collections.abc import Iterator, Sequence

import msgspec

from battle.analysis.findings import Verdict
from battle.analysis.reports.comparison import Change, Unit
from battle.analysis.reports.comparison_text import value_text
from battle.formatting import percent_text, plural
from battle.notifications.event import (
    JudgedRun,
    Kind,
    Subject,
    batch_event,
    batch_id,
    batch_verdict,
    title_of,
    title_of_run,
)

MOVED_SHOWN = 3
"""Numbers that moved: as many as one keeps in mind; the report has all."""

REGRESSIONS_IN_WHY = 2
"""Numbers in the first line, which must be read at a glance."""

LEAKS_IN_WHY = 1


class RunPart(msgspec.Struct, frozen=True, kw_only=True):
    """One run in a message: its row in the table, and its details."""

    title: str
    name: str
    verdict: Verdict
    status: str
    why: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    moved_title: str
    moved: tuple[str, ...]
    reproduce: tuple[str, ...]
    run_id: str | None
    gateway: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """All that a channel needs. `runs` are the worst first."""

    event: Kind
    event_id: str
    verdict: Verdict
    verdict_text: str
    title: str
    why: str
    headlines: tuple[str, ...]
    runs: tuple[RunPart, ...]
    link: str | None
    started_at: str | None

    @property
    def first_line(self) -> str:
        """The verdict, and why."""
        return f"{self.verdict_text}: {self.why}"

    @property
    def other_headlines(self) -> tuple[str, ...]:
        """The headlines that repeat neither the first line nor a reason."""
        known = (self.why, *(reason for run in self.runs for reason in run.reasons))
        return tuple(
            headline
            for headline in self.headlines
            if headline not in self.why and not any(text in headline for text in known)
        )

    @property
    def troubled(self) -> tuple[RunPart, ...]:
        """The runs that have something to say: those that did not pass, or moved."""
        return tuple(run for run in self.runs if run.verdict != "PASS" or run.moved or run.warnings)


def message_of(subjects: Sequence[Subject], link: str | None = None) -> Message:
    """The message about these subjects, of which there is at least one."""
    runs = sorted((run for subject in subjects for run in subject.runs), key=_rank)
    parts = tuple(map(run_part, runs))
    verdict = batch_verdict(subjects)
    return Message(
        event=batch_event(subjects),
        event_id=batch_id(subjects),
        verdict=verdict,
        verdict_text=subjects[0].verdict_text if len(subjects) == 1 else verdict,
        title=title_of(subjects),
        why=_why(subjects, runs, parts),
        headlines=tuple(
            f"{subject.title}: {subject.headline}" if len(subjects) > 1 else subject.headline
            for subject in subjects
            if subject.headline
        ),
        runs=parts,
        link=link,
        started_at=max((subject.started_at for subject in subjects if subject.started_at), default=None),
    )


_WORST_FIRST = ("FAIL", "INCONCLUSIVE", "PASS")


def _rank(run: JudgedRun) -> tuple[int, bool, bool]:
    return _WORST_FIRST.index(run.verdict), not run.regressed, not run.warnings


def run_part(run: JudgedRun) -> RunPart:
    """What is said of one run."""
    moved_title, moved = _numbers(run)
    return RunPart(
        title=title_of_run(run),
        name=run.name,
        verdict=run.verdict,
        status=run.status,
        why=_why_of_run(run),
        reasons=run.reasons,
        warnings=run.warnings,
        moved_title=moved_title,
        moved=moved,
        reproduce=tuple(_reproduce(run)),
        run_id=run.run_id,
        gateway=run.gateway,
    )


def _why(subjects: Sequence[Subject], runs: Sequence[JudgedRun], parts: Sequence[RunPart]) -> str:
    """Why the whole of it is what it is: of one run its reason; of several that of the worst, with its name."""
    if not runs:
        return "; ".join(subject.headline for subject in subjects) or "nothing was run"
    if len(parts) == 1:
        return _recovered(subjects) + parts[0].why
    wrong = [part for run, part in zip(runs, parts, strict=True) if run.verdict != "PASS" or run.regressed]
    if not wrong:
        return _recovered(subjects) + "; ".join(subject.headline for subject in subjects)
    others = f" (and {plural(len(wrong) - 1, 'more run')})" if len(wrong) > 1 else ""
    return f"{wrong[0].name}: {wrong[0].why}{others}"


def _recovered(subjects: Sequence[Subject]) -> str:
    return "passes again. " if batch_event(subjects) == "recovery" else ""


def _why_of_run(run: JudgedRun) -> str:
    """The numbers that got worse, if it was compared; the first reason, if it did not pass; else its headline."""
    regressions = [moved_text(change) for change in _worsened(run)[:REGRESSIONS_IN_WHY]]
    if regressions:
        more = len(_worsened(run)) - len(regressions)
        rest = [f"{plural(more, 'more metric')} got worse"] if more else []
        return "; ".join([*regressions, *rest, *(_leaks(run)[:LEAKS_IN_WHY])])
    if run.verdict != "PASS" and run.reasons:
        others = len(run.reasons) - 1
        return run.reasons[0] + (f" (and {plural(others, 'more reason')})" if others else "")
    return run.headline or run.status


def _leaks(run: JudgedRun) -> list[str]:
    return [f"{plural(count, 'attempt')} to {provider} while it was broken" for provider, count in run.leaked]


def _worsened(run: JudgedRun) -> list[Change]:
    if run.comparison is None or not run.regressed:
        return []
    found = [
        change
        for change in run.comparison.changes
        if change.decides and change.verdict == "worse" and change.confirmed is not False
    ]
    return sorted(found, key=_size, reverse=True)


def _size(change: Change) -> float:
    """How far it moved, so that half as much and twice as much are alike."""
    if change.change is None:
        return math.inf
    return abs(change.change) if change.unit == "share" else abs(math.log(max(1e-9, 1 + change.change)))


def _numbers(run: JudgedRun) -> tuple[str, tuple[str, ...]]:
    """The heading and the numbers: what moved since the baseline, or else the SLOs that were missed."""
    if run.comparison is not None:
        moved = [change for change in run.comparison.changes if change.verdict in ("worse", "better")]
        moved.sort(key=lambda change: (not (change.decides and change.verdict == "worse"), -_size(change)))
        # What got better stands behind all that got worse.
        moved.sort(key=lambda change: change.verdict == "better")
        if moved:
            texts = tuple(f"{moved_text(change)}: {change.verdict}" for change in moved[:MOVED_SHOWN])
            return f"Moved since {run.comparison.before.name}", texts
    figures = tuple(f"{one.name} {one.measured} (target {one.target})" for one in run.missed[:MOVED_SHOWN])
    return "Measured, against the targets", figures


def moved_text(change: Change) -> str:
    """A number that moved, with its interval, in the metric's own unit: "p99 latency 1.9 -> 4.2 s [+1.6, +3.0]"."""
    if change.before is None or change.after is None:
        before, after = (value_text(value, change.unit) for value in (change.before, change.after))
        return f"{change.name} {before} -> {after}"
    size, unit = _scale(max(abs(change.before), abs(change.after)), change.unit)
    before, after = (_number(value, size, change.unit) for value in (change.before, change.after))
    return f"{change.name} {before} -> {after}{unit}{_interval(change, size)}"


def _number(value: float, size: float, unit: Unit) -> str:
    # 99.98 % must not read as 100 %, so shares are cut.
    return percent_text(value).removesuffix(" %") if unit == "share" else _digits(value / size, unit)


def _interval(change: Change, size: float) -> str:
    """From where to where the true change may be. A comparison has it relative to what was before, but of shares."""
    if change.low is None or change.before is None:
        return ""
    whole = 1.0 if change.unit == "share" else change.before
    low, high = (None if bound is None else bound * whole / size for bound in (change.low, change.high))
    upper = "no limit" if high is None else _signed(high, change.unit)
    return f" [{_signed(low, change.unit)}, {upper}]"


def _signed(value: float | None, unit: Unit) -> str:
    number = value or 0.0
    text = _digits(abs(number), unit)
    return f"{'-' if number < 0 and text != '0' else '+'}{text}"


def _digits(value: float, unit: Unit) -> str:
    """As many digits as are read at a glance: of counts all, of the others two or three."""
    if unit == "count" or not value:
        return f"{value:,.4g}"
    if unit == "ratio":
        return f"{value:,.2f}"
    return f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 3}f}"


_TIMES = ((1e9, " s"), (1e6, " ms"), (1e3, " µs"))


def _scale(value: float, unit: Unit) -> tuple[float, str]:
    """What a number is divided by to be shown, and the unit that it then has."""
    match unit:
        case "ns":
            return next((one for one in _TIMES if value >= one[0] * 0.9995), (1.0, " ns"))
        case "share":
            return 0.01, " %"
        case "bytes":
            return 1e6, " MB"
        case "per_s":
            return 1.0, "/s"
        case _:
            return 1.0, ""


def _reproduce(run: JudgedRun) -> Iterator[str]:
    """What one types to see it again: the same run, and where to look in this one."""
    if run.command is not None:
        yield run.command
    elif run.run_id is not None:
        seed = "" if run.seed is None else f" --seed {run.seed}"
        yield f"battle run SCENARIO --world {run.world}{seed}  # SCENARIO: the file of {run.scenario!r}"
    if run.run_id is not None:
        yield f"battle report {shlex.quote(run.run_id)}"
    if run.run_id is not None and run.verdict != "PASS":
        yield f"battle explain {shlex.quote(run.run_id)} --worst 1"


def cut(text: str, limit: int) -> str:
    """The text, with an ellipsis at its end if it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"
