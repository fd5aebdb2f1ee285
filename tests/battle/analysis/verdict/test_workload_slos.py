"""Demands on single workloads, and the knee of a load that goes up in steps."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import Slo
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    fault,
    healthy,
    open_history,
    request,
    sample,
    write_run,
)

# slos on workloads


def judged(tmp_path: Path, workload_slos: dict[str, Slo], *events: Event, **header: Any) -> Judgement:
    segments = healthy()
    segments["load-load.0"] += events
    with open_run(write_run(tmp_path / "run", segments, **header)) as run:
        return judge(run, None, workload_slos=workload_slos)


SLOW = [
    *(request(n, n * 10 * MS, 400 * MS, workload="slow") for n in range(1000, 1040)),
    sample(S, 40, workload="slow"),
]


def test_each_workload_is_held_to_its_own_demands(tmp_path: Path) -> None:
    slos = {"load": Slo(p95_latency_ms=60, success_rate=1), "slow": Slo(p95_latency_ms=300)}
    judgement = judged(tmp_path, slos, *SLOW)
    found = {(one.workload, slo.name): slo.status for one in judgement.workload_slos for slo in one.slos}
    assert found == {
        ("load", "success_rate"): "met",
        ("load", "p95_latency_ms"): "met",
        ("slow", "p95_latency_ms"): "missed",
    }
    assert judgement.verdict == "FAIL"
    assert judgement.reasons == ("workload slow: p95_latency_ms was missed: 400 ms (target ≤ 300 ms)",)


def test_demands_on_workloads_are_enough_to_pass(tmp_path: Path) -> None:
    assert judged(tmp_path, {"load": Slo(success_rate=1)}).verdict == "PASS"


def test_a_workload_that_left_no_trace_was_not_measured(tmp_path: Path) -> None:
    judgement = judged(tmp_path, {"ghost": Slo(success_rate=0.5)})
    assert judgement.verdict == "INCONCLUSIVE"
    assert judgement.reasons[0].startswith("workload ghost: success_rate was not measured: no request ended")


def test_a_workload_that_was_sent_late_missed_nothing(tmp_path: Path) -> None:
    late = [request(n, 0, 2 * S, sent_ns=2 * S - 20 * MS, workload="slow") for n in range(1000, 1040)]
    judgement = judged(tmp_path, {"slow": Slo(p95_latency_ms=300)}, *late, sample(S, 40, workload="slow"))
    ((result,),) = (one.slos for one in judgement.workload_slos)
    assert result.status == "not_measured"


def test_what_a_workload_missed_on_time_it_missed_whatever_others_met(tmp_path: Path) -> None:
    late = [request(n, 0, 2 * S, sent_ns=2 * S - 20 * MS, workload="slow") for n in range(2000, 2040)]
    judgement = judged(tmp_path, {"slow": Slo(p95_latency_ms=300)}, *late, *SLOW)
    ((result,),) = (one.slos for one in judgement.workload_slos)
    assert result.status == "missed"


# the knee

STEPS = {"type": "http_step", "name": "steps", "step_duration": S, "rates": [20.0, 40.0, 80.0, 160.0]}


def stepped(took_ms: tuple[int, ...], late_step: int | None = None) -> list[Event]:
    """Each step's requests take so long."""
    events: list[Event] = []
    for step, (rate, took) in enumerate(zip((20, 40, 80, 160), took_ms, strict=True)):
        for number in range(rate):
            at_ns = 5 * S + step * S + number * S // rate
            sent_ns = at_ns + (200 * MS if step == late_step else MS)
            number += 10_000 * (step + 1)
            events.append(request(number, at_ns, took * MS, sent_ns=sent_ns, workload="steps"))
    return [*events, sample(9 * S, 300, workload="steps")]


OWN = {"steps": Slo(p95_latency_ms=100, success_rate=0.99)}


def knee_of(tmp_path: Path, took_ms: tuple[int, ...], slos: dict[str, Slo], **changes: Any) -> Judgement:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    return judged(tmp_path, slos, *stepped(took_ms, **changes), **header)


def test_the_knee_is_the_highest_rate_that_met_the_demands(tmp_path: Path) -> None:
    judgement = knee_of(tmp_path, (10, 20, 50, 300), OWN)
    (knee,) = judgement.knees
    assert (knee.rate_per_s, knee.held_to) == (80, "workload")
    assert [(step.rate_per_s, step.requests, step.status) for step in knee.steps] == [
        (20, 20, "met"),
        (40, 40, "met"),
        (80, 80, "met"),
        (160, 160, "missed"),
    ]
    assert [step.p95_latency_ns for step in knee.steps] == [10 * MS, 20 * MS, 50 * MS, 300 * MS]
    ((rate, latency),) = (one.slos for one in judgement.workload_slos)
    assert (latency.status, latency.measured, latency.note) == (
        "met",
        50,
        "at the knee, 80 requests a second",
    )
    assert (rate.status, judgement.verdict) == ("met", "PASS")


def test_a_load_without_a_step_that_met_the_demands_fails(tmp_path: Path) -> None:
    judgement = knee_of(tmp_path, (200, 210, 220, 300), OWN)
    assert judgement.knees[0].rate_per_s is None
    assert judgement.verdict == "FAIL"
    assert "p95_latency_ms was missed: 200 ms" in judgement.reasons[0]


