"""Trends: what became of a metric over the runs of a history, from which run on, and whether it got worse. Pure.

Only runs that can be compared stand in one series: of one scenario that was not changed, one world, one gateway and,
where time is real, one machine. Where machines take turns, as the runners of a CI service do, each has its series.
Runs that did not go to their end, or whose measurement cannot be trusted, are shown and not counted.

A series has steps (change points), or a slow drift where a steady movement explains it better. A change for the worse
is an alert while it lasts: until later runs are back, by more than half of it.

That there is a change is surer than where: an alert has the runs between which it is.
"""

import math
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Literal, TypeAlias

import msgspec

from battle.analysis.statistics.change_points import LEVEL, RUNS_MIN, ChangePoint, change_points, series_of
from battle.analysis.statistics.drift import DRIFT_LEVEL, Drift, drift
from battle.defaults import DEFAULT_SEED
from battle.history.row import HistoryMetric, HistoryRow
from battle.history.values import value_text
from battle.scenario.gateways import EMBEDDED
from battle.scenario.slo.metrics import METRICS

RUNS_NEEDED = 2 * RUNS_MIN
"""With fewer runs nothing can be said of a series."""

THRESHOLD = 0.05
"""The smallest relative change that counts."""

STANDARD_ERRORS = 3.92
"""An interval of 95 % is so many standard errors wide."""

SEEDS_ASKED = 5
"""Of each commit, where runs had many seeds: the median of so many is near that of all, and each takes a run."""

THRESHOLD_ASKED = 0.5
"""Of the change that was found: commits with it are beyond that, and commits without it are not."""

ChangeKind: TypeAlias = Literal["step", "drift"]
Direction: TypeAlias = Literal["worse", "better", "other"]
"""Other: of a metric whose rise is neither good nor bad, such as the number of failovers."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a series. `counted`: it has a value that can be trusted."""

    row: HistoryRow
    metric: HistoryMetric

    @property
    def counted(self) -> bool:
        """Whether the run counts for the trend."""
        return self.row.trusted and (self.metric.value is not None or self.metric.never)


