"""Scenarios: every problem is named at once, they round-trip, and files in four languages say the same."""

import json

import msgspec
import pytest
import yaml

from battle import (
    Degrade,
    EmbeddedGateway,
    Flap,
    HttpConstant,
    HttpPoisson,
    HttpStages,
    HttpUsers,
    Kill,
    MockProvider,
    RateStage,
    Scenario,
    ScenarioError,
    Slo,
    Staleness,
    Uniform,
    UrlGateway,
    UserStage,
    ms,
    seconds,
)
from battle.run.plan import run_plan
from battle.scenario.loader import listed, load_scenario, shipped_names
from battle.scenario.validation import checked, scenario_problems


def scenario(**changes) -> Scenario:
    parts = {
        "providers": [MockProvider("a", latency=Uniform(ms(1), ms(2))), MockProvider("b")],
        "workloads": [HttpConstant("eth_blockNumber", rate=10, duration=seconds(5))],
        "chaos": [Flap("a", down=seconds(1), up=seconds(1))],
        "slo": Slo(success_rate=0.9),
    }
    return Scenario("Test", **{**parts, **changes})


def test_a_sound_scenario_has_no_problems():
    assert list(scenario_problems(scenario())) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"providers": []}, "at least one provider"),
        ({"workloads": []}, "at least one workload"),
        ({"providers": [MockProvider("a"), MockProvider("a")]}, "'a' is defined more than once"),
        ({"providers": [MockProvider("A b")]}, "a name is a lower-case letter"),
        ({"providers": [MockProvider("gateway")], "chaos": []}, "belongs to a node of Battle's own"),
        ({"providers": [MockProvider("a", latency=-1)]}, "latency cannot be negative"),
        ({"providers": [MockProvider("a", port=70000)]}, "port must be from 0"),
        ({"providers": [MockProvider("a", port=8545), MockProvider("b", port=8545)]}, "port 8545"),
        ({"workloads": [HttpConstant("m", rate=0, duration=1)]}, "rate must be above 0"),
        ({"workloads": [HttpConstant({}, rate=1, duration=1)]}, "at least one method"),
        ({"workloads": [HttpUsers("m", users=0, duration=1)]}, "users must be above 0"),
        (
            {"workloads": [HttpConstant("m", rate=1, duration=9, number_ids=20)]},
            "number_ids is a share from 0 to 1, not 20: write 0.2",
        ),
        ({"workloads": [HttpUsers("m", users=1)]}, "duration must be above 0"),
        (
            {"workloads": [HttpUsers("m", duration=9, stages=(UserStage(duration=9, users=3),))]},
            "either a duration or stages, not both",
        ),
        (
            {"workloads": [HttpUsers("m", stages=(UserStage(duration=9, users=-3),), users=1)]},
            "stage 1: users must be 0 or more, not -3",
        ),
        (
            {"workloads": [HttpUsers("m", users=1, duration=9, think_time=Uniform(9, 1))]},
            "think_time: a uniform",
        ),
        ({"workloads": [HttpStages("m", stages=())]}, "stages must be from 1 to 1000, not 0"),
        (
            {"workloads": [HttpStages("m", stages=(RateStage(duration=9, rate=0),))]},
            "start_rate and the rates of all stages cannot all be 0",
        ),
        (
            {"workloads": [HttpStages("m", stages=(RateStage(duration=0, rate=1),))]},
            "all stages together: duration must be above 0",
        ),
        (
            {"chaos": [Kill("gateway", at=0)], "gateway": UrlGateway("http://127.0.0.1:1")},
            "kill: the gateway runs elsewhere, and Battle cannot end, pause or start it",
        ),
        (
            {"chaos": [Degrade("gateway")]},
            "degrade: its target is the gateway, and only a fault of processes (kill, flap, restart, pause) or a",
        ),
        ({"chaos": [Kill("zz", at=0)]}, "target 'zz' does not exist; the providers are a, b"),
        ({"gateway": EmbeddedGateway(seed_latencies={"zz": 1})}, "seed_latencies names 'zz'"),
        ({"slo": Slo(success_rate=2)}, "success_rate is a share"),
        (
            {"staleness": Staleness(blocks=-1)},
            "staleness: blocks must be from 0 to 255, not -1: an answer that is",
        ),
        ({"staleness": Staleness(blocks=256)}, "blocks must be from 0 to 255, not 256"),
        ({"staleness": Staleness(settle=-seconds(1))}, "settle must be from 0 to 1 h, not -1 s"),
        ({"staleness": Staleness(settle=seconds(7200))}, "settle must be from 0 to 1 h, not 2 h"),
        ({"staleness": Staleness(settle=seconds(3600))}, "settle, 1 h, is as long as the load"),
        ({"slo": Slo(max_memory_mb=5), "collect": {"requests"}}, '"system" to collect'),
    ],
)
def test_each_problem_is_named(changes, problem):
    found = list(scenario_problems(scenario(**changes)))
    assert any(problem in sentence for sentence in found), found


