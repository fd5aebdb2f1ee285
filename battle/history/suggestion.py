"""Suggests SLOs that runs like those of a history will meet. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median

import msgspec

from battle.analysis.statistics.change_points import change_points
from battle.analysis.statistics.drift import drift
from battle.analysis.statistics.tolerance import (
    CONFIDENCE,
    COVERAGE,
    Replay,
    Tolerance,
    effective_runs,
    readable,
    replayed,
    runs_needed,
    tolerance,
)
from battle.formatting import plural
from battle.history.row import HistoryRow
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS

NOT_PASS = "without PASS"
NOT_TRUSTED = "partial or distrusted"
ELSEWHERE = "of another machine, world, gateway or version of the scenario"
PAIRS_MIN = 4
"""So many pairs of runs of the same commit show how much runs differ, as with the runs of a baseline."""

SAME_SEED = "of a seed that a later simulated run has"


class Setting(msgspec.Struct, frozen=True):
    """What a suggestion shall promise."""

    coverage: float = COVERAGE
    confidence: float = CONFIDENCE

    @property
    def runs(self) -> int:
        """The fewest independent runs for it; two at least, as each is held to what the others suggest."""
        return max(2, runs_needed(self.coverage, self.confidence))


DEFAULT = Setting()
"""95 % of runs, with 95 % confidence: 59 runs."""


class Usable(msgspec.Struct, frozen=True):
    """The runs that a suggestion rests on, and how many were left out for which reason."""

    rows: tuple[HistoryRow, ...]
    left_out: dict[str, int]


class Margin(msgspec.Struct, frozen=True):
    """By how much two runs of the same commit differ (median), from so many pairs; `same` False: of any commits."""

    size: float
    pairs: int
    same: bool


class SuggestedSlo(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its target, or `problem`, why there is none.

    `missing` is how many more runs it takes. `since` is the first run after the last step of the metric, if it had
    one; older runs do not count.
    """

    name: str
    workload: str | None = None
    target: float | None = None
    tolerance: Tolerance | None = None
    margin: Margin | None = None
    replay: Replay | None = None
    since: str | None = None
    missing: int = 0
    problem: str | None = None


def usable_runs(rows: Sequence[HistoryRow]) -> Usable:
    """The runs that are like the last one that passed, in the order of their start.

    In the simulated world a seed counts once: the same seed again shows nothing new.
    """
    left_out: dict[str, int] = {}

    def kept(
        remaining: Sequence[HistoryRow], why: str, good: Callable[[HistoryRow], bool]
    ) -> list[HistoryRow]:
        found = [one for one in remaining if good(one)]
        if len(found) < len(remaining):
            left_out[why] = len(remaining) - len(found)
        return found

    runs = kept(rows, NOT_PASS, lambda one: one.verdict == "PASS")
    runs = kept(runs, NOT_TRUSTED, lambda one: one.trusted)
    if not runs:
        return Usable((), left_out)
    kind = _kind(runs[-1])
    runs = kept(runs, ELSEWHERE, lambda one: _kind(one) == kind)
    if runs[-1].world == "simulated":
        last = {one.seed: one.key for one in runs}
        runs = kept(runs, SAME_SEED, lambda one: last[one.seed] == one.key)
    return Usable(tuple(runs), left_out)


def suggested(
    rows: Sequence[HistoryRow], setting: Setting = DEFAULT, names: Sequence[str] = ()
) -> tuple[SuggestedSlo, ...]:
    """A target for each metric of these runs, or of those named: see `usable_runs`.

    A metric that no run has is left out, unless it was named.
    """
    return tuple(_suggestions(rows, setting, names))


def toml_lines(suggestions: Sequence[SuggestedSlo]) -> Iterator[str]:
    """The targets as a scenario file has them."""
    yield "slo = ["
    for workload in dict.fromkeys(one.workload for one in suggestions):
        pairs = [
            f"{one.name} = {one.target!r}"
            for one in suggestions
            if one.workload == workload and one.target is not None
        ]
        if workload is not None:
            pairs += [f"workload = {msgspec.json.encode(workload).decode()}"]
        yield f"    {{ {', '.join(pairs)} }},"
    yield "]"


