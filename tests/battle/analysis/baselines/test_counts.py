"""Counts: what chance has no part in, what must be none, and what several runs tell."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.baselines.compare import compare
from battle.analysis.baselines.counts import COARSE_THRESHOLD, Tally, count_found
from battle.analysis.baselines.decide import on_counts
from battle.analysis.baselines.metrics import OF_RUNS
from battle.analysis.reports.comparison import Change
from tests.battle.analysis.baselines.snapshots import snapshot


def counted(
    metric: str,
    before: float | Sequence[float],
    after: float,
    *,
    world: str = "live",
    same_seed: bool = False,
) -> Change:
    """The change of a count. Several values before are those of a calibrated baseline."""
    olds = [before] if isinstance(before, int | float) else before
    one = snapshot(1, world=world, requests=50, runs=len(olds))
    runs = tuple(
        type(run)(run_id=run.run_id, seed=run.seed, values={**run.values, metric: float(value)})
        for run, value in zip(one.runs, olds, strict=True)
    )
    two = snapshot(1 if same_seed else 2, number=1, world=world, requests=50, values={metric: float(after)})
    comparison = compare(msgspec.structs.replace(one, runs=runs), two)
    (change,) = (change for change in comparison.changes if change.metric == metric)
    return change


@pytest.mark.parametrize("metric", ["wrong_answers", "missed_heads", "duplicate_heads"])
@pytest.mark.parametrize("world", ["live", "simulated"])
def test_what_must_be_none_is_worse_from_the_first_on(metric: str, world: str) -> None:
    change = counted(metric, 0, 1, world=world)
    assert (change.verdict, change.change, change.decides) == ("worse", None, True)
    assert counted(metric, 1, 0, world=world).verdict == "not_enough_data", "one less may be luck"


def test_with_one_seed_in_the_simulated_world_chance_has_no_part() -> None:
    def verdict(before: float, after: float) -> str:
        return counted("failovers", before, after, world="simulated", same_seed=True).verdict

    assert verdict(0, 1) == "worse"
    assert verdict(1, 0) == "better"
    assert verdict(10, 11) == "same"
    assert verdict(10, 12) == "worse"
    assert verdict(12, 10) == "better"


def test_with_one_seed_live_chance_has_its_part() -> None:
    assert counted("failovers", 0, 1, same_seed=True).verdict == "not_enough_data"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0, 1, "not_enough_data"),
        (0, 100, "worse"),
        (100, 0, "better"),
        (100, 190, "same"),
        (100, 230, "worse"),
        (230, 100, "better"),
        (3, 9, "not_enough_data"),
    ],
)
def test_without_calibration_a_count_must_double_and_not_by_luck(
    before: int, after: int, verdict: str
) -> None:
    change = counted("failovers", before, after)
    assert change.verdict == verdict
    if verdict == "worse" and before:
        assert change.low is not None
        assert change.low > 0


def test_a_calibrated_count_is_judged_by_how_much_runs_differ() -> None:
    quiet, loud = [100, 101, 99, 100, 102, 98], [40, 160, 90, 130, 60, 120]
    assert counted("failovers", quiet, 190).verdict == "worse"
    assert counted("failovers", quiet, 105).verdict == "same"
    assert counted("failovers", loud, 190).verdict == "not_enough_data"
    assert counted("failovers", [0] * 6, 1).verdict == "not_enough_data", "one of a kind may be luck"
    assert counted("failovers", [0] * 6, 50).verdict == "worse"


@given(before=st.integers(0, 500), after=st.integers(0, 500))
def test_two_counts_are_judged_alike_either_way(before: int, after: int) -> None:
    (metric,) = (metric for metric in OF_RUNS if metric.name == "failovers")
    verdicts = []
    for one, two in ((before, after), (after, before)):
        found = count_found(metric, [one], [two], repeatable=False)
        if before == after == 0:
            assert not isinstance(found, Tally)
            return
        assert isinstance(found, Tally)
        verdicts.append(on_counts(metric, found, 0.99, 0.1))
    mirrored = {"better": "worse", "worse": "better"}
    assert verdicts[1] == mirrored.get(verdicts[0], verdicts[0])
    if verdicts[0] == "worse":
        assert after > (1 + COARSE_THRESHOLD) * before
