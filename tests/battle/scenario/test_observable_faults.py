"""A delay that nobody could see is a slip of the unit, and refused."""

import pytest

from battle import Degrade, HttpConstant, Jitter, Latency, MockProvider, Ramp, Scenario, Slicer, SlowClose
from battle.actors.spec.faults.base import OBSERVABLE_MIN
from battle.actors.spec.latency import (
    Empirical,
    LogNormal,
    Normal,
    Uniform,
)
from battle.actors.units import ms, seconds
from battle.scenario.validation import scenario_problems

DELAYS = [
    lambda delay: Degrade("a", added_latency=delay),
    lambda delay: Degrade("a", added_latency=delay, error_ratio=0.5),
    lambda delay: Degrade("a", added_latency=Uniform(0, delay)),
    lambda delay: Degrade("a", added_latency=Normal(delay, 0)),
    lambda delay: Degrade("a", added_latency=LogNormal(delay, 0)),
    lambda delay: Degrade("a", added_latency=Empirical((0, delay))),
    lambda delay: Latency("a", delay=delay),
    lambda delay: Jitter("a", spread=delay),
    lambda delay: SlowClose("a", delay=delay),
    lambda delay: Slicer("a", delay=delay),
]


@pytest.mark.parametrize("fault_with", DELAYS)
@pytest.mark.parametrize("delay", [1, 1000, OBSERVABLE_MIN - 1])
def test_a_delay_too_short_to_be_seen_is_refused(fault_with, delay):
    (problem,) = fault_with(delay).problems()
    assert "too short to be observed" in problem
    assert "durations are nanoseconds; write ms(1)" in problem


@pytest.mark.parametrize("fault_with", DELAYS)
@pytest.mark.parametrize("delay", [OBSERVABLE_MIN, ms(1000)])
def test_a_delay_that_can_be_seen_is_fine(fault_with, delay):
    assert list(fault_with(delay).problems()) == []


@pytest.mark.parametrize(
    "latency", [Normal(0, ms(1)), LogNormal(OBSERVABLE_MIN // 2, 1.0), LogNormal(1, 1e9), Uniform(0, ms(1))]
)
def test_a_spread_whose_upper_part_can_be_seen_is_fine(latency):
    assert list(Degrade("a", added_latency=latency).problems()) == []


def test_a_wrong_distribution_is_told_once():
    (problem,) = Degrade("a", added_latency=Empirical(())).problems()
    assert "at least one sample" in problem


def test_a_scenario_says_so_and_a_ramp_too():
    scenario = Scenario(
        "slip",
        providers=[MockProvider("a")],
        workloads=[HttpConstant("eth_blockNumber", rate=1, duration=seconds(60))],
        chaos=[Ramp(Latency("a", delay=1), rise=seconds(5))],
    )
    assert any("latency: delay of 1 ns is too short" in problem for problem in scenario_problems(scenario))
