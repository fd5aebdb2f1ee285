"""After the faults the run must come back to what it was: scripted logs with known answers."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.metastable_failure import metastable_failure
from battle.scenario.slo.slo import SloSet
from battle.store.events import Event, RequestEnded
from tests.battle.histories import MS, S, failed, fault, open_history, phases, request, tried

PLAN = {
    "duration": 10 * S,
    "within": 2 * S,
    "max_success_loss": 0.01,
    "max_p95_ratio": 1.5,
    "p95_slack": 10 * MS,
    "min_requests": 50,
    "workload": None,
}
LOAD = [{"name": "load", "type": "http_constant"}]
FAULT = fault("kill-a.1", 5 * S, 10 * S)


def found(
    tmp_path: Path, *events: Event, workloads: Any = LOAD, spans: list[Event] = FAULT, **plan: Any
) -> Finding | None:
    scenario = {"name": "scripted", "workloads": workloads, "healing": {**PLAN, **plan}}
    with open_history(tmp_path, *phases(end_ns=20 * S), *spans, *events, scenario=scenario) as run:
        return metastable_failure(Log(run), SloSet())


def load(from_s: int, to_s: int, took_ns: int = 50 * MS, **changes: Any) -> list[RequestEnded]:
    """Twenty requests a second."""
    moments = range(from_s * S, to_s * S, S // 20)
    return [request(at_ns // MS, at_ns, took_ns, **changes) for at_ns in moments]


def lost(from_s: int, to_s: int) -> list[RequestEnded]:
    return [failed(at_ns // MS, at_ns) for at_ns in range(from_s * S, to_s * S, S // 20)]


STEADY = load(0, 5)


def verdict(finding: Finding | None) -> str:
    assert finding is not None
    assert finding.checker == "metastable_failure"
    return finding.verdict


def test_a_scenario_without_healing_is_not_judged(tmp_path: Path) -> None:
    with open_history(tmp_path, *phases(), *FAULT, *STEADY) as run:
        assert metastable_failure(Log(run), SloSet()) is None


def test_a_run_that_comes_back_in_time_heals(tmp_path: Path) -> None:
    finding = found(tmp_path, *STEADY, *lost(5, 12), *load(12, 20, 60 * MS))
    assert verdict(finding) == "PASS"
    assert finding is not None
    assert finding.summary == (
        "2 s after the last fault workload load was back: 100 % ok and a p95 of 60 ms, 100 % and 50 ms before the "
        "first one"
    )


def test_a_run_that_stays_slow_is_metastable(tmp_path: Path) -> None:
    finding = found(tmp_path, *STEADY, *load(5, 20, 400 * MS))
    assert verdict(finding) == "FAIL"
    assert finding is not None
    assert finding.summary == (
        "the run did not heal within 2 s after the last fault (kill-a.1, over at 10.000 s): workload load: its p95 "
        "was 400 ms instead of 50 ms (tolerated: 75 ms), continuously since 5 s"
    )
    assert finding.query == "SELECT * FROM latency_by_second WHERE second >= 10 ORDER BY second"
    assert finding.ids == ("kill-a.1", "r19950", "r19900", "r19850")


def test_a_run_that_goes_on_erring_is_metastable(tmp_path: Path) -> None:
    tries = [
        tried(at_ns // MS, "a", at_ns, at_ns + MS, "error", attempt=n)
        for at_ns in range(12 * S, 20 * S, S // 20)
        for n in range(1, 4)
    ]
    finding = found(tmp_path, *STEADY, *load(5, 14), *lost(14, 20), *tries)
    assert verdict(finding) == "FAIL"
    assert finding is not None
    assert finding.summary.endswith(
        "workload load: more than 5 % of its requests did not succeed (its p95 was 50 ms before), and its success "
        "rate was 25 % instead of 100 %, continuously since 14 s; there were 3.00 attempts for each request meanwhile"
    )


def test_being_back_only_for_a_while_is_told(tmp_path: Path) -> None:
    finding = found(tmp_path, *STEADY, *load(5, 13), *load(13, 18, S), *load(18, 20))
    assert finding is not None
    assert finding.summary.endswith("from 13 s to 18 s continuously")


def test_noise_that_ended_before_the_end_is_no_metastable_failure(tmp_path: Path) -> None:
    """Two slow seconds of eight miss the p95, and the run came back all the same."""
    finding = found(tmp_path, *STEADY, *load(5, 13), *load(13, 15, S), *load(15, 20))
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", "warning")
    assert finding.summary.startswith(
        "slow or failing again after the last fault ended (kill-a.1), but not to the end: workload load: its p95 "
    )
    assert finding.summary.endswith("from 13 s to 15 s continuously")


def test_a_second_of_noise_at_the_very_end_is_none_either(tmp_path: Path) -> None:
    finding = found(tmp_path, *STEADY, *load(5, 19), *load(19, 20, S))
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", "warning")


@pytest.mark.parametrize("bad", [range(17, 20), range(12, 20, 2)])
def test_what_lasts_to_the_end_or_comes_again_and_again_is_one(tmp_path: Path, bad: range) -> None:
    after = [one for at in range(12, 20) for one in load(at, at + 1, S if at in bad else 50 * MS)]
    assert verdict(found(tmp_path, *STEADY, *load(5, 12), *after)) == "FAIL"


@pytest.mark.parametrize(
    ("took_ns", "plan", "expected"),
    [
        (75 * MS, {}, "PASS"),
        (75 * MS + 1, {}, "FAIL"),
        (75 * MS + 1, {"max_p95_ratio": 2.0}, "PASS"),
        (75 * MS + 1, {"p95_slack": 100 * MS}, "PASS"),
    ],
)
def test_the_tolerances_are_the_scenarios(
    tmp_path: Path, took_ns: int, plan: dict[str, Any], expected: str
) -> None:
    assert verdict(found(tmp_path, *STEADY, *load(12, 20, took_ns), **plan)) == expected


def test_success_may_be_lost_by_as_much_as_the_scenario_says(tmp_path: Path) -> None:
    events = [*STEADY, *load(12, 20)[:-4], *(failed(n, (13 + 2 * n) * S + n * MS) for n in range(4))]
    assert verdict(found(tmp_path / "strict", *events)) == "FAIL"
    assert verdict(found(tmp_path / "loose", *events, max_success_loss=0.03)) == "PASS"


def test_what_happens_in_the_time_granted_does_not_count(tmp_path: Path) -> None:
    events = [*STEADY, *lost(10, 12), *load(12, 20)]
    assert verdict(found(tmp_path / "in_time", *events)) == "PASS"
    assert verdict(found(tmp_path / "late", *events, within=S)) == "FAIL"


INCONCLUSIVE: dict[str, tuple[list[Event], dict[str, Any], str]] = {
    "too little before": (
        [*load(3, 5), *load(12, 20)],
        {},
        "workload load: only 40 requests sent on time before the first fault, 50 are needed",
    ),
    "too little after": (
        [*STEADY, *load(12, 13)],
        {},
        "workload load: only 20 requests after the healing time, 50 are needed",
    ),
    "nothing at all": (
        [],
        {},
        "workload load: only 0 requests sent on time before the first fault and 0 requests after",
    ),
    "ill from the start": (
        [*lost(0, 5), *load(12, 20)],
        {},
        "workload load was not healthy before the first fault: 5 % did not succeed",
    ),
    "no fault": ([*STEADY], {"spans": []}, "no fault was applied, so there was nothing to heal from"),
    "a fault that stays": (
        [*STEADY],
        {"spans": fault("kill-a.1", 5 * S, None)},
        "kill-a.1 was never reverted, so there was nothing to heal from",
    ),
    "a fault too late": (
        [*STEADY],
        {"spans": fault("kill-a.1", 5 * S, 19 * S)},
        "the load ended at 20.000 s, before the healing time was over",
    ),
    "no requests planned": ([*STEADY], {"workloads": []}, "no workload sent requests"),
}


@pytest.mark.parametrize("name", INCONCLUSIVE)
def test_what_cannot_be_compared_is_inconclusive(tmp_path: Path, name: str) -> None:
    events, changes, why = INCONCLUSIVE[name]
    finding = found(tmp_path, *events, **changes)
    assert verdict(finding) == "INCONCLUSIVE"
    assert finding is not None
    assert finding.summary.startswith(why)


def test_a_load_without_an_end_is_inconclusive(tmp_path: Path) -> None:
    scenario = {"name": "scripted", "workloads": LOAD, "healing": PLAN}
    with open_history(tmp_path, *phases("started", "load_began"), *FAULT, *STEADY, scenario=scenario) as run:
        assert verdict(metastable_failure(Log(run), SloSet())) == "INCONCLUSIVE"


def test_a_generator_that_is_late_is_not_the_gateways_failure(tmp_path: Path) -> None:
    late = [request(at // MS, at, 400 * MS, sent_ns=at + 350 * MS) for at in range(12 * S, 20 * S, S // 20)]
    finding = found(tmp_path / "late", *STEADY, *late)
    assert verdict(finding) == "INCONCLUSIVE"
    assert finding is not None
    assert "the generator fell behind" in finding.summary
    slow_too = [*late[:100], *load(18, 20, 400 * MS)]
    assert verdict(found(tmp_path / "slow", *STEADY, *slow_too)) == "FAIL"


def test_what_was_sent_late_is_no_steady_state(tmp_path: Path) -> None:
    """Half of the requests before the fault left late, by the generator's doing: they would excuse anything."""
    late = [request(10**6 + at // MS, at, 900 * MS, sent_ns=at + 850 * MS) for at in range(0, 5 * S, S // 20)]
    assert verdict(found(tmp_path / "slow", *STEADY, *late, *load(12, 20, 400 * MS))) == "FAIL"
    assert verdict(found(tmp_path / "late", *late, *load(12, 20, 400 * MS))) == "INCONCLUSIVE"


def test_a_load_that_grew_may_be_why(tmp_path: Path) -> None:
    twice = [*load(12, 20, S), *(request(9 * 10**6 + n, 12 * S + n * 50 * MS, S) for n in range(160))]
    finding = found(tmp_path, *STEADY, *twice)
    assert verdict(finding) == "INCONCLUSIVE"
    assert finding is not None
    assert "the load was 2.00 times as high as before the first fault" in finding.summary


def test_each_workload_is_held_against_itself(tmp_path: Path) -> None:
    both = [*LOAD, {"name": "slow", "type": "http_poisson"}, {"name": "heads", "type": "ws_subscribe"}]
    slow = [*load(0, 5, 900 * MS, workload="slow"), *load(12, 20, 900 * MS, workload="slow")]
    assert verdict(found(tmp_path / "same", *STEADY, *load(12, 20), *slow, workloads=both)) == "PASS"
    worse = [*STEADY, *load(12, 20, S), *slow]
    finding = found(tmp_path / "one", *worse, workloads=both)
    assert verdict(finding) == "FAIL"
    assert finding is not None
    assert "workload slow" not in finding.summary
    assert verdict(found(tmp_path / "other", *worse, workloads=both, workload="slow")) == "PASS"
