"""A/A and A/B: what is alike is hardly ever called worse, a slower provider nearly always is.

The scenario is one with noise of its own: latencies are drawn, arrivals are, and each run has another seed.
"""

from pathlib import Path

import pytest

from battle import EmbeddedGateway, HttpPoisson, LogNormal, MockProvider, Scenario, Slo, ms, seconds
from battle.analysis.baselines.compare import compare
from battle.analysis.baselines.run_snapshot import take
from battle.analysis.baselines.snapshot import Snapshot
from battle.run.record import record_scenario

SLOWER = 1.2


def noisy(*, slower: float = 1.0) -> Scenario:
    """Twenty seconds of arrivals at random, and answers that take their time at random."""
    return Scenario(
        "Noisy",
        providers=[
            MockProvider("a", latency=LogNormal(median=ms(40 * slower), sigma=0.4)),
            MockProvider("b", latency=LogNormal(median=ms(60), sigma=0.4)),
        ],
        gateway=EmbeddedGateway(strategy="priority"),
        workloads=[HttpPoisson("eth_blockNumber", rate=60, duration=seconds(20))],
        slo=Slo(success_rate=0.9),
    )


def measured(out: Path, seed: int, *, slower: float = 1.0) -> Snapshot:
    """A run, as a comparison sees it."""
    return take(record_scenario(noisy(slower=slower), world="simulated", seed=seed, out=out).run_dir)


def is_worse(before: Snapshot, after: Snapshot) -> bool:
    """Whether `battle compare` would exit with 1."""
    return compare(before, after).exit_status == 1


def test_a_few_pairs_alike_and_a_few_with_a_slower_provider(tmp_path: Path) -> None:
    runs = [measured(tmp_path, seed) for seed in range(1, 7)]
    slower = [measured(tmp_path, seed, slower=SLOWER) for seed in range(7, 10)]
    assert [is_worse(runs[number], runs[number + 1]) for number in range(5)] == [False] * 5
    assert [is_worse(before, after) for before, after in zip(runs, slower, strict=False)] == [True] * 3


@pytest.mark.slow
@pytest.mark.timeout(3600)  # six minutes of a processor, on a machine that may be busy
def test_a_hundred_pairs_alike_and_a_hundred_with_a_slower_provider(tmp_path: Path) -> None:
    before = [measured(tmp_path, seed) for seed in range(1, 101)]
    after = [measured(tmp_path, seed) for seed in range(101, 201)]
    slower = [measured(tmp_path, seed, slower=SLOWER) for seed in range(201, 301)]
    false_alarms = sum(map(is_worse, before, after))
    found = sum(map(is_worse, before, slower))
    print(f"false regressions: {false_alarms} of 100; slower providers found: {found} of 100")
    assert false_alarms <= 5
    assert found >= 95
