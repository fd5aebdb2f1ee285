"""`battle run`, `suite`, `compare` and pytest write what the CI service shows, and their exit status stays."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from battle.cli.app import run_command_line
from tests.battle.pytest_plugin.projects import OURS, run_pytest

pytestmark = [pytest.mark.whole, pytest.mark.thorough]

LOST_LINE = OURS[: OURS.index("lossy =")].count("\n") + 1


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "battle_ours.py").write_text(OURS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def github(project, monkeypatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project))
    for name in ("STEP_SUMMARY", "OUTPUT"):
        monkeypatch.setenv(f"GITHUB_{name}", str(project / f"github-{name}"))
    return project


def battle(*arguments: str) -> int:
    return run_command_line([*arguments, "--world", "simulated", "--quiet"])


def test_a_run_that_fails_is_annotated_and_summed_up(github, capsys):
    assert battle("run", "battle_ours.py:lossy") == 1
    said = capsys.readouterr()
    [annotation] = re.findall(r"^::error .*$", said.err, re.MULTILINE)
    assert annotation.startswith(f"::error file=battle_ours.py,line={LOST_LINE},title=FAIL%3A Lossy ")
    [reason] = re.findall(r"^  - (.*)$", said.out, re.MULTILINE)
    assert annotation.endswith(f"::{reason.replace('%', '%25')}")
    assert "::" not in said.out
    report = Path("battle_results/latest/report.md").read_text()
    assert (github / "github-STEP_SUMMARY").read_text() == f"{report.rstrip()}\n\n"
    outputs = (github / "github-OUTPUT").read_text()
    assert re.fullmatch(r"verdict=FAIL\nreport=battle_results/\S+/report.html\nresults=\S+\n", outputs)


def test_a_summary_that_cannot_be_written_does_not_change_the_exit_status(github, capsys):
    (github / "github-STEP_SUMMARY").mkdir()
    assert battle("run", "battle_ours.py") == 0
    assert "the step summary cannot be written" in capsys.readouterr().err
    assert battle("run", "battle_ours.py:lossy") == 1


def test_a_suite_has_an_annotation_for_each_reason_and_its_table(github, capsys):
    assert battle("suite", ".") == 1
    errors = re.findall(r"^::error .*$", capsys.readouterr().err, re.MULTILINE)
    assert len(errors) == 1
    assert f"file=battle_ours.py,line={LOST_LINE}" in errors[0]
    summary = (github / "github-STEP_SUMMARY").read_text()
    assert "| battle_ours.py:lossy | FAIL |" in summary
    assert "](" not in summary, "its links would lead nowhere"


@pytest.mark.slow
def test_a_comparison_is_annotated_with_its_headline(github, capsys):
    assert battle("run", "battle_ours.py") == 0
    before = Path("battle_results/latest").resolve().name
    assert battle("run", "battle_ours.py:lossy") == 1
    capsys.readouterr()
    assert run_command_line(["compare", "latest", "--baseline", before]) == 3, "the runs are short"
    said = capsys.readouterr()
    [annotation] = re.findall(r"^::warning .*$", said.err, re.MULTILINE)
    headline = said.out.splitlines()[0]
    assert annotation == f"::warning title=Not enough data%3A Lossy::{headline.replace('%', '%25')}"
    assert "## Lossy and its baseline" in (github / "github-STEP_SUMMARY").read_text()


@pytest.mark.slow
def test_each_run_of_a_suite_is_compared_with_its_baseline(github, capsys):
    assert battle("suite", "battle_ours.py:scenario", "battle_ours.py:lossy") == 1
    assert run_command_line(["compare", "suites/latest"]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("no run of the suite has a baseline\n")
    assert said.err.count("is not compared: there is no baseline below battle_baselines for") == 2
    steady = next(Path("battle_results").glob("*-steady-*")).name
    assert run_command_line(["baseline", "save", steady]) == 0
    capsys.readouterr()
    assert run_command_line(["compare", "battle_results/suites/latest", "--json"]) in (0, 3)
    said = capsys.readouterr()
    assert [one["after"]["name"] for one in json.loads(said.out)] == [steady]
    assert said.err.count("is not compared") == 1


def test_gitlab_gets_junit_and_metrics(project, monkeypatch, capsys):
    monkeypatch.setenv("GITLAB_CI", "true")
    assert battle("suite", ".") == 1
    assert battle("run", "battle_ours.py") == 0
    assert "::" not in capsys.readouterr().err
    folder = project / "battle_results" / "gitlab"
    suites = [ElementTree.parse(path).getroot() for path in sorted(folder.glob("*.xml"))]
    assert sorted(suite.tag for suite in suites) == ["testsuite", "testsuites"]
    metrics = (folder / "metrics.txt").read_text()
    assert 'battle_passed{scenario="Lossy",world="simulated",gateway="embedded (priority)"} 0\n' in metrics
    assert metrics.count('battle_passed{scenario="Steady"') == 1
    assert metrics.endswith("# EOF\n")


EXPECTS = """
from battle_ours import lossy


def test_it_is_lost_as_expected(battle):
    assert battle.run(lossy).verdict == "FAIL"


def test_it_passes(battle):
    assert battle.run(lossy).passed
"""


@pytest.mark.slow
def test_pytest_annotates_the_runs_of_tests_that_failed(github):
    (github / "test_ours.py").write_text(EXPECTS)
    (github / "pytest.ini").write_text("[pytest]\npythonpath = .\nbattle_world = simulated\n")
    said = run_pytest(github)
    assert said.status == 1
    errors = re.findall(r"^::error .*$", said.text, re.MULTILINE)
    places = [re.match(r"::error file=(.*?),line=(\d+),", error).groups() for error in errors]
    assert places == [("battle_ours.py", str(LOST_LINE)), ("test_ours.py", "9")]
    summary = (github / "github-STEP_SUMMARY").read_text()
    assert summary.count("| FAIL | Lossy |") == 3
    assert summary.count("| PASS | Steady |") == 1
