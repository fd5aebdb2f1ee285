"""A suite where a command takes a run: it stands for each of its runs."""

import json
from pathlib import Path

import msgspec
import pytest

from battle.analysis.baselines import files
from battle.cli.app import run_command_line
from battle.history.store import read
from tests.battle.analysis.reports.report_runs import golden_run
from tests.headers import replace_header

RESULTS = Path("battle_results")


def row(scenario, seed, status, directory=None):
    return {
        "scenario": scenario,
        "seed": seed,
        "status": status,
        "directory": directory and f"../../{directory}",
    }


def suite_of(*runs):
    """A suite `night`, which is the newest one too."""
    suites = RESULTS / "suites"
    (suites / "night").mkdir(parents=True)
    (suites / "latest").symlink_to("night")
    (suites / "night" / "suite.json").write_bytes(msgspec.json.encode({
        "schema_version": 1, "suite_id": "night", "selection": "fast", "world": "live", "gateway": None, "seed": 1,
        "repeat": 1, "started_at": "2026-01-02T03:04:00+00:00", "interrupted": False, "verdict": "FAIL",
        "headline": "as it is", "runs": runs,
    }))  # fmt: skip


def run(name, scenario, *, success_rate=0.5):
    run_dir = golden_run(RESULTS / name, slo={"success_rate": success_rate})
    header = json.loads((run_dir / "run.json").read_text())
    replace_header(run_dir, {**header, "run_id": name, "scenario": {"name": scenario}})


@pytest.fixture(autouse=True)
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("first", "one")
    run("second", "one")
    run("other", "two")
    run("lost", "three", success_rate=1)
    suite_of(
        row("one.py", 1, "PASS", "first"),
        row("lost.py", 1, "FAIL", "lost"),
        row("two.py", 1, "PASS", "other"),
        row("one.py", 2, "PASS", "second"),
        row("never.py", 1, "crashed"),
    )


def baselines():
    return {
        one.identity.scenario: one.runs[0].run_id
        for path in files.paths(Path("b"))
        if (one := files.load(path))
    }


@pytest.mark.parametrize("named", ["suites/latest", "night", "battle_results/suites/night"])
def test_each_run_that_passed_becomes_a_baseline_and_the_others_are_named(named, capsys):
    assert run_command_line(["baseline", "save", named, "--dir", "b"]) == 2
    said = capsys.readouterr()
    assert baselines() == {"one": "first", "two": "other"}
    assert said.out.count("is now the baseline") == 2
    assert "not saved: one.py, seed 2: its scenario has one.py, seed 1\n" in said.out
    lost, crashed = said.err.splitlines()
    assert lost.startswith("battle: not saved: lost.py, seed 1: lost is FAIL (")
    assert crashed == "battle: not saved: never.py, seed 1: there is no run: crashed"


def test_a_suite_that_passed_is_saved_with_exit_status_0_and_compared(capsys):
    path = RESULTS / "suites" / "night" / "suite.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "runs": [data["runs"][0], data["runs"][2]]}))
    assert run_command_line(["baseline", "save", "suites/latest", "--dir", "b"]) == 0
    capsys.readouterr()
    run_command_line(["compare", "night", "--dir", "b", "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_one_name_is_not_given_to_several_runs(capsys):
    assert run_command_line(["baseline", "save", "night", "--name", "x", "--dir", "b"]) == 2
    assert capsys.readouterr().err == "battle: --name is for one run, and the suite has 5 runs\n"
    assert not Path("b").exists()


def test_the_runs_of_a_suite_are_added_to_the_history_each_once(capsys):
    assert run_command_line(["history", "add", "suites/latest", "first"]) == 0
    said = capsys.readouterr()
    assert said.out.count("first is in") == 1
    assert {row.run_id for row in read(Path("battle_history"))} == {"first", "second", "other", "lost"}
    assert said.err == "battle: not added: never.py, seed 1: there is no run: crashed\n"


def test_a_run_of_a_suite_that_cannot_be_added_does_not_keep_the_others_out(capsys):
    (RESULTS / "lost").rename("elsewhere")
    assert run_command_line(["history", "add", "night"]) == 2
    assert "battle: not added: lost.py, seed 1: there is no run" in capsys.readouterr().err
    assert {row.run_id for row in read(Path("battle_history"))} == {"first", "second", "other"}


def test_what_is_no_report_of_a_suite_is_one_sentence(capsys):
    (RESULTS / "suites" / "night" / "suite.json").write_text("{")
    for words in (["baseline", "save"], ["history", "add"], ["compare"]):
        assert run_command_line([*words, "night"]) == 2
        assert "suite.json is no report of a suite" in capsys.readouterr().err