def test_a_step_that_the_generator_did_not_keep_up_with_says_nothing(tmp_path: Path) -> None:
    (knee,) = knee_of(tmp_path, (10, 20, 50, 60), OWN, late_step=3).knees
    assert (knee.rate_per_s, knee.steps[3].status) == (80, "generator_late")


def test_without_demands_of_its_own_a_step_is_held_to_those_of_the_run(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    with open_history(tmp_path, *stepped((10, 20, 50, 300)), **header) as run:
        (held,), (free,) = (
            judge(run, Slo(p95_latency_ms=30)).knees,
            judge(run, Slo(max_wrong_answers=0)).knees,
        )
    assert (held.held_to, held.rate_per_s) == ("run", 40)
    assert (free.held_to, free.rate_per_s, free.steps[0].status) == (None, None, "no_slo")


@pytest.mark.parametrize(("limit_ms", "knee"), [(100, 80), (30, 40), (15, 20)])
def test_steps_beyond_the_knee_are_no_failure_of_the_run(tmp_path: Path, limit_ms: int, knee: int) -> None:
    """The guide says so; the other loads of the run count whole."""
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    with open_history(tmp_path, *stepped((10, 20, 50, 300)), **header) as run:
        judgement = judge(run, Slo(p95_latency_ms=limit_ms, success_rate=0.99))
    assert judgement.knees[0].rate_per_s == knee
    assert [result.status for result in judgement.slos] == ["met", "met"]
    latency = next(result for result in judgement.slos if result.name == "p95_latency_ms")
    assert latency.measured is not None
    assert latency.measured <= limit_ms
    assert latency.note == "without the steps beyond the knee of steps"
    assert judgement.verdict != "FAIL"


HELD = fault("latency-a.1", 5 * S, 9 * S, kind="latency")
PARTS = [{"when": "during"}, {"when": "during", "workload": "steps"}, {"method": "eth_blockNumber"}]


@pytest.mark.parametrize("part", PARTS)
def test_nor_are_they_of_a_part_of_it(tmp_path: Path, part: dict[str, Any]) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    with open_history(tmp_path, *HELD, *stepped((10, 20, 50, 300)), **header) as run:
        judgement = judge(run, [Slo(p95_latency_ms=100), Slo(p95_latency_ms=100, success_rate=0.99, **part)])
    assert judgement.knees[0].rate_per_s == 80
    scoped = judgement.slos[1:]
    assert [(result.status, result.measured) for result in scoped] == [("met", 1), ("met", 50)]
    assert scoped[1].note == "of 140 requests, without the steps beyond the knee of steps"


def test_a_part_that_lies_beyond_the_knee_has_nothing_to_judge(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    held = fault("latency-a.1", 8 * S, 9 * S, kind="latency")
    with open_history(tmp_path, *held, *stepped((10, 20, 50, 300)), **header) as run:
        judgement = judge(run, [Slo(p95_latency_ms=100), Slo(p95_latency_ms=100, when="during")])
    assert (judgement.slos[1].status, judgement.slos[1].note) == (
        "not_measured",
        "no request during faults was due, without the steps beyond the knee of steps",
    )


@pytest.mark.parametrize("part", [{}, *PARTS])
def test_a_wrong_answer_beyond_the_knee_counts_all_the_same(tmp_path: Path, part: dict[str, Any]) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    wrong = request(1, 8500 * MS, 10 * MS, workload="steps", answer="wrong")
    with open_history(tmp_path, *HELD, *stepped((10, 20, 50, 300)), wrong, **header) as run:
        judgement = judge(run, [Slo(p95_latency_ms=100), Slo(max_wrong_answers=0, **part)])
    assert judgement.knees[0].rate_per_s == 80
    assert [result.measured for result in judgement.slos if result.name == "max_wrong_answers"] == [1]


@pytest.mark.parametrize("part", [None, *PARTS])
def test_what_was_sent_late_before_the_knee_is_not_excused_nor_blamed_by_what_lies_beyond(
    tmp_path: Path, part: dict[str, Any] | None
) -> None:
    """What the generator sent late missed the target, and what it sent on time met it, but for steps beyond."""
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    late = [
        request(n, 5 * S + n * MS, 400 * MS, sent_ns=5 * S + n * MS + 300 * MS, workload="other")
        for n in range(1, 60)
    ]
    slos = [Slo(p95_latency_ms=100), *([] if part is None else [Slo(p95_latency_ms=100, **part)])]
    events = [*HELD, *stepped((10, 20, 50, 300)), *late, sample(9 * S, 59, workload="other")]
    with open_history(tmp_path, *events, **header) as run:
        judgement = judge(run, slos)
    held = judgement.slos[-1]
    expected = "met" if part is not None and "workload" in part else "not_measured"
    assert held.status == expected


def test_another_load_still_fails_the_run_beside_a_knee(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    with open_history(tmp_path, *stepped((10, 20, 50, 300)), *SLOW, **header) as run:
        judgement = judge(run, Slo(p95_latency_ms=100))
    assert (judgement.knees[0].rate_per_s, judgement.verdict) == (80, "FAIL")


def test_without_a_knee_the_run_fails(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "workloads": [STEPS]}}
    with open_history(tmp_path, *stepped((200, 210, 220, 300)), **header) as run:
        judgement = judge(run, Slo(p95_latency_ms=100))
    assert (judgement.knees[0].rate_per_s, judgement.verdict) == (None, "FAIL")


def test_other_loads_have_no_knee(tmp_path: Path) -> None:
    assert judged(tmp_path, {}).knees == ()
