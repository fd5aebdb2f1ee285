"""The gateway parted from its clients: which clients, which way, what the log says, and what is refused."""

import pytest

from battle import (
    EmbeddedGateway,
    HttpBurst,
    HttpConstant,
    MockProvider,
    Scenario,
    Slo,
    WsSubscribe,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.faults.transport import Partition
from battle.actors.spec.gateways import UrlGateway
from battle.run.plan import run_plan, workload_role
from battle.scenario.validation import scenario_problems
from tests.end_to_end.battles import ask, digests

both_worlds = pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])

AT, LASTS, LOAD = seconds(1.1), seconds(1.5), seconds(4)


def battle(*chaos, workloads=None, gateway=None) -> Scenario:
    return Scenario(
        "Parted",
        providers=[MockProvider("a", latency=ms(5))],
        gateway=gateway or EmbeddedGateway(),
        workloads=workloads
        or [
            HttpConstant("eth_chainId", rate=20, duration=LOAD, name="parted", timeout=ms(400)),
            HttpConstant("eth_chainId", rate=20, duration=LOAD, name="spared", timeout=ms(400)),
        ],
        chaos=[*chaos],
        slo=Slo(success_rate=0.1),
    )


def parted(**changes) -> Partition:
    return Partition("gateway", **{"peer": "parted", "at": AT, "duration": LASTS, **changes})


OUTCOMES = """
    WITH span AS (SELECT started_ns + 100e6 AS begin_ns, ended_ns - 500e6 AS end_ns FROM fault_windows)
    SELECT workload, outcome, count(*) > 0 FROM requests, span WHERE scheduled_ns BETWEEN begin_ns AND end_ns
    GROUP BY ALL ORDER BY ALL
"""


@both_worlds
def test_a_partition_parts_one_workload_from_the_gateway_and_spares_the_others(world, tmp_path):
    result = run_scenario(battle(parted()), world=world, out=tmp_path)
    run_dir = result.run_dir
    assert ask(run_dir, OUTCOMES) == [("parted", "unknown", True), ("spared", "ok", True)]
    assert ask(run_dir, "SELECT DISTINCT node, action FROM fault_actions") == [("load-parted.0", "held")]
    [fault] = result.report.faults
    assert fault.effect_observed
    assert (fault.fault_id, fault.target, fault.source) == ("partition-gateway.1", "gateway", "clients")
    assert fault.failed_attempts > 10
    assert ms(300) < fault.time_to_detect_ns < ms(700)
    assert fault.time_to_recover_ns < seconds(1)
    if world == "simulated":
        assert result.report.verdict == "PASS", result.report.reasons


@pytest.mark.parametrize(("direction", "heard"), [("in", 0), ("out", 5)])
def test_one_way_the_gateway_hears_nothing_the_other_way_it_is_not_heard(direction, heard, tmp_path):
    """It hears the burst on the connections there are; new ones are silent both ways."""
    bursts = HttpBurst("eth_chainId", size=5, every=ms(250), duration=LOAD, name="parted", timeout=ms(400))
    scenario = battle(parted(direction=direction), workloads=[bursts])
    run_dir = run_scenario(scenario, world="simulated", out=tmp_path).run_dir
    assert ask(run_dir, OUTCOMES) == [("parted", "unknown", True)]
    served = "SELECT count(*) FROM attempts, fault_windows WHERE received_ns BETWEEN started_ns AND ended_ns - 20e6"
    assert ask(run_dir, served) == [(heard,)]


@both_worlds
def test_a_partition_from_the_load_befalls_every_kind_of_connection(world, tmp_path):
    workloads = [
        HttpConstant("eth_chainId", rate=20, duration=LOAD, name="calls", shards=2),
        WsSubscribe(connections=3, duration=LOAD, name="heads"),
    ]
    scenario = battle(parted(peer="load", at=seconds(0.5), duration=seconds(2.5)), workloads=workloads)
    run_dir = run_scenario(scenario, world=world, out=tmp_path).run_dir
    nodes = [node for (node,) in ask(run_dir, "SELECT DISTINCT node FROM fault_actions ORDER BY node")]
    assert nodes == ["load-calls.0", "load-calls.1", "load-heads.0"]
    news = """
        SELECT count(*) FILTER (at_ns BETWEEN started_ns + 100e6 AND ended_ns - 20e6), count(*) > 0
        FROM notifications, fault_windows
    """
    assert ask(run_dir, news) == [(0, True)], "nothing while it lasted, and what was held back after it"


def test_a_partition_that_nobody_feels_leaves_the_run_inconclusive(tmp_path):
    late = parted(at=seconds(2.5), duration=ms(500))
    early = HttpConstant("eth_chainId", rate=20, duration=seconds(1.5), name="parted")
    spared = HttpConstant("eth_chainId", rate=20, duration=seconds(3.5), name="spared")
    scenario = battle(late, workloads=[early, spared])
    report = run_scenario(scenario, world="simulated", out=tmp_path).report
    assert report.verdict == "INCONCLUSIVE"
    [reason] = [reason for reason in report.reasons if "partition-gateway.1" in reason]
    assert reason.endswith("parted does not run")


def test_one_that_is_due_after_the_load_is_refused_before_the_run():
    (problem,) = scenario_problems(battle(parted(at=seconds(9))))
    assert problem.startswith("partition of gateway would begin at 9 s, and the load is over after 4 s")


def test_a_seed_repeats_it_byte_by_byte(tmp_path):
    one, other = (
        digests(run_scenario(battle(parted(peer="load")), world="simulated", out=tmp_path / name).run_dir)
        for name in ("one", "other")
    )
    assert one == other


def test_only_workloads_that_are_to_be_parted_pay_for_it():
    def payers(*chaos):
        plan = run_plan(battle(*chaos), seed=1)
        roles = [
            workload_role(plan, node, Endpoint("gateway:1"), Endpoint("gateway:1")) for node in plan.workloads
        ]
        return [role.spec.name for role in roles if role.may_be_parted]

    assert payers() == []
    assert payers(Partition("a")) == []
    assert payers(parted()) == ["parted"]
    assert payers(parted(peer="load")) == ["parted", "spared"]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Partition("gateway"), "partition: set `peer`"),
        (Partition("gateway", peer="nobody"), "partition: there is no workload named 'nobody'"),
        (Partition("a", peer="load"), "partition: only the gateway connects to a provider"),
    ],
)
def test_what_cannot_be_parted_is_told_before_anything_starts(fault, problem):
    (told,) = scenario_problems(battle(fault))
    assert told.startswith(problem)


def test_a_gateway_that_runs_elsewhere_can_be_parted_from_its_clients():
    scenario = battle(parted(peer="load"), gateway=UrlGateway("http://127.0.0.1:1"))
    assert [*scenario_problems(scenario)] == []
