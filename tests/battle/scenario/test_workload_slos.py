"""Demands on single workloads, as a scenario writes them and a run's header keeps them."""

import json

import pytest

from battle import MockProvider, Scenario, Slo, seconds
from battle.actors.spec.workloads import HttpConstant, WsSubscribe
from battle.analysis.reports.files import read_report
from battle.run.directory import create_run_directory
from battle.run.plan import run_plan
from battle.scenario.validation import scenario_problems


def scenario(**changes) -> Scenario:
    parts = {
        "providers": [MockProvider("a")],
        "workloads": [HttpConstant("eth_blockNumber", name="reads", rate=10, duration=seconds(5))],
        "workload_slos": {"reads": Slo(success_rate=0.9)},
    }
    return Scenario("Test", **{**parts, **changes})


def test_sound_demands_have_no_problems():
    assert list(scenario_problems(scenario())) == []


@pytest.mark.parametrize(
    ("slos", "problem"),
    [
        ({"writes": Slo()}, "workload_slos: there is no workload named 'writes'; the workloads are: reads"),
        ({"reads": Slo(success_rate=7)}, "workload reads: slo: success_rate is a share"),
        (
            {"reads": Slo(max_memory_mb=7)},
            "workload reads: slo: max_memory_mb applies to the whole run only",
        ),
        (
            {"reads": Slo(min_failovers=1)},
            "workload reads: slo: min_failovers applies to the whole run only",
        ),
    ],
)
def test_each_problem_is_named(slos, problem):
    (found,) = scenario_problems(scenario(workload_slos=slos))
    assert found.startswith(problem)


def test_demands_on_heads_need_nothing_collected():
    slo = Slo(max_missed_heads=0, max_duplicate_heads=0, max_head_delay_ms=100, max_silence_ms=9000)
    heads = WsSubscribe(name="heads", connections=1, duration=seconds(5))
    assert (
        list(scenario_problems(scenario(workloads=[heads], workload_slos={"heads": slo}, collect=set())))
        == []
    )


def test_a_report_made_from_the_directory_knows_them(tmp_path):
    run_dir = create_run_directory(tmp_path, run_plan(scenario(), 1), "simulated")
    assert json.loads((run_dir / "run.json").read_text())["workload_slos"]["reads"]["success_rate"] == 0.9
    (run_dir / "events").mkdir()
    (one,) = read_report(run_dir).workload_slos
    assert (one.workload, [result.name for result in one.slos]) == ("reads", ["success_rate"])


def test_a_workload_without_a_name_has_the_one_that_the_log_has():
    unnamed = HttpConstant("eth_blockNumber", rate=10, duration=seconds(5))
    two = scenario(workloads=[unnamed, unnamed], workload_slos={"main-2": Slo(success_rate=0.9)})
    assert list(scenario_problems(two)) == []
    assert [node.workload.name for node in run_plan(two, 1).workloads] == ["main", "main-2"]
    assert (
        list(
            scenario_problems(
                scenario(workloads=[unnamed], slo="success_rate >= 90% for workload main", workload_slos={})
            )
        )
        == []
    )


def test_a_name_that_another_workload_has_by_default_is_taken():
    unnamed = HttpConstant("eth_blockNumber", rate=10, duration=seconds(5))
    named = HttpConstant("eth_blockNumber", name="main", rate=10, duration=seconds(5))
    (problem,) = scenario_problems(scenario(workloads=[unnamed, named], workload_slos={}))
    assert problem == "workload 'main' is defined more than once; names must be unique"
