"""The first sentence: "ship it" is said only when something was survived."""

import pytest
from msgspec.structs import replace

from battle import (
    Breaker,
    Chain,
    EmbeddedGateway,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    WsSubscribe,
    minutes,
    run_scenario,
    seconds,
)
from battle.analysis.findings import EXIT_STATUS
from battle.analysis.reports.files import read_report
from battle.scenarios import provider_degradation
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import healthy, write_run


@pytest.mark.parametrize("world", ["live", "simulated"])
@pytest.mark.parametrize(
    ("slo", "met"),
    [
        ({"success_rate": 0.9}, "The SLO was met"),
        ({"success_rate": 0.9, "p95_latency_ms": 500}, "All 2 SLOs were met"),
    ],
)
def test_a_run_without_faults_passes_and_says_that_surviving_one_was_not_tested(tmp_path, world, slo, met):
    report = read_report(write_run(tmp_path / "run", healthy(), slo=slo, world=world))
    assert EXIT_STATUS[report.verdict] == 0
    assert report.headline == (
        f"{met}, but no fault was planned, so whether the gateway survives one was not tested."
    )


def test_a_survived_fault_says_ship_it(tmp_path):
    headline = read_report(golden_run(tmp_path / "run")).headline
    assert headline == "OK to ship. All 5 SLOs were met while 1 fault took effect."


def test_a_gateway_that_had_nothing_to_do_is_not_shipped(tmp_path):
    """Subscriptions to which nothing was due, and no request: the SLO is met, and nothing is proved."""
    scenario = Scenario(
        "quiet",
        providers=[MockProvider("a"), MockProvider("b")],
        chain=Chain(block_time=minutes(60)),
        workloads=[WsSubscribe(connections=3, duration=seconds(8), name="heads")],
        chaos=[Kill("a", at=seconds(2), down=seconds(2))],
        slo=Slo(max_missed_heads=0),
    )
    report = run_scenario(scenario, world="simulated", out=tmp_path).report
    assert (report.verdict, report.headline) == (
        "PASS",
        "The SLO was met, but no request was sent and nothing was due to a subscription, so nothing was tested.",
    )


@pytest.mark.parametrize(
    ("gateway", "away"),
    [
        (EmbeddedGateway(strategy="fastest"), 4),
        (EmbeddedGateway(breaker=Breaker(failure_threshold=1, open_for=seconds(10))), 3),
    ],
    ids=["never goes back", "opens at once"],
)
def test_a_gateway_that_keeps_away_from_a_provider_that_gets_worse_is_shipped(tmp_path, gateway, away):
    """It is off before the worst comes, so that most steps find nobody there."""
    report = run_scenario(
        replace(provider_degradation.short, gateway=gateway), world="simulated", out=tmp_path
    ).report
    assert (report.verdict, [fault.effect_observed for fault in report.faults]) == ("PASS", [True] * 5)
    assert report.headline.endswith(
        f"5 faults took effect ({away} of them at a provider that the gateway had avoided since an earlier step)."
    )
