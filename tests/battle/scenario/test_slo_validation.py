"""Which SLOs a scenario may have, on which parts of a run, and how that is written in files."""

import pytest

from battle import (
    Degrade,
    EmbeddedGateway,
    Every,
    Flap,
    Healing,
    Kill,
    MockProvider,
    Phase,
    Randomly,
    Scenario,
    Slo,
    ms,
    seconds,
)
from battle.actors.spec.workloads import HttpConstant, HttpUsers, WsSubscribe
from battle.run.plan import run_plan
from battle.scenario.loader import scenario_from_data
from battle.scenario.slo.scope import RESERVED
from battle.scenario.validation import scenario_problems


def scenario(**changes) -> Scenario:
    parts = {
        "providers": [MockProvider("a", groups=("cheap",)), MockProvider("b")],
        "gateway": EmbeddedGateway(),
        "workloads": [
            HttpConstant({"eth_call": 1, "eth_getLogs": 2}, name="reads", rate=10, duration=seconds(30)),
            HttpUsers("eth_getBalance", name="users", users=3, duration=seconds(30)),
        ],
        "chaos": [
            Kill("a", at=seconds(5), down=seconds(3)),
            Degrade("group:cheap", at=seconds(9), added_latency=ms(9)),
        ],
        "phases": [Phase("peak", at=seconds(10), duration=seconds(5))],
    }
    return Scenario("Test", **{**parts, **changes})


def test_sound_demands_have_no_problems():
    slos = [
        Slo(success_rate=0.99, p95_latency_ms=300),
        Slo(p95_latency_ms=300, when="during", fault="kill a", grace=seconds(5)),
        Slo(success_rate=0.9, when="peak", workload="reads", method="eth_call"),
        "min_failovers >= 1 during fault kill-a.1",
        "p50_latency_ms < 300 after fault degrade a",
        "max_memory_mb <= 300 in peak",
        Slo.sql("orphans", "SELECT count(*) FROM attempts WHERE request_id IS NULL", "<= 0"),
    ]
    assert list(scenario_problems(scenario(slo=slos))) == []
    assert list(scenario_problems(scenario(slo="success_rate >= 99%"))) == []
    assert [slo.when for slo in scenario(slo=slos).slos] == [
        "run",
        "during",
        "peak",
        "during",
        "after",
        "peak",
        "run",
    ]


