"""Old answers are harm, but where a fault makes providers old themselves: then a gateway may pass some on."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.answers import answers_are_fresh
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet, slo_set
from battle.scenario.slo.staleness import Staleness
from battle.store.events import Event, RequestEnded
from tests.battle.histories import MS, S, against, fault, notified, open_history, request, served

FAR = Staleness().blocks + 4
SETTLE_NS = Staleness().settle


def old(number: int, at_ns: int, blocks: int | None = FAR, **changes: Any) -> RequestEnded:
    return request(number, at_ns, answer="stale", blocks_behind=blocks, **changes)


def found(tmp_path: Path, *events: Event, slos: SloSet | None = None) -> Finding:
    with open_history(tmp_path, *events) as run:
        finding = answers_are_fresh(Log(run), slos or SloSet())
    assert finding is not None
    return finding


def lagging(kind: str = "stale_head") -> list[Event]:
    return fault(f"{kind}-a.1", 3 * S, 5 * S, kind=kind)


def test_five_hundred_old_answers_without_a_fault_fail_a_run_that_limits_nothing(tmp_path: Path) -> None:
    events = [request(999), *(old(n, n * MS) for n in range(500))]
    with open_history(tmp_path, *events) as run:
        judgement = judge(run, Slo(success_rate=0.99))
    assert judgement.verdict == "FAIL"
    assert judgement.reasons[0] == (
        "workload load: 500 answers about old heads while no fault made a provider lag, up to 5 blocks behind "
        "(first: r0)"
    )


def test_they_are_harm_and_named(tmp_path: Path) -> None:
    finding = found(tmp_path, request(1), old(2, S), old(3, 2 * S))
    assert (finding.verdict, finding.severity, finding.ids) == ("FAIL", "harm", ("r2", "r3"))


@pytest.mark.parametrize(
    ("at_ns", "verdict"),
    [
        (2 * S, "FAIL"),  # before the fault
        (3 * S, "PASS"),
        (4 * S, "PASS"),
        (5 * S + SETTLE_NS - MS, "PASS"),
        (5 * S + SETTLE_NS + MS, "FAIL"),  # the gateway had time to ask all providers again
    ],
)
def test_a_lagging_provider_explains_them_until_some_time_after(
    tmp_path: Path, at_ns: int, verdict: str
) -> None:
    assert found(tmp_path, request(1), old(2, at_ns), *lagging()).verdict == verdict


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("stale_head", "PASS"),
        ("reorg", "PASS"),
        ("wrong_chain", "PASS"),
        ("kill", "FAIL"),
        ("latency", "FAIL"),
    ],
)
def test_only_faults_that_make_heads_lag_explain_them(tmp_path: Path, kind: str, verdict: str) -> None:
    assert found(tmp_path, request(1), old(2, 4 * S), *lagging(kind)).verdict == verdict


def everywhere(kind: str, *targets: str) -> list[Event]:
    return [
        event
        for target in targets
        for event in fault(f"{kind}-{target}.1", 3 * S, 5 * S, kind=kind, target=target)
    ]


@pytest.mark.parametrize("kind", ["kill", "pause", "partition", "refuse", "timeout", "restart"])
@pytest.mark.parametrize(
    ("targets", "at_ns", "verdict"),
    [
        (("a", "b"), 4 * S, "PASS"),  # what the gateway has in its cache is all that there is
        (("a", "b"), 5 * S + SETTLE_NS - MS, "PASS"),
        (("a", "b"), 5 * S + SETTLE_NS + MS, "FAIL"),
        (("a", "b"), 2 * S, "FAIL"),
        (("b",), 4 * S, "FAIL"),  # a had the newest head
    ],
)
def test_an_old_answer_while_no_provider_had_a_newer_one_is_no_harm(
    tmp_path: Path, kind: str, targets: tuple[str, ...], at_ns: int, verdict: str
) -> None:
    events = [request(1), old(2, at_ns), *everywhere(kind, *targets)]
    with open_history(tmp_path, *events, **against("command")) as run:
        finding = answers_are_fresh(Log(run), SloSet())
    assert finding is not None
    assert finding.verdict == verdict


@pytest.mark.parametrize(("blocks", "verdict"), [(1, "PASS"), (2, "FAIL"), (None, "FAIL")])
def test_one_block_is_what_a_cache_may_hold(tmp_path: Path, blocks: int | None, verdict: str) -> None:
    assert found(tmp_path, request(1), old(2, S, blocks)).verdict == verdict


STATED = {"blocks": 3, "settle": 7 * S}


@pytest.mark.parametrize(
    ("one", "stated", "verdict"),
    [
        (old(2, S, 3), STATED, "PASS"),
        (old(2, S, 4), STATED, "FAIL"),
        (old(2, S, 3), {}, "FAIL"),
        (old(2, S, 1), {"blocks": 0}, "FAIL"),
        (old(2, 12 * S - MS), STATED, "PASS"),
        (old(2, 12 * S + MS), STATED, "FAIL"),
        (old(2, 12 * S - MS), {"blocks": 3}, "FAIL"),
        (
            old(2, S, 3),
            {"blocks": -3},
            "FAIL",
        ),  # no scenario says so; whoever edits a run's file gets the default
        (old(2, S, 3), "much", "FAIL"),
    ],
)
def test_the_scenario_says_how_old_an_answer_may_be_and_for_how_long_after_a_fault(
    tmp_path: Path, one: RequestEnded, stated: Any, verdict: str
) -> None:
    scenario = {"name": "scripted", "staleness": stated}
    with open_history(tmp_path, request(1), one, *lagging(), scenario=scenario) as run:
        judgement = judge(run, Slo(success_rate=0.5))
    fresh = next(each for each in judgement.findings if each.checker == "answers_are_fresh")
    assert fresh.verdict == verdict


@pytest.mark.parametrize("limit", [0, 5])
def test_a_limit_of_the_scenario_decides(tmp_path: Path, limit: int) -> None:
    finding = found(tmp_path, request(1), old(2, S), slos=slo_set(Slo(max_stale_answers=limit)))
    assert finding.verdict == "PASS"
    assert "the SLO max_stale_answers decides" in finding.summary


def test_a_limit_on_another_workload_decides_nothing(tmp_path: Path) -> None:
    slos = slo_set(None, {"other": Slo(max_stale_answers=5)})
    assert found(tmp_path, request(1), old(2, S), slos=slos).verdict == "FAIL"


@pytest.mark.parametrize(("at_ns", "verdict"), [(S, "FAIL"), (4 * S, "PASS")])
def test_a_stream_may_catch_up_after_any_fault(tmp_path: Path, at_ns: int, verdict: str) -> None:
    stale = notified(1, at_ns, answer="stale")
    assert found(tmp_path, stale, *fault("pause-a.1", 3 * S, 5 * S, kind="pause")).verdict == verdict


def test_without_a_checked_answer_it_does_not_apply(tmp_path: Path) -> None:
    with open_history(tmp_path, request(1, answer="none")) as run:
        assert answers_are_fresh(Log(run), SloSet()) is None


# those that a fault explains, and a better choice of provider would have avoided


def both_lag() -> list[Event]:
    return [*lagging(), *fault("stale_head-b.1", 3 * S, 5 * S, kind="stale_head", target="b")]


@pytest.mark.parametrize(
    ("blocks", "faults", "severity"),
    [(FAR, lagging, "warning"), (Staleness().blocks, lagging, None), (FAR, both_lag, None)],
)
def test_passing_on_what_a_lagging_provider_says_is_a_warning(
    tmp_path: Path, blocks: int, faults: Any, severity: str | None
) -> None:
    providers = {"providers": [{"type": "mock", "name": name} for name in "ab"]}
    events = [
        *faults(),
        *(request(n, n) for n in range(60)),
        *(old(n, 4 * S, blocks) for n in range(60, 100)),
    ]
    with open_history(tmp_path, *events, scenario={"name": "lag", **providers}) as run:
        finding = answers_are_fresh(Log(run), SloSet())
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", severity)
    if severity:
        assert finding.ids == ("r60",)
        assert finding.summary.startswith(
            "40 of 100 checked answers were stale while a fault made a provider lag, "
        )


def test_where_an_slo_decides_there_is_no_warning(tmp_path: Path) -> None:
    events = [*lagging(), *(old(n, 4 * S) for n in range(40))]
    assert found(tmp_path, *events, slos=slo_set(Slo(max_stale_answers=50))).severity is None


def test_old_answers_of_a_provider_that_misses_data_are_put_down_to_it(tmp_path: Path) -> None:
    """`null` for a block that is there was true before it was there."""
    held = fault("missing_data-a.1", 2 * S, 4 * S, kind="missing_data")
    lies = [served(n, "a", n * S, fault_id="missing_data-a.1") for n in (2, 3)]
    finding = found(tmp_path, request(1), *(old(n, n * S) for n in (2, 3, 4)), *held, *lies)
    assert finding.summary.endswith("(first: r2); a provider under a fault answered 2 of them")