class SeriesKey(msgspec.Struct, frozen=True, order=True):
    """What the runs of a series have in common. In the simulated world, where time is virtual, `machine` is empty."""

    metric: str
    workload: str
    scenario: str
    world: str
    gateway: str
    machine: str
    scenario_digest: str

    @property
    def title(self) -> str:
        """The metric, with its workload if it is of one."""
        return f"{self.metric} of {self.workload}" if self.workload else self.metric


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """From the run `index` of its series on the level is another; a drift moves on to the last run of its span.

    `index` is the likeliest run; with 99 % confidence it is one from `first` to `last`.
    `size` is the relative change, of rates that of the failures; None: there is none, from 0 say. `lasts`: the runs
    at the end of the series are not back yet.
    """

    kind: ChangeKind
    index: int
    first: int
    last: int
    before: float | None
    after: float | None
    size: float | None
    p_value: float
    direction: Direction
    lasts: bool


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs from `start` to before `end` of a series are taken to have; it moves in a drift."""

    start: int
    end: int
    first: float | None
    last: float | None


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A series, oldest run first, and what changed in it. Not `enough`: there are too few runs to say anything."""

    key: SeriesKey
    points: tuple[Point, ...]
    enough: bool
    changes: tuple[Change, ...]
    levels: tuple[Level, ...]

    @property
    def counted(self) -> int:
        """How many of its runs count."""
        return sum(point.counted for point in self.points)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A metric got worse, and still is.

    `last_good` is the last run that surely is as before, `first_bad` the first that surely is worse, with 99 %
    confidence; the change is at one of `candidates` runs, most likely at `likeliest`. Of a drift this is about its
    beginning. `source` is what one types for the scenario after `battle run`, None where no run has it; `seeds` are
    those of the runs.
    """

    kind: ChangeKind
    metric: str
    workload: str | None
    scenario: str
    world: str
    gateway: str
    machine: str
    before: float | None
    after: float | None
    size: float | None
    p_value: float
    last_good_run: str
    last_good_commit: str | None
    first_bad_run: str
    first_bad_commit: str | None
    first_bad_at: str
    likeliest_run: str
    likeliest_commit: str | None
    candidates: int
    newest_commit: str | None
    source: str | None = None
    seeds: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """The metric, with its workload if it is of one."""
        return f"{self.metric} of {self.workload}" if self.workload else self.metric

    @property
    def text(self) -> str:
        """The alert in a sentence."""
        how = "got worse" if self.kind == "step" else "is getting worse slowly"
        where = f"{self.scenario} ({self.world}, {self.gateway})"
        return (
            f"{self.title} {how} in {where}: {change_text(self.metric, self.before, self.after, self.size)}, "
            f"{self._where}"
        )

    @property
    def _where(self) -> str:
        run = f"run {self.first_bad_run} of {self.first_bad_at[:10]}"
        if self.candidates > 1:
            return self._between(run)
        if self.first_bad_commit is None:
            return f"since {run} (its commit is not known)"
        if self.first_bad_commit == self.last_good_commit:
            return f"since {run} (of the same commit {short(self.first_bad_commit)} as before: look at the machine)"
        good = f", last good {short(self.last_good_commit)}" if self.last_good_commit else ""
        return f"since commit {short(self.first_bad_commit)} ({run}{good})"

    def _between(self, run: str) -> str:
        """Where it is when the noise of the runs leaves several places."""
        good, bad = self.last_good_commit, self.first_bad_commit
        if good is None or bad is None:
            return (
                f"between run {self.last_good_run} (last surely good) and {run} (first surely bad), most likely at "
                f"run {self.likeliest_run}"
            )
        if good == bad:
            same = f"all of the same commit {short(bad)}: look at the machine"
            return f"between run {self.last_good_run} and {run}, {same}"
        likeliest = f", most likely at commit {short(self.likeliest_commit)}" if self.likeliest_commit else ""
        return (
            f"between commit {short(good)} (last surely good) and commit {short(bad)} (first surely bad, {run})"
            f"{likeliest}"
        )

    def bisect(self, scenario: str) -> str | None:
        """The command that finds the commit; None where it cannot. `scenario` is what `battle run` takes.

        It asks for half of the change that was found, with as many seeds as the runs had.
        """
        good, bad = self.last_good_commit, self.first_bad_commit
        if self.kind == "drift":  # no single commit near its beginning did it all
            bad = self.newest_commit
        known = METRICS.get(self.metric)
        # Commits are compared in the simulated world: it has the embedded gateway alone, and no processes.
        simulated = self.gateway.startswith(EMBEDDED) and not (known is not None and known.of_process)
        if not good or not bad or good == bad or not simulated:
            return None
        words = ["battle", "bisect", scenario, short(good), short(bad), "--metric", self.metric]
        if self.workload is not None:
            words += ["--workload", self.workload]
        return shlex.join([*words, *self._threshold, *self._seeds])

    @property
    def _threshold(self) -> Iterator[str]:
        if self.size:
            yield from ("--threshold", f"{min(1.0, THRESHOLD_ASKED * abs(self.size)):.2g}")

    @property
    def _seeds(self) -> Iterator[str]:
        if self.seeds and self.seeds[0] != DEFAULT_SEED:
            yield from ("--seed", str(self.seeds[0]))
        if len(self.seeds) > 1:
            yield from ("--seeds", str(min(len(self.seeds), SEEDS_ASKED)))


def trends_of(
    rows: Sequence[HistoryRow],
    metrics: Collection[str] | None = None,
    *,
    threshold: float = THRESHOLD,
    level: float = LEVEL,
) -> tuple[Trend, ...]:
    """The trends of rows in the order of their start; `metrics` are the names of those that are wanted, None: all.

    Of several series each has to be clearer, so that all of them together raise a false alert as seldom as one.
    """
    found = {key: points for key, points in _series(rows, metrics).items() if _measured(points)}
    many = sum(1 for points in found.values() if _varies(points)) or 1
    return tuple(
        _trend(key, points, threshold, level / many, DRIFT_LEVEL / many)
        for key, points in sorted(found.items(), key=lambda one: _order(*one))
    )


def judged_together(trends: Sequence[Trend]) -> int:
    """How many of the series could look changed by chance: each of them has to be so many times clearer."""
    return sum(1 for trend in trends if _varies(trend.points))


def alerts_of(trends: Sequence[Trend]) -> tuple[Alert, ...]:
    """What got worse and still is, the newest change of each series."""
    return tuple(alert for trend in trends for alert in _alerts(trend))


def exit_status(trends: Sequence[Trend]) -> int:
    """Of `battle trend --alert`: 1 when something got worse, 3 when no series has enough runs, else 0."""
    if alerts_of(trends):
        return 1
    return 0 if any(trend.enough for trend in trends) else 3


def change_text(metric: str, before: float | None, after: float | None, size: float | None) -> str:
    """From what to what a metric changed, and by how much."""
    values = f"{value_text(metric, before, 'never')} → {value_text(metric, after, 'never')}"
    if size is None:
        return values
    return f"{values} ({100 * size:+,.0f} %{' failures' if _is_rate(metric) else ''})"


def short(commit: str | None) -> str:
    """A commit in so many characters that it is the only one."""
    return "?" if commit is None else commit[:12]


def _order(key: SeriesKey, points: Sequence[Point]) -> tuple[object, ...]:
    """By metric and place; those that a machine or a change of the scenario parts by when they begin."""
    first = points[0].row.started_at
    return (_place(key.metric), key.workload, key.scenario, key.world, key.gateway, first, key)


def _place(metric: str) -> tuple[int, str]:
    return (METRICS[metric].place if metric in METRICS else 10**6, metric)


def _series(
    rows: Sequence[HistoryRow], metrics: Collection[str] | None
) -> dict[SeriesKey, tuple[Point, ...]]:
    points: dict[SeriesKey, list[Point]] = {}
    for row in rows:
        for metric in row.metrics:
            if metrics is None or metric.name in metrics:
                points.setdefault(_key(row, metric), []).append(Point(row=row, metric=metric))
    return {key: tuple(found) for key, found in points.items()}


def _key(row: HistoryRow, metric: HistoryMetric) -> SeriesKey:
    machine = "" if row.world == "simulated" else row.machine
    return SeriesKey(
        metric.name, metric.workload or "", row.scenario, row.world, row.gateway, machine, row.scenario_digest
    )


def _measured(points: Sequence[Point]) -> bool:
    return any(point.metric.value is not None or point.metric.never for point in points)


def _varies(points: Sequence[Point]) -> bool:
    """Whether there is anything that could look like a change by chance."""
    return len({value for value in _values(points) if value is not None}) > 1


def _values(points: Sequence[Point]) -> list[float | None]:
    """What is compared: of a rate what is missing to 1, since that is what doubles; infinity for "never"."""
    return [_scale(point.metric.name, point) if point.counted else None for point in points]


def _scale(name: str, point: Point) -> float:
    value = point.metric.value
    if value is None:
        return math.inf
    return 1 - value if _is_rate(name) else value


def _is_rate(name: str) -> bool:
    return name in METRICS and METRICS[name].unit == "ratio"


def _variances(points: Sequence[Point]) -> list[float | None] | None:
    """The squared standard errors of the runs by their intervals; None where no run has an interval.

    The variance between runs comes on top of them, and is estimated where they are used.
    """
    found = [
        None
        if metric.low is None or metric.high is None
        else ((metric.high - metric.low) / STANDARD_ERRORS) ** 2
        for metric in (point.metric for point in points)
    ]
    return found if any(variance is not None for variance in found) else None


def _trend(
    key: SeriesKey, points: tuple[Point, ...], threshold: float, level: float, drift_level: float
) -> Trend:
    values, variances = _values(points), _variances(points)
    enough = sum(value is not None for value in values) >= RUNS_NEEDED
    changes: list[Change] = []
    levels: list[Level] = []
    if enough:
        changes, levels = _explained(values, variances, threshold, level, drift_level)
        changes = [_stated(key.metric, change, levels) for change in changes]
        levels = [
            Level(start=one.start, end=one.end, first=_back(key.metric, one.first), last=_back(key.metric, one.last))
            for one in levels
        ]  # fmt: skip
    return Trend(key=key, points=points, enough=enough, changes=tuple(changes), levels=tuple(levels))


def _explained(
    values: Sequence[float | None],
    variances: Sequence[float | None] | None,
    threshold: float,
    level: float,
    drift_level: float,
) -> tuple[list[Change], list[Level]]:
    """The steps of a series, or its drift where that explains it better; each level between steps may drift too."""
    found = change_points(values, variances, level=level, size_min=threshold)
    steps = [_change("step", one) for one in found]
    edges = [0, *(step.index for step in steps), len(values)]
    means = [steps[0].before, *(step.after for step in steps)] if steps else [_mean(values, variances)]
    flat = [
        Level(start=start, end=end, first=mean, last=mean)
        for start, end, mean in zip(edges, edges[1:], means, strict=False)
    ]
    whole = _drift(values, variances, 0, len(values), threshold, drift_level)
    if whole is not None and (
        not steps or _loss(values, whole[1], 3) < _loss(values, flat, 2 * len(steps) + 1)
    ):
        return [whole[0]], whole[1]
    changes, levels = list(steps), []
    for one in flat:
        slow = _drift(values, variances, one.start, one.end, threshold, drift_level) if steps else None
        if slow is None:
            levels.append(one)
        else:
            changes.append(slow[0])
            levels += slow[1]
    return sorted(changes, key=lambda change: change.index), levels


def _drift(
    values: Sequence[float | None],
    variances: Sequence[float | None] | None,
    start: int,
    end: int,
    threshold: float,
    level: float,
) -> tuple[Change, list[Level]] | None:
    """The drift of a part of a series, and its levels."""
    part = None if variances is None else variances[start:end]
    found = drift(values[start:end], part, level=level, size_min=threshold)
    if found is None:
        return None
    at = start + found.index
    change = _change("drift", found, start)
    still = [Level(start=start, end=at, first=found.before, last=found.before)] if at > start else []
    return change, [*still, Level(start=at, end=end, first=found.before, last=found.after)]


def _change(kind: ChangeKind, found: ChangePoint | Drift, start: int = 0) -> Change:
    """What was found in the part of a series that begins at `start`."""
    return Change(
        kind=kind,
        index=start + found.index,
        first=start + found.first,
        last=start + found.last,
        before=found.before,
        after=found.after,
        size=found.size,
        p_value=found.p_value,
        direction="other",
        lasts=False,
    )


def _mean(values: Sequence[float | None], variances: Sequence[float | None] | None) -> float | None:
    """The level of a series without a step: each run counts as much as it does where steps are looked for."""
    series = series_of(values, variances)
    if series.infinite.any():
        return math.inf
    return float(series.weights @ series.values / series.weights.sum())


def _loss(values: Sequence[float | None], levels: Sequence[Level], numbers: int) -> float:
    """Schwarz's criterion: what levels leave unexplained, and how many numbers they took for that."""
    squares, runs = 0.0, 0
    for one in levels:
        for at in range(one.start, one.end):
            value = values[at]
            if value is not None and math.isfinite(value):
                squares += (value - level_at(one, at)) ** 2
                runs += 1
    if not runs or not squares:
        return -math.inf
    return runs * math.log(squares / runs) + numbers * math.log(runs)


