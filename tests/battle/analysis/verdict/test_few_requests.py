"""Few requests are no proof: a PASS on one of them is none, and the first line says how little was tested."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.reports.files import read_report
from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import MIN_REQUESTS, Slo
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    failed,
    fault,
    healthy,
    notified,
    open_history,
    phases,
    published,
    request,
    subscribed,
    tried,
    write_run,
)


def judged(tmp_path: Path, slo: Slo | None, *events: Event, **more: Any) -> Judgement:
    with open_history(tmp_path, *events, min_requests=MIN_REQUESTS) as run:
        return judge(run, slo, **more)


def enough(judgement: Judgement) -> Finding | None:
    return next((one for one in judgement.findings if one.checker == "enough_requests"), None)


def requests(count: int, at_ns: int = 0, **changes: Any) -> list[Event]:
    return [request(n + at_ns, at_ns + n * MS, **changes) for n in range(count)]


@pytest.mark.parametrize("count", [1, 7, MIN_REQUESTS - 1])
def test_a_run_of_few_requests_is_no_pass(tmp_path: Path, count: int) -> None:
    judgement = judged(tmp_path, Slo(success_rate=0.5), *requests(count))
    found = enough(judgement)
    assert found is not None
    assert found.verdict == "INCONCLUSIVE"
    assert found.summary.startswith(f"only {count} request")
    assert judgement.verdict == "INCONCLUSIVE"


def test_twenty_requests_are_enough(tmp_path: Path) -> None:
    found = enough(judged(tmp_path, Slo(success_rate=0.5), *requests(MIN_REQUESTS)))
    assert found is not None
    assert found.verdict == "PASS"


def test_a_scenario_may_say_otherwise(tmp_path: Path) -> None:
    with open_history(tmp_path, *requests(3), min_requests=3) as run:
        found = enough(judge(run, Slo(success_rate=0.5)))
    assert found is not None
    assert found.verdict == "PASS"


def test_few_requests_that_failed_fail_all_the_same(tmp_path: Path) -> None:
    assert judged(tmp_path, Slo(success_rate=0.99), failed(1)).verdict == "FAIL"


@pytest.mark.parametrize(("heads", "verdict"), [(1, "INCONCLUSIVE"), (MIN_REQUESTS, "PASS")])
def test_heads_that_were_due_count_for_subscribers(tmp_path: Path, heads: int, verdict: str) -> None:
    events = [
        *subscribed(to_ns=100 * S),
        *(published(n, n * S) for n in range(1, heads + 1)),
        *(notified(n, n * S + MS) for n in range(1, heads + 1)),
        *phases(end_ns=100 * S),
    ]
    found = enough(judged(tmp_path, Slo(max_missed_heads=0), *events))
    assert found is not None
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("slo", "note"),
    [
        (Slo(success_rate=0.9, when="during"), "of only 3 requests"),
        (Slo(p95_latency_ms=100, when="during"), "of only 3 requests"),
        (Slo(max_wrong_answers=0, when="during"), "of only 3 checked answers"),
    ],
)
def test_a_window_with_few_requests_is_not_trusted(tmp_path: Path, slo: Slo, note: str) -> None:
    events = [*requests(100), *requests(3, 4 * S), *fault("kill-a.1", 3 * S, 5 * S)]
    (result,) = judged(tmp_path, slo, *events).slos
    assert result.status == "not_measured"
    assert result.note == f"{note}, where 20 are needed (min_requests)"


@pytest.mark.parametrize(
    "slo",
    [
        Slo(max_missed_heads=9, when="during"),
        Slo(max_duplicate_heads=9, when="during"),
        Slo(max_head_delay_ms=999, when="during"),
    ],
)
def test_a_window_with_few_heads_is_not_trusted(tmp_path: Path, slo: Slo) -> None:
    heads = [event for n in range(1, 10) for event in (published(n, n * S), notified(n, n * S + MS))]
    events = [*subscribed(), *heads, *phases(), *fault("kill-a.1", 3 * S, 5 * S - MS)]
    (result,) = judged(tmp_path, slo, *events).slos
    assert result.status == "not_measured"
    assert result.note == "of only 2 heads, where 20 are needed (min_requests)"


def test_a_window_that_few_requests_missed_is_missed(tmp_path: Path) -> None:
    slo = Slo(success_rate=0.9, when="during")
    events = [*requests(100), failed(500, 4 * S), *fault("kill-a.1", 3 * S, 5 * S)]
    assert judged(tmp_path, slo, *events).slos[0].status == "missed"


def test_a_workload_with_few_requests_is_not_trusted(tmp_path: Path) -> None:
    slos = {"rare": Slo(success_rate=0.9)}
    judgement = judged(tmp_path, None, *requests(100), request(500, workload="rare"), workload_slos=slos)
    assert judgement.workload_slos[0].slos[0].status == "not_measured"


def test_a_fault_that_is_never_reverted_holds_to_the_end(tmp_path: Path) -> None:
    events = [*requests(30, 6 * S), *fault("kill-a.1", 3 * S, None), *phases()]
    with open_history(tmp_path, *events) as run:
        assert run.query("requests_in_faults") == [("kill-a.1", 30)]


@pytest.mark.parametrize(("at_ns", "counted"), [(2999 * MS, 0), (3 * S, 1), (3999 * MS, 1), (4 * S, 0)])
def test_a_fault_that_is_over_at_once_counts_as_a_second(tmp_path: Path, at_ns: int, counted: int) -> None:
    events = [request(1, at_ns), *fault("reset-a.1", 3 * S, 3 * S, kind="reset"), *phases()]
    with open_history(tmp_path, *events) as run:
        assert run.query("requests_in_faults") == [("reset-a.1", counted)]


def in_a_fault(tmp_path: Path, during: int, **header: Any) -> str:
    segments = healthy(1000)
    segments["load-load.0"] = [
        one for one in segments["load-load.0"] if not 3 * S <= getattr(one, "scheduled_ns", 0) < 5 * S
    ] + requests(during, 4 * S)
    noticed = tried(400, "a", 4 * S, 4 * S + MS, "error")
    segments["coordinator"] += [*fault("kill-a.1", 3 * S, 5 * S), noticed]
    run_dir = write_run(
        tmp_path / "run", segments, slo={"success_rate": 0.9}, **{"min_requests": MIN_REQUESTS, **header}
    )
    return read_report(run_dir).headline


def test_the_first_line_says_how_few_requests_fell_into_a_fault(tmp_path: Path) -> None:
    assert in_a_fault(tmp_path, 1).endswith(
        "while 1 fault took effect. Of 801 requests, only 1 in the window of kill-a.1."
    )


def test_the_first_line_counts_by_what_the_scenario_states(tmp_path: Path) -> None:
    assert in_a_fault(tmp_path, 1, min_requests=1).endswith("while 1 fault took effect.")


def test_the_first_line_says_nothing_where_there_were_enough(tmp_path: Path) -> None:
    assert in_a_fault(tmp_path, 200).endswith("while 1 fault took effect.")


def test_the_first_line_says_how_small_the_run_was(tmp_path: Path) -> None:
    segments = healthy(50)
    report = read_report(write_run(tmp_path / "run", segments, slo={"success_rate": 0.9}))
    assert report.headline.endswith("was not tested. Only 50 requests.")
