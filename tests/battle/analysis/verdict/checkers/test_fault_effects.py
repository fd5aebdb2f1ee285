"""A fault at a group of providers is held to its effect as one."""

from pathlib import Path
from typing import Any

import pytest

from battle import (
    Degrade,
    EmbeddedGateway,
    HttpConstant,
    Latency,
    MockProvider,
    Scenario,
    Slo,
    ms,
    run_scenario,
    seconds,
)
from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.fault_effects import faults_took_effect
from battle.scenario.slo.slo import SloSet
from battle.store.events import Event
from tests.battle.histories import S, fault, open_history, served


def found(tmp_path: Path, *events: Event) -> Finding:
    with open_history(tmp_path, *events) as run:
        return faults_took_effect(Log(run), SloSet())


def slowed(target: str, aimed_at: str | None = "*", **changes: Any) -> list[Event]:
    return fault(
        f"degrade-{target}.1", 3 * S, 5 * S, kind="degrade", target=target, aimed_at=aimed_at, **changes
    )


FELT = served(1, "a", 4 * S, fault_id="degrade-a.1")


def test_who_got_no_request_under_a_fault_at_all_is_named_and_no_reason_for_doubt(tmp_path: Path) -> None:
    finding = found(tmp_path, *slowed("a"), *slowed("b"), FELT, served(2, "b", 6 * S))
    assert (finding.verdict, finding.summary) == (
        "PASS",
        "1 fault took effect; b got no request under degrade-b.1 (aimed at '*')",
    )


@pytest.mark.parametrize(
    "events",
    [
        [*slowed("a"), *slowed("b")],  # nobody felt it
        [*slowed("a"), *slowed("b"), FELT, served(2, "b", 4 * S)],  # b was asked, and felt nothing
        [*slowed("a"), *slowed("b", None), FELT],  # a fault of its own
        [*slowed("a"), *slowed("b", "group:cheap"), FELT],  # another group
        [*slowed("a"), *slowed("b", planned_ns=4 * S), FELT],  # another moment
        [*slowed("a"), *fault("degrade-b.1", None, None, kind="degrade", target="b", aimed_at="*"), FELT],
    ],
)
def test_every_other_fault_without_effect_leaves_the_run_in_doubt(
    tmp_path: Path, events: list[Event]
) -> None:
    assert found(tmp_path, *events).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    "entry",
    [
        Latency("*", at=seconds(1), duration=seconds(2), delay=ms(50)),
        Degrade("group:cheap", at=seconds(1), duration=seconds(2), added_latency=ms(40)),
    ],
)
def test_a_gateway_with_an_order_of_priority_can_be_tested_with_a_fault_at_all(
    tmp_path: Path, entry: Latency | Degrade
) -> None:
    scenario = Scenario(
        "All of them",
        providers=[MockProvider(name, latency=ms(10), groups=("cheap",)) for name in ("a", "b")],
        gateway=EmbeddedGateway(strategy="priority"),
        workloads=[HttpConstant("eth_chainId", rate=50, duration=seconds(4))],
        chaos=[entry],
        slo=Slo(success_rate=0.99),
    )
    report = run_scenario(scenario, world="simulated", out=tmp_path).report
    assert report.verdict == "PASS", report.reasons
