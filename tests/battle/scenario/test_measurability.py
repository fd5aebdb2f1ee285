"""What is known before a run starts is said before it starts."""

import json

import msgspec
import pytest

from battle import (
    CommandGateway,
    DropConnections,
    ErrorRate,
    Every,
    Flap,
    Healing,
    HttpConstant,
    Kill,
    MissHeads,
    MockProvider,
    Phase,
    Randomly,
    Scenario,
    ScenarioError,
    Sequence,
    SilentStall,
    Slo,
    UrlGateway,
    WsRequests,
    WsSubscribe,
    run_scenario,
    seconds,
)
from battle.cli.app import run_command_line
from battle.scenario.loader import listed
from battle.scenario.measurability import OmittedSlo, warnings_of, without_unmeasurable
from battle.scenario.validation import checked, scenario_problems

READS = HttpConstant("eth_chainId", rate=10, duration=seconds(10), name="reads")
LATE = HttpConstant("eth_chainId", rate=10, duration=seconds(10), name="late", at=seconds(5))
HEADS = WsSubscribe(connections=2, duration=seconds(10), name="heads")
URL = UrlGateway("http://127.0.0.1:1")
COMMAND = CommandGateway(("nginx",))


def scenario(**changes):
    parts = {
        "providers": [MockProvider("a", port=4001), MockProvider("b", port=4002)],
        "workloads": [READS],
        "slo": Slo(success_rate=0.9),
    }
    return Scenario("x", **{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"slo": Slo(max_disconnects=0)},
            "slo: max_disconnects cannot be measured: no workload uses WebSocket",
        ),
        (
            {
                "workloads": [READS, msgspec.structs.replace(LATE, at=seconds(4))],
                "workload_slos": {"late": Slo(success_rate=0.9, when="early")},
                "phases": [Phase("early", at=0, duration=seconds(4))],
            },
            "slo: in phase early of workload late nothing is due: it is over at 4 s, and late begins at 4 s",
        ),
        (
            {
                "workloads": [READS, LATE],
                "workload_slos": {"late": Slo(success_rate=0.9, when="during")},
                "chaos": [Kill("a", at=seconds(1), down=seconds(1))],
            },
            "slo: during faults of workload late nothing is due: that is over at 2 s, and late begins at 5 s",
        ),
        (
            {
                "workloads": [READS, LATE],
                "chaos": [Kill("a", at=seconds(2), down=seconds(1))],
                "healing": Healing(duration=seconds(6), within=seconds(1)),
            },
            "healing: workload late begins at 5 s, and the first fault at 2 s",
        ),
        (
            {"chaos": [Kill("a", at=seconds(10))]},
            "kill of a would begin at 10 s, and the load is over after 10 s: start it earlier, or extend the load",
        ),
        (
            {"chaos": [Sequence((Kill("a", at=seconds(1)), ErrorRate("b")), pause=seconds(5))]},
            "error_rate of b would begin at 11 s",
        ),
        (
            {"slo": Slo(session_success_rate=0.9)},
            "slo: session_success_rate cannot be measured: no workload plays sessions; add an HttpSessions workload",
        ),
        (
            {"slo": Slo(max_missed_heads=0)},
            "slo: max_missed_heads cannot be measured: no workload subscribes to ",
        ),
        (
            {
                "workloads": [WsSubscribe(connections=1, duration=seconds(9), kinds=("logs",))],
                "slo": Slo(max_silence_ms=9),
            },
            "slo: max_silence_ms cannot be measured: no workload subscribes to newHeads; add a WsSubscribe workload",
        ),
        (
            {"workloads": [READS, HEADS], "workload_slos": {"reads": Slo(max_head_delay_ms=9)}},
            "slo: max_head_delay_ms cannot be measured: workload reads never subscribes to newHeads",
        ),
        (
            {"workloads": [READS, HEADS], "slo": "p95_latency_ms < 9 of workload heads"},
            "slo: p95_latency_ms cannot be measured: workload heads never sends requests",
        ),
        ({"workloads": [HEADS]}, "slo: success_rate cannot be measured: no workload sends requests"),
        (
            {"gateway": COMMAND, "slo": Slo(min_failovers=1)},
            "slo: min_failovers is not visible from outside the gateway: leave it out, or test the embedded gateway",
        ),
        ({"gateway": COMMAND, "slo": Slo(min_breaker_changes=1)}, "slo: min_breaker_changes is not visible"),
        (
            {"gateway": URL, "slo": Slo(max_failover_latency_ms=9)},
            "slo: max_failover_latency_ms is not visible",
        ),
        ({"gateway": URL, "slo": Slo(max_memory_mb=9)}, "slo: max_memory_mb is not visible"),
        (
            {"chaos": [Kill("a", at=seconds(5), down=seconds(5))], "slo": "success_rate > 9% after faults"},
            "slo: after faults nothing is due: they are over at 10 s, and the load is over after 10 s",
        ),
        (
            {
                "chaos": [Kill("a", at=seconds(5), down=seconds(1))],
                "slo": "success_rate > 9% after fault kill grace 4s",
            },
            "slo: after fault kill with 4 s of grace nothing is due: they are over at 10 s",
        ),
        (
            {
                "chaos": [Flap("a", at=0, down=seconds(1), up=seconds(1))],
                "slo": "success_rate > 9% before faults",
            },
            "slo: before faults nothing is due: the first of them begins with the load",
        ),
        (
            {
                "workloads": [READS, HttpConstant("eth_chainId", rate=1, duration=seconds(3), name="few")],
                "chaos": [Kill("a", at=seconds(4))],
                "slo": "success_rate > 9% during faults of workload few",
            },
            "slo: during faults of workload few nothing is due: the first of them begins at 4 s, and few ends after ",
        ),
        (
            {
                "workloads": [READS, HttpConstant("eth_chainId", rate=1, duration=seconds(3), name="few")],
                "phases": [Phase("late", at=seconds(5), duration=seconds(1))],
                "slo": "success_rate > 9% in late of workload few",
            },
            "slo: in phase late of workload few nothing is due: it begins at 5 s, and few ends after 3 s",
        ),
        (
            {"chaos": [SilentStall("a", at=seconds(1))]},
            "silent_stall: nothing subscribes, so it would have no effect",
        ),
        (
            {
                "chaos": [MissHeads("a")],
                "workloads": [WsRequests("eth_chainId", rate=1, duration=seconds(20))],
            },
            "miss_heads: nothing subscribes",
        ),
        ({"chaos": [DropConnections("a")]}, "drop_connections: nothing uses WebSocket"),
        (
            {"chaos": [Kill("a", at=0, down=seconds(1))], "healing": Healing(duration=seconds(8))},
            "healing: a fault begins with the load, so there is no steady state before it to return to",
        ),
        (
            {
                "workloads": [READS, HttpConstant("eth_chainId", rate=9, duration=seconds(2), name="few")],
                "chaos": [Kill("a", at=seconds(1), down=seconds(1))],
                "healing": Healing(duration=seconds(7), workload="few"),
            },
            "healing: workload few ends at 2 s, and the healing begins at 3 s: it has no load to measure then",
        ),
    ],
)
def test_what_would_only_be_inconclusive_is_refused(changes, sentence):
    found = list(scenario_problems(scenario(**changes)))
    assert len(found) == 1, found
    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    "changes",
    [
        {"chaos": [Kill("a", at=seconds(9))]},
        {
            "chaos": [Every(Kill("a", at=seconds(1), down=seconds(1)), period=seconds(4))],
            "slo": "success_rate > 9% after faults",
        },
        {
            "chaos": [Randomly(Kill("a", at=0, down=seconds(1)), mtbf=seconds(3))],
            "slo": "success_rate > 9% after faults",
        },
        {
            "chaos": [Kill("a", at=seconds(3), down=seconds(7))],
            "slo": "success_rate > 9% before fault kill a",
        },
        {"workloads": [READS, HEADS], "slo": Slo(max_missed_heads=0, p95_latency_ms=9)},
        {"workloads": [HEADS], "slo": Slo(max_missed_heads=0, max_wrong_answers=0)},
        {"gateway": COMMAND, "slo": Slo(max_memory_mb=500, success_rate=0.9, max_attempts_per_request=2)},
        {"gateway": URL, "chaos": [SilentStall("a")]},
        {"slo": Slo(min_failovers=1, min_breaker_changes=1, max_memory_mb=1, max_failover_latency_ms=9)},
    ],
)
def test_what_may_be_measured_is_not_refused(changes):
    assert list(scenario_problems(scenario(**changes))) == []