@pytest.mark.parametrize(
    ("slo", "problem"),
    [
        (
            "p95_latency_ms < x",
            """slo: 'p95_latency_ms < x', at "x" (character 18): p95_latency_ms takes a number""",
        ),
        (Slo(success_rate=7, when="during"), "slo: success_rate is a share above 0 and at most 1, not 7"),
        (
            Slo(success_rate=0.9, when="lunch"),
            'slo: when is "run", "before", "during", "after" or a phase, not \'lunch\'; the phases: peak',
        ),
        (
            Slo(success_rate=0.9, when="during", fault="kill b"),
            "slo: no planned fault is 'kill b'; those planned: kill a, degrade a",
        ),
        (Slo(success_rate=0.9, when="during", fault="kill-a"), "slo: no planned fault is 'kill-a'"),
        (Slo(success_rate=0.9, when="during", fault=" "), "slo: fault is empty"),
        (
            Slo(success_rate=0.9, fault="kill a"),
            'slo: fault selects faults for when="before", "during" or "after"',
        ),
        (Slo(success_rate=0.9, when="before", grace=ms(1)), "slo: grace says how long after a fault"),
        (Slo(success_rate=0.9, when="during", grace=-ms(1)), "slo: grace must be 0 or more, not -1 ms"),
        (
            Slo(success_rate=0.9, workload="writes"),
            "slo: there is no workload named 'writes'; the workloads are: reads, users",
        ),
        (
            Slo(success_rate=0.9, method="eth_chainId"),
            "slo: no workload calls 'eth_chainId'; the methods are: eth_call, eth_getLogs, eth_getBalance",
        ),
        (
            Slo(success_rate=0.9, workload="users", method="eth_call"),
            "slo: no workload calls 'eth_call'; the methods are: eth_getBalance",
        ),
        (
            Slo(max_memory_mb=9, workload="reads"),
            "slo: max_memory_mb applies to the whole run only, not to one workload",
        ),
        (
            Slo(min_breaker_changes=9, method="eth_call"),
            "slo: min_breaker_changes cannot be measured for one method; these "
            "can: success_rate, p50_latency_ms",
        ),
        (
            Slo(max_silence_ms=9, when="during"),
            "slo: max_silence_ms applies to the whole run only, not during faults: leave `when` out",
        ),
        (Slo.sql("", "SELECT 1", "<= 0"), "slo: an SLO on SQL needs a name"),
        (
            Slo.sql("one", "SELECT 1", "about 0"),
            "slo 'one': its limit reads like \"<= 0\" or \"> 0.5\", not 'about 0'",
        ),
        (Slo.sql("one", " ", "<= 0"), "slo 'one': it needs a SELECT"),
        (
            Slo.sql("one", "SELECT coun(*) FROM attempts", "<= 0"),
            "slo 'one': its SQL cannot be used: Catalog Error",
        ),
        (Slo.sql("one", "SELECT 1, 2", "<= 0"), "slo 'one': its SQL cannot be used: it gives 2 columns"),
        (
            [Slo(success_rate=0.9), "success_rate >= 95%"],
            "slo: success_rate is given more than once",
        ),
        (
            ["success_rate >= 95% in peak", Slo(success_rate=0.9, when="peak")],
            "slo: success_rate in phase peak is given more than once",
        ),
    ],
)
def test_each_problem_is_one_clear_sentence(slo, problem):
    (found,) = scenario_problems(scenario(slo=slo))
    assert found.startswith(problem), found


def test_a_scope_on_sql_is_refused():
    (query,) = Slo.sql("one", "SELECT 1", "<= 0").queries
    (found,) = scenario_problems(scenario(slo=Slo(queries=(query,), when="during")))
    assert found == "slo: an SLO on SQL takes no scope; restrict it in its WHERE"
    (found,) = scenario_problems(scenario(workload_slos={"reads": Slo(queries=(query,))}))
    assert found == "workload reads: slo: an SLO on SQL takes no scope; restrict it in its WHERE"


def test_during_faults_needs_a_fault():
    (found,) = scenario_problems(scenario(slo="success_rate >= 9% during faults", chaos=[]))
    assert found == "slo: when is 'during', but no fault is planned"


def test_a_demand_of_one_workload_may_have_a_scope_in_either_place():
    assert (
        list(scenario_problems(scenario(workload_slos={"reads": Slo(success_rate=0.9, when="peak")}))) == []
    )
    (found,) = scenario_problems(scenario(workload_slos={"reads": Slo(success_rate=0.9, when="lunch")}))
    assert found.startswith("workload reads: slo: when is ")
    (found,) = scenario_problems(scenario(workload_slos={"reads": Slo(success_rate=0.9, workload="users")}))
    assert found == "workload reads: slo: it is about workload 'users'; leave `workload` out"
    twice = scenario(
        slo=Slo(success_rate=0.9, workload="reads"), workload_slos={"reads": Slo(success_rate=0.9)}
    )
    (found,) = scenario_problems(twice)
    assert found == "slo: success_rate of workload reads is given more than once"


