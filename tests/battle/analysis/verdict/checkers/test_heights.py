"""Heights that go back for a client that asks: scripted histories, and the plain definition beside the query."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.heights import reads_monotonic
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.scenario.slo.staleness import Staleness
from battle.store.events import Event, RequestEnded
from tests.asking import asked
from tests.battle.histories import MS, S, fault, open_history, request

SETTLE_NS = Staleness().settle
REAL: dict[str, Any] = {"scenario": {"providers": [{"type": "real", "name": "main", "url": "http://x"}]}}


def answered(number: int, at_ms: int, height: int, took_ms: int = 50, **changes: Any) -> RequestEnded:
    """Request `r<number>`, sent at `at_ms`, with an answer of that height."""
    return request(number, at_ms * MS, took_ms * MS, **{"sent_ns": at_ms * MS, "height": height, **changes})


def found(tmp_path: Path, *events: Event, slo: Slo | None = None, **header: Any) -> Finding | None:
    with open_history(tmp_path, *events, **header) as run:
        return reads_monotonic(Log(run), SloSet(run=slo or Slo()))


BACK = [
    answered(1, 0, 100),
    answered(2, 100, 102),
    answered(3, 200, 99),
    answered(4, 300, 102),
    answered(5, 400, 100),
]


def test_heights_that_rise_or_stay_pass(tmp_path: Path) -> None:
    finding = found(
        tmp_path, answered(1, 0, 100), answered(2, 100, 100), answered(3, 200, 103), request(4, S)
    )
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", None)
    assert finding.summary == "workload load: the heights of 3 answers never went back"


def test_heights_that_go_back_fail_with_how_often_how_deep_and_where(tmp_path: Path) -> None:
    finding = found(tmp_path, *BACK)
    assert finding is not None
    assert (finding.verdict, finding.severity, finding.ids) == ("FAIL", "harm", ("r3", "r5"))
    assert finding.summary == (
        "workload load: the newest block went back 2 times in 5 answers, by 3 blocks at most (r3 got 99 after 102), "
        "no fault made providers lag"
    )


@pytest.mark.parametrize(
    "events",
    [
        [answered(1, 0, 102), answered(2, 30, 100)],  # sent before the greater height had come
        [answered(1, 0, 102), answered(2, 50, 100)],  # at the very moment it came
        [answered(1, 0, 102), answered(2, 100, 100, workload="other")],
        [answered(1, 0, 102, client=0), answered(2, 100, 100, client=1)],
        [answered(1, 0, 102, answer="wrong"), answered(2, 100, 100)],
        [answered(1, 0, 102), answered(2, 100, 9, answer="wrong")],
        [answered(1, 0, 102), answered(2, 100, 100, sent_ns=None)],
    ],
)
def test_what_no_client_could_compare_is_no_regression(tmp_path: Path, events: list[Event]) -> None:
    finding = found(tmp_path, *events)
    assert finding is not None
    assert finding.verdict == "PASS"
    assert "never went back" in finding.summary


def test_a_run_without_heights_is_not_judged(tmp_path: Path) -> None:
    assert found(tmp_path, request(1)) is None


@pytest.mark.parametrize(
    ("kind", "span_ms", "verdict"),
    [
        ("stale_head", (150, 300), "PASS"),
        ("reorg", (0, 200), "PASS"),
        ("wrong_chain", (250, None), "PASS"),
        ("stale_head", (251, 300), "FAIL"),
        ("stale_head", (0, 199), "PASS"),  # until the gateway has asked all providers again
        ("kill", (0, 300), "FAIL"),
    ],
)
def test_a_fault_that_makes_providers_lag_meanwhile_explains_it(
    tmp_path: Path, kind: str, span_ms: tuple[int, int | None], verdict: str
) -> None:
    start, end = span_ms
    held = fault("f-a", start * MS, None if end is None else end * MS, kind=kind)
    finding = found(tmp_path, *BACK[:4], *held, *([] if end is not None else [request(9, S)]))
    assert finding is not None
    assert finding.verdict == verdict
    assert ("while a fault made providers lag" in finding.summary) == (verdict == "PASS")


@pytest.mark.parametrize(("after_ns", "verdict"), [(SETTLE_NS - MS, "PASS"), (SETTLE_NS + MS, "FAIL")])
def test_what_a_lagging_provider_says_settles(tmp_path: Path, after_ns: int, verdict: str) -> None:
    held = fault("stale_head-a.1", S, 2 * S, kind="stale_head")
    at_ms = (2 * S + after_ns) // MS
    finding = found(tmp_path, *held, answered(1, 0, 102), answered(2, at_ms, 99))
    assert finding is not None
    assert finding.verdict == verdict


@pytest.mark.parametrize(("blocks", "verdict"), [(None, "PASS"), (0, "FAIL")])
def test_one_block_is_what_a_cache_of_the_head_makes(
    tmp_path: Path, blocks: int | None, verdict: str
) -> None:
    tolerated = Staleness() if blocks is None else Staleness(blocks=blocks)
    with open_history(tmp_path, answered(1, 0, 102), answered(2, 100, 101)) as run:
        finding = reads_monotonic(Log(run), SloSet(staleness=tolerated))
    assert finding is not None
    assert finding.verdict == verdict
    assert finding.summary.endswith(
        "which staleness tolerates" if verdict == "PASS" else "no fault made providers lag"
    )


def test_with_real_providers_it_is_a_warning(tmp_path: Path) -> None:
    finding = found(tmp_path, *BACK, **REAL)
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", "warning")


def test_an_slo_decides_instead(tmp_path: Path) -> None:
    finding = found(tmp_path, *BACK, slo=Slo(max_height_regression_blocks=3))
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", None)
    assert finding.summary.endswith("(the SLO max_height_regression_blocks decides)")
    with open_history(tmp_path / "whole", *BACK) as run:
        for limit, status in ((2, "missed"), (3, "met")):
            (result,) = judge(run, Slo(max_height_regression_blocks=limit)).slos
            assert (result.status, result.measured) == (status, 3)
            judgement = judge(run, None, workload_slos={"load": Slo(max_height_regression_blocks=limit)})
            assert judgement.workload_slos[0].slos[0].status == status


ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 30),
        st.integers(1, 6),
        st.sampled_from([("load", None), ("load", 0), ("load", 1), ("other", 0)]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWERS)
def test_the_view_finds_what_the_definition_says(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[int, int, int, tuple[str, int | None]]]
) -> None:
    events = [
        answered(number, at, height, took, workload=workload, client=client)
        for number, (at, took, height, (workload, client)) in enumerate(answers)
    ]
    expected = {}
    for one in events:
        before = [
            other.height
            for other in events
            if (other.workload, other.client) == (one.workload, one.client)
            and one.sent_ns is not None
            and other.ended_ns < one.sent_ns
        ]
        highest = max((height for height in before if height is not None), default=0)
        if one.height is not None and highest > one.height:
            expected[one.request_id] = highest - one.height
    with open_history(tmp_path_factory.mktemp("heights"), *events) as run:
        rows = asked(run, "SELECT request_id, blocks FROM height_regressions").rows
    assert dict(rows) == expected