def test_a_scenario_without_slos_is_a_warning():
    (warning,) = warnings_of(scenario(slo=Slo()))
    assert warning.startswith("the scenario has no SLO")
    assert list(warnings_of(scenario())) == []
    assert list(warnings_of(scenario(slo=Slo(), workload_slos={"reads": Slo(success_rate=0.9)}))) == []
    assert list(warnings_of(scenario(slo=Slo.sql("none", "SELECT 1", "> 0")))) == []


def test_a_gateway_elsewhere_must_know_the_ports():
    free = [MockProvider("a"), MockProvider("b", port=4002), MockProvider("c")]
    (warning,) = warnings_of(scenario(gateway=URL, providers=free))
    assert "cannot know the addresses of a, c: " in warning
    assert list(warnings_of(scenario(gateway=URL))) == []
    assert list(warnings_of(scenario(gateway=COMMAND, providers=free))) == []
    assert list(warnings_of(scenario(gateway=URL, providers=free, setup="mine:tell_the_gateway"))) == []


def test_another_gateway_leaves_out_what_it_cannot_show_and_nothing_else():
    slos = [
        "min_failovers > 0 during faults",
        Slo(success_rate=0.9, max_memory_mb=5),
        "min_breaker_changes >= 2",
    ]
    shown, omitted = without_unmeasurable(scenario(gateway=COMMAND, slo=slos), "live")
    assert shown.slo == Slo(success_rate=0.9, max_memory_mb=5)
    why = "not visible from outside the gateway"
    assert omitted == (
        OmittedSlo("min_failovers >= 1 during faults", why),
        OmittedSlo("min_breaker_changes >= 2", why),
    )
    assert without_unmeasurable(scenario(slo=slos), "live") == (scenario(slo=slos), ())
    shown, omitted = without_unmeasurable(scenario(slo=slos), "simulated")
    assert [one.slo for one in omitted] == ["max_memory_mb <= 5"]
    assert len(shown.slos) == 3


