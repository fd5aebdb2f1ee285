"""Compares two snapshots: is the second worse than the first? Pure.

Many metrics are compared at once, and each could raise a false alarm. So all intervals that can make the comparison
fail are widened until they hold *together* with the level asked for (Bonferroni). So what is printed is what decides,
which a step-down procedure such as Holm's would not give; and with as few metrics as decide it costs little.
"""

import math
from collections.abc import Iterator

from msgspec.structs import replace

from battle.analysis.baselines.best_evidence import Found, best_evidence
from battle.analysis.baselines.counts import Tally
from battle.analysis.baselines.decide import (
    DEFAULT,
    Settings,
    fell_undecided,
    on_counts,
    on_exact,
    on_logs,
    on_shares,
    without_gains,
)
from battle.analysis.baselines.differences import cautions, differences
from battle.analysis.baselines.evidence import (
    Evidence,
    Exact,
    Unknown,
    relative,
)
from battle.analysis.baselines.headline import headline
from battle.analysis.baselines.metrics import (
    OF_RUNS,
    OF_SUBSCRIBERS,
    OF_WORKLOADS,
    Metric,
    key,
)
from battle.analysis.baselines.runs import NOTHING, middle, typical
from battle.analysis.baselines.snapshot import Snapshot
from battle.analysis.reports.comparison import (
    SCHEMA_VERSION,
    Change,
    ComparedSide,
    Comparison,
    Status,
)
from battle.errors import BattleError


def compare(before: Snapshot, after: Snapshot, settings: Settings = DEFAULT) -> Comparison:
    """Whether `after` is worse than `before`, metric by metric.

    Raises:
        BattleError: they are of different worlds, whose times have nothing in common.
    """
    _check_worlds(before, after)
    found = [
        (metric, workload, best_evidence(metric, workload, before, after))
        for metric, workload in compared(before, after)
    ]
    level = together(settings.level, sum(can_fail(metric, known) for metric, _, known in found))
    judged = [
        _change(metric, workload, known, before, after, level, settings.threshold)
        for metric, workload, known in found
        if not _idle(known)
    ]
    changes = without_gains(judged, settings.threshold)
    status = status_of(changes, settings.threshold, trusted=not after.distrusted)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        status=status,
        headline=headline(status, changes, before.name, settings.threshold),
        before=side(before),
        after=side(after),
        threshold=settings.threshold,
        level=settings.level,
        differences=differences(before, after),
        cautions=cautions(before, after),
        changes=changes,
    )


def status_of(changes: tuple[Change, ...], threshold: float, *, trusted: bool) -> Status:
    """What the comparison comes to.

    `nothing_worse` needs a decided change, trusted values, and no undecided metric that fell.
    """
    deciding = [change for change in changes if change.decides]
    if any(change.verdict == "worse" and change.confirmed is not False for change in deciding):
        return "worse"
    sampled = [change for change in deciding if change.unit != "count"] or deciding
    decided = any(change.verdict != "not_enough_data" for change in sampled)
    fell = any(fell_undecided(change, threshold) for change in deciding)
    return "nothing_worse" if decided and trusted and not fell else "not_enough_data"


def confirmed(first: Comparison, second: Comparison) -> Comparison:
    """The first comparison, in which only those metrics count as worse that are worse in the second as well."""
    worse = {(change.metric, change.workload) for change in second.changes if change.verdict == "worse"}
    changes = tuple(
        replace(change, confirmed=(change.metric, change.workload) in worse)
        if change.verdict == "worse"
        else change
        for change in first.changes
    )
    status = status_of(changes, first.threshold, trusted=first.status != "not_enough_data")
    return replace(
        first,
        status=status,
        headline=headline(status, changes, first.before.name, first.threshold),
        changes=changes,
        confirmed_by=second.after.run_id,
    )


def together(level: float, intervals: int) -> float:
    """The level that each of so many intervals needs for all of them to hold together with `level`."""
    return 1 - (1 - level) / max(1, intervals)


