"""What is wrong with a plan of chaos as a whole: too many faults, and those that the load leaves no time for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.behaviour import Reorg, StaleHead
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
)
from battle.actors.spec.faults.schedule import (
    Every,
    Randomly,
    Sequence,
)
from battle.actors.spec.faults.timeline import FAULTS_MAX, expand
from battle.actors.spec.providers import MockProvider
from battle.actors.units import minutes, ms, seconds
from battle.scenario.fault_validation import fault_problems, plan_problems
from battle.scenario.scenario import Scenario
from tests.actors.spec.faults.plans import GROUPS, LOAD, plans, seeds

KILL = Kill("a", at=0, down=seconds(5))


@given(plan=plans, seed=seeds, load=st.integers(1, 10**12))
def test_what_is_not_refused_as_too_long_is_never_too_long(plan, seed, load):
    if not any("faults;" in problem for problem in plan_problems(plan, load, GROUPS)):
        expand(plan, load, GROUPS, seed)  # asserts it


def test_a_fault_that_is_aimed_past_the_end_is_no_problem_here():
    assert list(plan_problems([Pause("a", at=LOAD + 1)], LOAD, GROUPS)) == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (Every(KILL, period=ms(5001), times=10**9), None),
        (
            Every(Kill("*", at=0, down=1), period=ms(30)),
            "the chaos plan may come to 12,000 faults; 10,000 are allowed",
        ),
        (Flap("a", down=1, up=1), "the chaos plan may come to 60,000,000,000 faults; 10,000 are allowed"),
        (
            Randomly(Kill("a", at=0, down=1), mtbf=ms(10)),
            "the chaos plan may come to 24,020 faults; 10,000 are allowed",
        ),
        (
            Every(Kill("group:eu", at=LOAD), period=seconds(9)),
            "every: it would begin with group:eu at 2 min, and the load is over after 2 min",
        ),
        (
            Flap("a", down=seconds(1), up=LOAD),
            "flap: it would begin with a at 2 min, and the load is over after 2 min",
        ),
        (
            Sequence(
                (Kill("a", at=minutes(1)), Flap("a", down=seconds(1), up=seconds(58))), pause=seconds(1)
            ),
            "sequence: it would begin with a at 2.067 min, and the load is over after 2 min",
        ),
        (
            Randomly(Kill("a", at=LOAD), mtbf=seconds(9)),
            "randomly: it would begin with a at 2 min, and the load is over after 2 min",
        ),
        (
            Randomly(Kill("a", at=LOAD - 1, down=minutes(1)), mtbf=seconds(9)),
            "randomly: it could not be over with a before 3 min, and the load is over after 2 min",
        ),
    ],
)
def test_a_plan_that_cannot_be_meant_is_told_so_in_one_sentence(entry, problem):
    assert list(plan_problems([entry], LOAD, GROUPS)) == ([] if problem is None else [problem])


def test_the_bound_is_on_the_whole_plan():
    entry = Every(Kill("a", at=0, down=1), period=LOAD // (FAULTS_MAX // 2))
    assert list(plan_problems([entry, entry], LOAD, GROUPS)) == []
    assert len(list(plan_problems([entry, entry, KILL], LOAD, GROUPS))) == 1
    assert len(expand([entry, entry], LOAD, GROUPS)) == FAULTS_MAX


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (StaleHead("a", blocks=199), None),
        (Reorg("a", depth=199), None),
        (
            StaleHead("a", blocks=200),
            "stale_head: blocks must be below the chain's history of 200 blocks, or set chain = Chain(history=201)",
        ),
        (
            Reorg("a", depth=500),
            "reorg: depth must be below the chain's history of 200 blocks, or set chain = Chain(history=501)",
        ),
    ],
)
def test_no_provider_is_behind_the_oldest_block(fault, problem):
    scenario = Scenario(
        "s", providers=[MockProvider("a")], workloads=[], chain=Chain(history=200), chaos=[fault]
    )
    assert [one for one in fault_problems(scenario) if "history" in one] == ([problem] if problem else [])
