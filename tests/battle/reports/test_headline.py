"""The first sentence: "ship it" is said only when something was survived."""

import pytest

from battle.judgement.verdict import EXIT_STATUS
from battle.reports.writing import read_report
from tests.battle.histories import S, connection_changed, fault, healthy, phases, subscribed, write_run
from tests.battle.reports.report_runs import golden_run


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
    assert headline == "Ship it. All 5 SLOs were met while 1 fault took effect."


def test_a_gateway_that_had_nothing_to_do_is_not_shipped(tmp_path):
    """A subscription to which nothing was due, and no request."""
    quiet = subscribed(0, None)
    quiet.append(connection_changed("unsubscribed", 10 * S, was_due=False))
    segments = {"coordinator": [*phases(), *fault("kill-a.1", 3 * S, 5 * S)], "load-heads.0": quiet}
    report = read_report(write_run(tmp_path / "run", segments, slo={"max_missed_heads": 0}, min_requests=0))
    assert report.verdict != "FAIL", report.reasons
    assert "Ship it" not in report.headline
    assert report.verdict == "INCONCLUSIVE" or "nothing was tested" in report.headline