def _kind(one: HistoryRow) -> tuple[str, ...]:
    return (one.world, one.gateway, one.machine, one.scenario_digest)


def _suggestions(
    rows: Sequence[HistoryRow], setting: Setting, names: Sequence[str]
) -> Iterator[SuggestedSlo]:
    known = dict.fromkeys((one.workload, one.name) for row in rows for one in row.metrics)
    for workload in dict.fromkeys(workload for workload, _ in known) or (None,):
        for name in names or METRICS:
            if name in METRICS and ((workload, name) in known or (names and workload is None)):
                series = _series(rows, name, workload)
                if series or names:
                    yield _suggestion(METRICS[name], workload, series, setting)


def _series(rows: Sequence[HistoryRow], name: str, workload: str | None) -> list[tuple[HistoryRow, float]]:
    """The runs that measured it, with what they did; infinite where a percentile was never reached."""
    found = []
    for row in rows:
        one = row.metric(name, workload)
        if one is not None and (one.never or one.value is not None):
            found.append((row, math.inf if one.value is None else one.value))
    return found


def _suggestion(
    metric: Metric, workload: str | None, series: list[tuple[HistoryRow, float]], setting: Setting
) -> SuggestedSlo:
    slo = SuggestedSlo(name=metric.name, workload=workload)
    if drift([value for _, value in series]) is not None:
        return _refused(slo, "it drifts: what runs measure today is not what they will; see battle trend")
    steps = change_points([value for _, value in series])
    since = steps[-1].index if steps else 0
    series = series[since:]
    values = [value for _, value in series]
    if steps:
        slo = msgspec.structs.replace(slo, since=series[0][0].run_id)
    above = not metric.at_least
    bound = tolerance(values, above=above, coverage=setting.coverage, confidence=setting.confidence)
    if bound is None or len(values) < 2:
        return _too_few(slo, values, setting)
    if not math.isfinite(bound.bound):
        return _refused(slo, "in too many runs so many requests failed that it was never reached")
    margin = _margin(series)
    replay = replayed(values, bound.rank, margin.size, above=above)
    slo = msgspec.structs.replace(slo, tolerance=bound, margin=margin, replay=replay)
    if replay.met < setting.coverage * replay.runs:
        return _refused(
            slo,
            f"of {replay.runs} left-out runs only {replay.met} met what the others suggest: the runs differ too much",
        )
    target = readable(
        bound.bound + (margin.size if above else -margin.size),
        above=above,
        whole=metric.count,
        share=metric.unit == "ratio",
    )
    if (not above and target <= 0) or metric.problem(target):
        return _refused(slo, f"a target of {target:g} would say nothing")
    return msgspec.structs.replace(slo, target=int(target) if metric.count else target)


def _too_few(slo: SuggestedSlo, values: list[float], setting: Setting) -> SuggestedSlo:
    effective = effective_runs(values)
    # Runs that hang together count for less, also those to come.
    needed = math.ceil(setting.runs * len(values) / effective) if values else setting.runs
    missing = max(1, needed - len(values))
    alike = (
        f", which count as {effective} as each is like the one before it" if effective < len(values) else ""
    )
    since = f" since its last step ({slo.since})" if slo.since else ""
    return _refused(
        slo,
        f"{plural(missing, 'run')} missing: it has {len(values)}{since}{alike}, and {needed} are needed",
        missing,
    )


def _refused(slo: SuggestedSlo, problem: str, missing: int = 0) -> SuggestedSlo:
    return msgspec.structs.replace(slo, problem=problem, missing=missing)


def _margin(series: Sequence[tuple[HistoryRow, float]]) -> Margin:
    """From runs one after the other of the same commit; of any commits where there are too few of those."""
    same: list[float] = []
    others: list[float] = []
    for (before, one), (after, other) in pairwise(series):
        if math.isfinite(one) and math.isfinite(other):
            alike = before.commit is not None and before.commit == after.commit
            (same if alike and not (before.dirty or after.dirty) else others).append(abs(other - one))
    if len(same) >= PAIRS_MIN:
        return Margin(median(same), len(same), True)
    every = same + others
    return Margin(median(every) if every else 0.0, len(every), False)
