"""FAIL beats INCONCLUSIVE beats PASS, and nothing passes for lack of evidence."""

from pathlib import Path

import pytest

from battle.analysis.findings import EXIT_STATUS, Finding, Verdict, worst
from battle.analysis.log import Log
from battle.analysis.verdict.checker import Checker
from battle.analysis.verdict.registry import CHECKERS
from battle.analysis.verdict.verdict import Judgement, judge
from battle.formatting import duration_text, percent_text, sentence
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import MS, S, healthy, open_history, request, write_run

EASY = Slo(success_rate=0.9)


def judged(tmp_path: Path, slo: Slo | None, *checkers: Checker, events: tuple[Event, ...] = ()) -> Judgement:
    with open_history(tmp_path, *(events or (request(1),))) as run:
        return judge(run, slo, checkers)


def saying(verdict: Verdict) -> Checker:
    return lambda log, slo: Finding(checker="scripted", verdict=verdict, summary=f"says {verdict}")


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        (["PASS", "PASS"], "PASS"),
        (["PASS", "INCONCLUSIVE", "PASS"], "INCONCLUSIVE"),
        (["INCONCLUSIVE", "FAIL", "PASS"], "FAIL"),
        ([], "INCONCLUSIVE"),
    ],
)
def test_the_worst_verdict_counts(verdicts: list[Verdict], outcome: Verdict) -> None:
    assert worst(verdicts) == outcome


def test_a_healthy_run_that_meets_its_slos_passes(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path / "run", healthy())) as run:
        judgement = judge(run, Slo(success_rate=1.0, p99_latency_ms=50, max_wrong_answers=0))
    assert (judgement.verdict, judgement.reasons) == ("PASS", ())
    assert [result.status for result in judgement.slos] == ["met", "met", "met"]
    assert {finding.checker for finding in judgement.findings} < {checker.__name__ for checker in CHECKERS}


def test_a_missed_slo_fails(tmp_path: Path) -> None:
    judgement = judged(tmp_path, Slo(p50_latency_ms=1), saying("PASS"))
    assert judgement.verdict == "FAIL"
    assert judgement.reasons == ("p50_latency_ms was missed: 50 ms (target ≤ 1 ms)",)


def test_reasons_to_fail_come_first(tmp_path: Path) -> None:
    slo = Slo(p50_latency_ms=1, max_memory_mb=1)
    judgement = judged(tmp_path, slo, saying("INCONCLUSIVE"), saying("FAIL"))
    assert judgement.verdict == "FAIL"
    assert judgement.reasons == (
        "says FAIL",
        "p50_latency_ms was missed: 50 ms (target ≤ 1 ms)",
        "says INCONCLUSIVE",
        "max_memory_mb was not measured: the gateway's memory was not sampled (target ≤ 1 MB)",
    )


def test_an_slo_that_was_not_measured_does_not_pass(tmp_path: Path) -> None:
    assert judged(tmp_path, Slo(min_breaker_changes=0), saying("PASS")).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize("slo", [None, Slo()])
def test_without_any_slo_there_is_nothing_to_pass(tmp_path: Path, slo: Slo | None) -> None:
    judgement = judged(tmp_path, slo, saying("PASS"))
    assert judgement.verdict == "INCONCLUSIVE"
    assert judgement.reasons == ("the scenario has no SLO, so there is nothing to pass",)


def test_a_crash_of_one_checker_does_not_silence_the_others(tmp_path: Path) -> None:
    def broken(log: Log, slos: SloSet) -> Finding:
        raise KeyError("x")

    judgement = judged(tmp_path, EASY, broken, saying("FAIL"))
    assert [finding.verdict for finding in judgement.findings] == ["INCONCLUSIVE", "FAIL"]
    assert judgement.verdict == "FAIL"


def test_a_crash_while_measuring_is_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*asked: object) -> dict[str, object]:
        raise ValueError("no such column")

    monkeypatch.setattr("battle.analysis.verdict.slo_results.measures", broken)
    judgement = judged(tmp_path, EASY, saying("PASS"))
    assert judgement.verdict == "INCONCLUSIVE"
    assert judgement.reasons == ("measuring crashed: ValueError: no such column",)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nix FROM requests", "QueryError: Binder Error: "),
        ("SELECT 1 AS value UNION ALL SELECT 2", "ValueError: its question gave 2 rows, not one"),
        ("SELECT 1 AS value WHERE false", "ValueError: its question gave 0 rows, not one"),
        ("SELECT 'many' AS value", "TypeError: its question gave 'many', which is not a number"),
    ],
)
def test_a_question_that_is_wrong_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, why: str
) -> None:
    toy = Metric(place=1, name="success_rate", sql=sql)
    monkeypatch.setitem(METRICS, toy.name, toy)
    judgement = judged(tmp_path, EASY, saying("PASS"))
    assert judgement.verdict == "INCONCLUSIVE"
    (reason,) = judgement.reasons
    assert reason.startswith(f"measuring success_rate crashed: {why}")


def test_an_empty_log_does_not_pass(tmp_path: Path) -> None:
    with open_history(tmp_path) as run:
        assert judge(run, EASY).verdict == "INCONCLUSIVE"


def test_exit_statuses_are_the_published_ones() -> None:
    assert EXIT_STATUS == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}


@pytest.mark.parametrize(
    ("value_ns", "text"),
    [
        (0, "0"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (999_600, "1 ms"),
        (52_100_000, "52.1 ms"),
        (300 * MS, "300 ms"),
        (1_234_000_000, "1.23 s"),
        (10 * S, "10 s"),
        (60 * S, "1 min"),
        (1_802 * S, "30 min 2 s"),
    ],
)
def test_durations_in_human_units(value_ns: int, text: str) -> None:
    assert duration_text(value_ns) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1.0, "100 %"), (0.9999999, "99.999 %"), (0.98996, "98.996 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_ratios_are_cut_not_rounded(ratio: float, text: str) -> None:
    assert percent_text(ratio) == text


def test_long_lists_are_counted() -> None:
    assert sentence([str(n) for n in range(7)]) == "0; 1; 2; 3; 4; and 2 more"