def side(snapshot: Snapshot) -> ComparedSide:
    """Which run, or runs, a snapshot is of."""
    identity, first = snapshot.identity, snapshot.runs[0]
    return ComparedSide(
        name=snapshot.name,
        run_id=first.run_id,
        scenario=identity.scenario,
        world=identity.world,
        gateway=identity.gateway,
        seed=first.seed,
        runs=len(snapshot.runs),
    )


def _check_worlds(before: Snapshot, after: Snapshot) -> None:
    if before.identity.world != after.identity.world:
        raise BattleError(
            f"{after.name} ran in the {after.identity.world} world and {before.name} in the "
            f"{before.identity.world} one: latencies are never compared across worlds"
        )


def compared(*snapshots: Snapshot) -> Iterator[tuple[Metric, str | None]]:
    """The metrics of the workloads, those of all of them together last, then those of the whole run."""
    scopes = {sample.workload: None for snapshot in snapshots for sample in snapshot.samples}
    named = sorted(scope for scope in scopes if scope is not None)
    for workload in [*named, *([None] if None in scopes else [])]:
        for metric in OF_WORKLOADS:
            # Of all workloads together the quantiles say little: a mix of what is alike in nothing.
            yield metric._replace(decides=workload is not None), workload
    for metric in OF_SUBSCRIBERS:
        keys = {name for snapshot in snapshots for one in snapshot.runs for name in one.values}
        for workload in sorted(name.partition("/")[0] for name in keys if name.endswith(f"/{metric.name}")):
            yield metric, workload
    for metric in OF_RUNS:
        yield metric, None


def can_fail(metric: Metric, found: Found) -> bool:
    """Whether this is one of the intervals that have to hold together."""
    return metric.decides and isinstance(found, Evidence | Tally)


def _idle(found: Found) -> bool:
    return isinstance(found, Unknown) and found.note == NOTHING


def _change(
    metric: Metric,
    workload: str | None,
    found: Found,
    before: Snapshot,
    after: Snapshot,
    level: float,
    threshold: float,
) -> Change:
    name = key(metric.name, workload)
    olds, news = before.values(name), after.values(name)
    unjudged = Change(
        metric=metric.name,
        workload=workload,
        name=metric.text if workload is None else f"{metric.text} of {workload}",
        unit=metric.unit,
        before=typical(olds),
        after=typical(news),
        change=None,
        low=None,
        high=None,
        visible=None,
        verdict="not_enough_data",
        decides=metric.decides,
        method="",
    )
    match found:
        case Unknown(note):
            return replace(unjudged, note=note)
        case Exact(change, note):
            return replace(
                unjudged,
                before=olds[0] if olds else None,
                after=news[0] if news else None,
                change=change,
                verdict=on_exact(metric, found, threshold),
                method=note,
            )
        case Tally():
            return _counted(metric, found, unjudged, level, threshold)
        case _ if metric.unit == "share":
            return _of_share(metric, found, unjudged, middle(olds), middle(news), level, threshold)
        case _:
            return _of_ratio(metric, found, unjudged, level, threshold)


def _counted(metric: Metric, tally: Tally, change: Change, level: float, threshold: float) -> Change:
    low, high = (_finite(bound - 1) for bound in tally.interval(level))
    return replace(
        change,
        change=tally.after / tally.before - 1 if tally.before else None,
        low=low,
        high=high,
        verdict=on_counts(metric, tally, level, threshold),
        method=tally.method,
    )


def _of_share(
    metric: Metric,
    found: Evidence,
    change: Change,
    before: float,
    after: float,
    level: float,
    threshold: float,
) -> Change:
    low, high = found.interval(level)
    return replace(
        change,
        change=found.change,
        low=low,
        high=high,
        visible=found.visible(level),
        verdict=on_shares(metric, found, before, after, level, threshold),
        method=found.method,
    )


def _of_ratio(metric: Metric, found: Evidence, change: Change, level: float, threshold: float) -> Change:
    low, high = found.interval(level)
    return replace(
        change,
        change=relative(found.change),
        low=relative(low),
        high=_finite(relative(high)),
        visible=_finite(max(threshold, relative(found.visible(level)))),
        verdict=on_logs(metric, found, level, threshold),
        method=found.method,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