def level_at(level: Level, index: int) -> float:
    """The level at a run; infinite where it is "never"."""
    first, last = (math.inf if value is None else value for value in (level.first, level.last))
    steps = level.end - 1 - level.start
    return first if first == last or not steps else first + (last - first) * (index - level.start) / steps


def _stated(metric: str, change: Change, levels: Sequence[Level]) -> Change:
    """The change in the metric's own unit, with its direction, and whether it lasts."""
    before, after = change.before, change.after
    assert before is not None
    assert after is not None
    now = levels[-1].last
    assert now is not None
    middle = after if math.isinf(after) else (before + after) / 2
    return msgspec.structs.replace(
        change,
        before=_back(metric, before),
        after=_back(metric, after),
        direction=_direction(metric, after > before),
        lasts=now >= middle if after > before else now <= middle,
    )


def _back(metric: str, value: float | None) -> float | None:
    """A value as it was compared, in the unit of the metric; None for "never"."""
    if value is None or math.isinf(value):
        return None
    return 1 - value if _is_rate(metric) else value


def _direction(metric: str, rises: bool) -> Direction:
    """Whether a rise of what is compared is worse: of a rate that is what is missing to 1."""
    known = METRICS.get(metric)
    if known is None or known.reaction:
        return "other"
    worse_when_rising = _is_rate(metric) or not known.at_least
    return "worse" if rises == worse_when_rising else "better"


