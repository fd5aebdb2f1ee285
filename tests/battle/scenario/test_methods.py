"""A method that no provider answers is the scenario's mistake, told before anything starts."""

import pytest

from battle import HttpConstant, MockProvider, RealProvider, Replay, Scenario, WsRequests, WsSubscribe
from battle.actors.units import seconds
from battle.errors import ScenarioError
from battle.scenario.validation import checked, method_problems

MOCKS = [MockProvider("a"), MockProvider("b", canned={"trace_block": []})]
LOAD = {"rate": 1, "duration": seconds(1)}


@pytest.mark.parametrize("kind", [HttpConstant, WsRequests])
@pytest.mark.parametrize("method", ["eth_getBalence", {"eth_call": 1.0, "eth_getBalence": 2.0}])
def test_a_misspelt_method_is_named_with_the_nearest_known(kind, method):
    (problem,) = method_problems([kind(method, name="asking", **LOAD)], MOCKS)
    assert problem.startswith("workload asking: no provider answers the method 'eth_getBalence'")
    assert "'eth_getBalance'" in problem


def test_the_nearest_may_be_a_canned_one_and_the_farthest_has_one_too():
    problems = list(method_problems([HttpConstant({"trace_blok": 1, "zzz": 1}, **LOAD)], MOCKS))
    assert "'trace_block'" in problems[0]
    assert "workload 1: no provider answers the method 'zzz'; the nearest" in problems[1]


@pytest.mark.parametrize(
    "workload",
    [
        HttpConstant("eth_call", **LOAD),
        HttpConstant("trace_block", **LOAD),
        HttpConstant(generator="mine:asks_anything", **LOAD),
        WsRequests(generator="mine:asks_anything", **LOAD),
        WsSubscribe(connections=1, duration=seconds(1)),
        Replay("trace.jsonl"),
    ],
)
def test_what_is_answered_or_not_named_is_fine(workload):
    assert list(method_problems([workload], MOCKS)) == []


def test_a_real_provider_may_know_more():
    providers = [*MOCKS, RealProvider("c", url="http://127.0.0.1:8545")]
    assert list(method_problems([HttpConstant("eth_foo", **LOAD)], providers)) == []


def test_a_scenario_is_refused_for_it():
    with pytest.raises(ScenarioError, match="eth_foo"):
        checked(Scenario("slip", providers=MOCKS, workloads=[HttpConstant("eth_foo", **LOAD)]))