@pytest.mark.parametrize(
    ("phases", "problem"),
    [
        ([Phase("Peak", at=0, duration=ms(1))], "phase 'Peak': a name is a lower-case letter"),
        ([Phase("peak", at=-ms(1), duration=ms(1))], "phase peak: at must be 0 or later"),
        ([Phase("peak", at=0, duration=0)], "phase peak: duration must be above 0, not 0"),
        (
            [Phase("peak", at=seconds(29), duration=seconds(2))],
            "phase peak: it would end at 31 s, and the load is over",
        ),
        ([Phase("peak", 0, ms(1)), Phase("peak", ms(1), ms(1))], "phase 'peak' is defined more than once"),
        *(
            ([Phase(word, 0, ms(1))], f"phase {word!r}: that word is reserved in SLOs")
            for word in sorted(RESERVED)
        ),
    ],
)
def test_phases_are_checked(phases, problem):
    (found,) = scenario_problems(scenario(phases=phases))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("healing", "problem"),
    [
        (Healing(duration=seconds(5)), "healing: within, 5 s, must be shorter than duration, 5 s"),
        (Healing(duration=0), "healing: duration must be above 0"),
        (Healing(duration=seconds(40)), "healing: it lasts 40 s, and the load is over after 30 s"),
        (Healing(duration=seconds(10), max_success_loss=1), "healing: max_success_loss is a share"),
        (Healing(duration=seconds(10), max_p95_ratio=0.5), "healing: max_p95_ratio must be 1 or more"),
        (Healing(duration=seconds(10), min_requests=0), "healing: min_requests must be 1 or more"),
        (Healing(duration=seconds(10), workload="writes"), "healing: there is no workload named 'writes'"),
        (
            Healing(duration=seconds(20)),
            "healing: degrade of a would end at 19 s, and the healing begins at 10 s",
        ),
    ],
)
def test_healing_is_checked(healing, problem):
    (found,) = scenario_problems(scenario(healing=healing))
    assert found.startswith(problem)


def test_there_must_be_something_to_heal_from():
    (found,) = scenario_problems(scenario(healing=Healing(duration=seconds(9)), chaos=[]))
    assert found == "healing: no fault is planned, so there is nothing to heal from"


@pytest.mark.parametrize(
    "entry",
    [
        Flap("a", down=seconds(3), up=seconds(4)),
        Every(Kill("a", at=seconds(1), down=seconds(2)), period=seconds(4)),
        Randomly(Kill("a", at=seconds(1), down=seconds(2)), mtbf=seconds(3)),
    ],
)
def test_faults_that_repeat_stop_before_the_healing(entry):
    healed = scenario(chaos=[entry], healing=Healing(duration=seconds(12)))
    assert list(scenario_problems(healed)) == []
    ends = [fault.end for fault in run_plan(healed, 1).timeline]
    assert ends
    assert max(ends) <= seconds(18)
    assert max(fault.end for fault in run_plan(scenario(chaos=[entry]), 1).timeline) > seconds(18)


def test_subscribers_ask_for_no_method():
    heads = WsSubscribe(name="heads", connections=1, duration=seconds(30))
    (found,) = scenario_problems(scenario(workloads=[heads], slo="success_rate >= 9% method newHeads"))
    assert found.startswith("slo: no workload calls 'newHeads'")


def test_a_file_says_the_same():
    data = {
        "name": "Test",
        "providers": [{"name": "a"}],
        "workloads": [
            {"type": "http_constant", "method": "eth_call", "rate": 9, "duration": "30s", "name": "reads"}
        ],
        "chaos": [{"type": "kill", "target": "a", "at": "3s"}],
        "phases": [{"name": "peak", "at": "5s", "duration": "2s"}],
        "healing": {"duration": "12s", "within": "3s"},
        "slo": [
            {"success_rate": 0.9, "when": "during", "fault": "kill a", "grace": "5s", "workload": "reads"},
            "p95_latency_ms<300 in peak",
            {"queries": [{"name": "orphans", "query": "SELECT 0", "limit": "<= 0"}]},
        ],
    }
    loaded = scenario_from_data(data, "test.toml")
    assert list(scenario_problems(loaded)) == []
    assert loaded.slos == (
        Slo(success_rate=0.9, when="during", fault="kill a", grace=seconds(5), workload="reads"),
        Slo(p95_latency_ms=300, when="peak"),
        Slo.sql("orphans", "SELECT 0", "<= 0"),
    )
    assert loaded.healing == Healing(duration=seconds(12), within=seconds(3), p95_slack=ms(20))
    assert scenario_from_data({**data, "slo": "success_rate >= 9%"}, "x").slos == (Slo(success_rate=0.09),)
    assert scenario_from_data({**data, "slo": {"success_rate": 0.9}}, "x").slo == Slo(success_rate=0.9)
