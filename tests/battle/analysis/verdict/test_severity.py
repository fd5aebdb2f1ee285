"""A warning passes and is said in every first line; a strict judgement fails on it. Harm fails, always."""

import shlex
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import msgspec
import pytest

from battle.analysis.findings import Finding, Severity, Verdict
from battle.analysis.reports.files import (
    read_report,
    read_run,
    render,
    render_reading,
)
from battle.analysis.reports.schema import Report
from battle.analysis.verdict.checker import Checker
from battle.analysis.verdict.registry import CHECKERS
from battle.analysis.verdict.verdict import Judgement, judge
from battle.cli.app import run_command_line
from battle.cli.summary import summary_lines
from battle.pytest_plugin.summary import summary_text
from battle.scenario.slo.slo import Slo
from battle.suite.results import SuiteRun, by_scenario, headline_of
from tests.battle.histories import healthy, open_history, request, write_run

EASY = Slo(success_rate=0.9)


def warns(log: Any, slos: Any) -> Finding:
    return Finding(checker="warns", verdict="PASS", severity="warning", summary="18 files stay open")


def fails(log: Any, slos: Any) -> Finding:
    return Finding(checker="fails", verdict="FAIL", summary="answers were wrong")


def judged(tmp_path: Path, *checkers: Checker, slo: Slo = EASY, strict: bool = False) -> Judgement:
    with open_history(tmp_path, request(1)) as run:
        return judge(run, slo, checkers, strict=strict)


def warned_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **header: Any) -> tuple[Path, Report]:
    monkeypatch.setattr("battle.analysis.verdict.verdict.judge.__defaults__", ((*CHECKERS, warns), None))
    run_dir = write_run(tmp_path / "run", healthy(), slo={"success_rate": 0.9}, **header)
    return run_dir, read_report(run_dir)


@pytest.mark.parametrize("verdict", get_args(Verdict))
@pytest.mark.parametrize("severity", [None, *get_args(Severity)])
def test_a_severity_goes_with_its_verdict_alone(verdict: Verdict, severity: Severity | None) -> None:
    fitting = {("FAIL", "harm"), ("FAIL", "warning"), ("PASS", "warning")}
    if severity is not None and (verdict, severity) not in fitting:
        with pytest.raises(ValueError, match="does not go with"):
            Finding(checker="x", verdict=verdict, severity=severity, summary="s")
        return
    made = Finding(checker="x", verdict=verdict, severity=severity, summary="s")
    assert made.severity == ("harm" if verdict == "FAIL" and severity is None else severity)


def test_a_warning_passes_and_is_listed(tmp_path: Path) -> None:
    judgement = judged(tmp_path, warns)
    assert (judgement.verdict, judgement.reasons) == ("PASS", ())
    assert judgement.warnings == ("18 files stay open",)


def test_a_strict_judgement_fails_on_a_warning(tmp_path: Path) -> None:
    judgement = judged(tmp_path, warns, strict=True)
    assert (judgement.verdict, judgement.reasons) == ("FAIL", ("18 files stay open",))
    assert judgement.warnings == ()
    assert [(one.verdict, one.severity) for one in judgement.findings] == [("FAIL", "warning")]


def test_a_strict_judgement_without_warnings_is_the_same(tmp_path: Path) -> None:
    assert judged(tmp_path / "1", fails, strict=True) == judged(tmp_path / "2", fails)


def test_every_first_line_says_that_there_are_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, report = warned_report(tmp_path, monkeypatch)
    assert report.headline.startswith("18 files stay open. ")
    assert next(iter(summary_lines(report, run_dir))).startswith("PASS with 1 warning: 18 files stay open.")
    first = f"PASS with 1 warning against {report.run.gateway}: 18 files stay open."
    assert summary_text(report, run_dir).startswith(first)
    assert "  - warning: 18 files stay open" in summary_text(report, run_dir)
    assert render(report, "markdown").startswith("# PASS with 1 warning: 18 files stay open.")
    assert "**Warnings**\n\n1. 18 files stay open" in render(report, "markdown")
    html = render_reading(read_run(run_dir), "html")
    assert '<p class="verdict">PASS with 1 warning</p>' in html
    assert "<li>18 files stay open</li>" in html
    assert msgspec.json.decode(render(report, "json"))["warnings"] == ["18 files stay open"]


def test_junit_passes_a_warning_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = ElementTree.fromstring(render(warned_report(tmp_path, monkeypatch)[1], "junit"))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert suite.find("properties/property[@name='warnings']").get("value") == "1"
    assert suite.findtext("testcase[@name='warns']/system-out") == "warning: 18 files stay open"


def test_a_strict_run_stays_strict_whenever_it_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, report = warned_report(tmp_path, monkeypatch, strict=True)
    assert (report.verdict, report.strict, report.warnings) == ("FAIL", True, ())
    assert report.headline == ("Do not ship (strict: a warning fails the run), because 18 files stay open.")
    suite = ElementTree.fromstring(render(report, "junit"))
    assert suite.find("testcase[@name='warns']/failure") is not None


@pytest.mark.parametrize(("options", "status"), [("", 0), ("--strict", 1)])
def test_judge_takes_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, status: int
) -> None:
    run_dir, _ = warned_report(tmp_path, monkeypatch)
    assert run_command_line(["judge", str(run_dir), *shlex.split(options)]) == status


def test_a_suite_says_which_scenario_passed_with_warnings() -> None:
    passed = SuiteRun(scenario="one", seed=1, status="PASS", warnings=("18 files stay open",))
    clean = SuiteRun(scenario="two", seed=1, status="PASS")
    first, second = by_scenario([passed, clean])
    assert (first.status_text, second.status_text) == ("PASS with 1 warning", "PASS")
    assert (first.reasons, second.reasons) == (("warning: 18 files stay open",), ())
    assert headline_of([passed, clean]).startswith("all of 2 runs passed (1 with warnings)")


def test_a_failed_run_says_its_warnings_after_its_reasons(tmp_path: Path) -> None:
    judgement = judged(tmp_path, warns, fails)
    assert judgement.reasons == ("answers were wrong",)
    assert judgement.warnings == ("18 files stay open",)