def _alerts(trend: Trend) -> Iterator[Alert]:
    worse = [change for change in trend.changes if change.direction == "worse" and change.lasts]
    for change in worse[-1:]:
        known = [at for at, point in enumerate(trend.points) if point.counted]
        places = [known.index(at) for at in (change.first, change.index, change.last)]
        if change.kind == "drift":  # the run at which it begins is as those before it
            places = [min(place + 1, len(known) - 1) for place in places]
        first, likely, last = places
        good, likeliest, bad = (trend.points[known[at]].row for at in (max(first - 1, 0), likely, last))
        sources = [point.row.source for point in trend.points if point.row.source is not None]
        seeds = {trend.points[at].row.seed for at in known}
        key = trend.key
        yield Alert(
            kind=change.kind,
            metric=key.metric,
            workload=key.workload or None,
            scenario=key.scenario,
            world=key.world,
            gateway=key.gateway,
            machine=key.machine,
            before=change.before,
            after=change.after,
            size=change.size,
            p_value=change.p_value,
            last_good_run=good.run_id,
            last_good_commit=good.commit,
            first_bad_run=bad.run_id,
            first_bad_commit=bad.commit,
            first_bad_at=bad.started_at,
            likeliest_run=likeliest.run_id,
            likeliest_commit=likeliest.commit,
            candidates=last - first + 1,
            newest_commit=trend.points[known[-1]].row.commit,
            source=sources[-1] if sources else None,
            seeds=tuple(sorted(seed for seed in seeds if seed is not None)),
        )


def machine_changes(rows: Sequence[HistoryRow]) -> Mapping[str, str]:
    """The runs before which the machine or the scenario changed, by their ids, and what did."""
    changes: dict[str, str] = {}
    by_place = sorted(rows, key=lambda row: (row.scenario, row.world, row.gateway, row.started_at))
    for _, group in groupby(by_place, key=lambda row: (row.scenario, row.world, row.gateway)):
        runs = list(group)
        for before, after in pairwise(runs):
            what = [name for name, field in CUTS.items() if getattr(before, field) != getattr(after, field)]
            if what:
                changes[after.run_id] = AND.join(what)
    return changes


AND = " and "

CUTS = {
    "machine": "machine",
    "scenario": "scenario_digest",
    "settings of the gateway": "gateway_digest",
}
"""What is named where it changes, and the field of a row that says so."""
