"""Each fault of the catalogue in whole runs of both worlds: the log shows its effect, and without one no verdict is.

A run holds several faults, one after the other: to seal and judge one costs far more than to simulate a second of it.
"""

from typing import get_args

import pytest

from battle.actors.spec.faults.schedule import Fault
from battle.scenario.validation import scenario_problems
from tests.end_to_end.fault_catalogue import GROUPS, OF_THE_CHAIN, STREAMED, STREAMS
from tests.end_to_end.fault_runs import STANDBY, laid_out, played, scenario

WORLDS = ("simulated", pytest.param("live", marks=[pytest.mark.live, pytest.mark.slow]))
PLACES = [(group, number) for group, effects in GROUPS.items() for number in range(len(effects))]

in_each_world = pytest.mark.parametrize("world", WORLDS)
each_group = pytest.mark.parametrize("group", GROUPS)
each_fault = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: GROUPS[place[0]][place[1]].fault.kind()
)


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """The run of a group in a world, played when somebody asks for it, and only once."""
    runs = {}

    def run(world, group):
        if (world, group) not in runs:
            out = tmp_path_factory.mktemp(world)
            runs[world, group] = played(GROUPS[group], world, out, streams=group == STREAMED)
        return runs[world, group]

    return run


def test_no_fault_is_left_out():
    played_kinds = {effect.fault.kind() for effects in GROUPS.values() for effect in effects}
    assert played_kinds == {fault.kind() for fault in get_args(Fault)} - {*OF_THE_CHAIN}


@in_each_world
@each_fault
def test_the_log_shows_the_effect_of_a_fault(world, place, run_of):
    group, number = place
    evidence = run_of(world, group)
    _, fault_id, *_ = evidence.placed[number]
    assert evidence.shown(fault_id), evidence.facts(fault_id)
    assert evidence.observed(fault_id)


@each_fault
def test_the_log_does_not_show_that_without_the_fault(place, run_of):
    group, number = place
    evidence = run_of("simulated", group)
    _, fault_id, *_ = evidence.placed[number]
    assert not evidence.shown_before(fault_id)


@in_each_world
@each_fault
def test_the_same_fault_at_an_idle_standby_shows_nothing(world, place, run_of):
    group, number = place
    evidence = run_of(world, group)
    _, _, control_id, _ = evidence.placed[number]
    assert not evidence.shown(control_id), evidence.facts(control_id)
    assert not evidence.observed(control_id)


@in_each_world
@each_group
def test_a_run_is_inconclusive_for_each_fault_without_effect_and_for_no_other(world, group, run_of):
    evidence = run_of(world, group)
    found = evidence.about_faults
    assert evidence.report.verdict == "INCONCLUSIVE"
    assert found.ids == tuple(one.control_id for one in evidence.placed)
    assert found.summary in evidence.report.reasons
    if world == "simulated":
        assert evidence.report.reasons == (found.summary,), "nothing else keeps it from passing"


def test_faults_of_websockets_where_nobody_has_one_are_refused_before_the_run():
    _, faults, load = laid_out(STREAMS)
    aimed = [fault for fault in faults if fault.target != STANDBY]
    problems = list(scenario_problems(scenario(aimed, load, streams=False)))
    assert [problem.partition(":")[0] for problem in problems] == [fault.kind() for fault in aimed]
    assert all("it would have no effect; add a WsSubscribe workload" in problem for problem in problems)