@pytest.mark.parametrize(("name", "shipped"), list(listed()), ids=[name for name, _ in listed()])
def test_every_shipped_scenario_can_be_run_with_any_gateway(name, shipped):
    for gateway in (COMMAND, msgspec.structs.replace(URL)):
        shown, _ = without_unmeasurable(msgspec.structs.replace(shipped, gateway=gateway), "live")
        assert list(scenario_problems(checked(shown))) == []
        assert any(slo.targets() for slo in (*shown.slos, *shown.workload_slos.values())), name


def test_what_was_left_out_stands_in_the_header_the_report_and_on_the_terminal(tmp_path, capsys):
    path = tmp_path / "x.battle.json"
    made = scenario(
        slo=Slo(success_rate=0.5, max_memory_mb=5.5), chaos=[Kill("a", at=seconds(1), down=seconds(1))]
    )
    path.write_bytes(msgspec.json.encode(made))
    status = run_command_line(
        ["run", str(path), "--world", "simulated", "--quiet", "--out", str(tmp_path / "runs")]
    )
    said = capsys.readouterr()
    assert status == 0, said
    left_out = "max_memory_mb <= 5.5: a simulated gateway has no memory of its own"
    assert said.err == f"battle: warning: SLO left out: {left_out}\n"
    assert f"  - left out: {left_out}\n" in said.out
    latest = tmp_path / "runs" / "latest"
    assert json.loads((latest / "run.json").read_bytes())["omitted_slos"] == [
        {"slo": "max_memory_mb <= 5.5", "why": "a simulated gateway has no memory of its own"}
    ]
    assert json.loads((latest / "report.json").read_bytes())["omitted_slos"] == [left_out]
    assert "Left out: max" in (latest / "report.md").read_text().replace("\\_", "_")


def test_a_scenario_that_cannot_be_measured_never_starts(tmp_path):
    with pytest.raises(ScenarioError, match="would begin at 20 s"):
        run_scenario(scenario(chaos=[Kill("a", at=seconds(20))]), world="simulated", out=tmp_path)
    assert list(tmp_path.iterdir()) == []