def test_all_problems_come_in_one_error():
    with pytest.raises(ScenarioError) as error:
        checked(scenario(workloads=[HttpPoisson("m", rate=-1, duration=0)], chaos=[Kill("zz", at=-1)]))
    for part in ("rate", "duration", "zz", "at must be"):
        assert part in str(error.value)


def test_a_scenario_round_trips_through_json():
    original = scenario()
    assert msgspec.json.decode(msgspec.json.encode(original), type=Scenario) == original


PLAIN = {
    "name": "Test",
    "providers": [
        {"type": "mock", "name": "a", "latency": {"type": "uniform", "low": "1ms", "high": "2ms"}},
        {"type": "mock", "name": "b"},
    ],
    "workloads": [{"type": "http_constant", "method": "eth_blockNumber", "rate": 10, "duration": "5s"}],
    "chaos": [{"type": "flap", "target": "a", "down": "1s", "up": "1000 ms"}],
    "slo": {"success_rate": 0.9},
}

TOML = """
name = "Test"
slo = {success_rate = 0.9}
[[providers]]
type = "mock"
name = "a"
latency = {type = "uniform", low = "1ms", high = "2ms"}
[[providers]]
type = "mock"
name = "b"
[[workloads]]
type = "http_constant"
method = "eth_blockNumber"
rate = 10
duration = "5s"
[[chaos]]
type = "flap"
target = "a"
down = "1s"
up = "1000 ms"
"""


@pytest.mark.parametrize(
    ("suffix", "text"), [("json", json.dumps(PLAIN)), ("yaml", yaml.safe_dump(PLAIN)), ("toml", TOML)]
)
def test_a_data_file_says_the_same_as_python(suffix, text, tmp_path):
    path = tmp_path / f"battle.{suffix}"
    path.write_text(text)
    assert load_scenario(str(path)) == scenario()


def test_every_shipped_scenario_is_sound_and_says_what_it_proves():
    found = list(listed())
    assert {name.partition(":")[0] for name, _ in found} == set(shipped_names())
    for name, shipped in found:
        assert list(scenario_problems(shipped)) == [], name
        assert shipped.proves, name
        assert load_scenario(name) == shipped


def test_scenarios_in_a_directory_are_listed(tmp_path):
    (tmp_path / "mine.battle.json").write_text(json.dumps(PLAIN))
    (tmp_path / "other.json").write_text("{}")
    found = [name for name, _ in listed(tmp_path)]
    assert str(tmp_path / "mine.battle.json") in found
    assert str(tmp_path / "other.json") not in found


def test_the_plan_names_every_node_and_deals_the_shards():
    plan = run_plan(
        scenario(
            workloads=[
                HttpConstant("m", rate=1, duration=seconds(1), shards=2),
                HttpConstant("m", rate=1, duration=seconds(9), name="slow"),
            ]
        ),
        seed=5,
    )
    assert [node.node for node in plan.workloads] == ["load-main.0", "load-main.1", "load-slow.0"]
    assert plan.load == seconds(9)
    assert [fault.fault_id for fault in plan.timeline] == [f"flap-a.{n}" for n in range(1, 5)]
