"""Battles run under pytest, by the fixture and by collected files, in projects of their own."""

import json
import re
from pathlib import Path

import pytest

from tests.battle.pytest_plugin.projects import (
    CHEATED,
    OURS,
    UNJUDGED,
    Said,
    outcomes,
    properties,
    run_pytest,
)

pytestmark = pytest.mark.whole

TESTS = """
import pytest

from battle import EmbeddedGateway, ScenarioError
from battle_ours import lossy


@pytest.fixture(scope="module")
def shared(battle):
    return battle.run("unjudged.battle.toml", seed=8)


def test_passes(battle, tmp_path):
    steadfast = EmbeddedGateway(strategy="priority")
    result = battle.run("battle_ours.py:lossy", gateway=steadfast, seed=7, out=tmp_path)
    assert result.passed, result.summary
    assert result
    assert result.verdict == "PASS"
    assert result.reasons == ()
    assert result.report.run.seed == 7
    assert result.run_dir.parent == tmp_path
    [row] = result.sql("SELECT count(*) AS n, count(*) FILTER (outcome = 'ok') FROM requests")
    assert row == (40, 40)
    assert row.n == 40


@pytest.mark.battle_slow
def test_bare_assert(battle):
    assert battle.run(lossy).passed


def test_with_summary(shared):
    assert shared.passed, shared.summary


def test_without_summary(shared):
    assert not shared.reasons


def test_inconclusive_is_not_passed(shared):
    assert shared.verdict == "INCONCLUSIVE"
    assert shared.passed is False
    assert not shared


def test_mistake(battle):
    with pytest.raises(ScenarioError):
        battle.run(lossy, gateway="haproxy")
    battle.run("no_such")


def test_query(shared):
    shared.sql("DROP TABLE requests")
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> Said:
    """A project with everything in it, after a run of all its tests."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n"
        "pythonpath = .\nbattle_world = simulated\nbattle_seed = 3\nbattle_out = runs\n"
    )
    (directory / "battle_ours.py").write_text(OURS)
    (directory / "cheated.battle.toml").write_text(CHEATED)
    (directory / "unjudged.battle.toml").write_text(UNJUDGED)
    (directory / "test_ours.py").write_text(TESTS)
    return run_pytest(directory, "-p", "no:cacheprovider", "--junitxml", "junit.xml", "--battle-seed", "4")


def block(said: Said, test: str) -> str:
    """What pytest says about a test that failed."""
    return str(said.cases()[test].find("failure").text)


def report_of(said: Said, test: str) -> dict:
    run_dir = dict(properties(said.cases()[test]))["battle_run_dir"]
    return json.loads((Path(run_dir) / "report.json").read_text())


def test_each_scenario_and_each_test_has_its_outcome(said):
    assert outcomes(said) == {
        "battle_ours::scenario": "passed",
        "battle_ours::lossy": "failure",
        "cheated.battle.toml::scenario": "failure",
        "unjudged.battle.toml::scenario": "failure",
        "test_ours::test_passes": "passed",
        "test_ours::test_bare_assert": "failure",
        "test_ours::test_with_summary": "failure",
        "test_ours::test_without_summary": "failure",
        "test_ours::test_inconclusive_is_not_passed": "passed",
        "test_ours::test_mistake": "failure",
        "test_ours::test_query": "failure",
    }
    assert said.status == 1


@pytest.mark.parametrize(
    "test", ["battle_ours::lossy", "test_ours::test_bare_assert", "unjudged.battle.toml::scenario"]
)
def test_a_failure_says_why_and_where(said, test):
    report = report_of(said, test)
    message = block(said, test)
    assert f"{report['verdict']} against {report['run']['gateway']}: {report['headline']}" in message
    assert report["reasons"]
    for reason in report["reasons"]:
        assert reason in message
        assert reason in said.text
    assert f"/{report['run']['run_id']}/report.html" in message


def test_a_finding_shows_its_evidence(said):
    report = report_of(said, "cheated.battle.toml::scenario")
    [finding] = [one for one in report["findings"] if one["verdict"] == "FAIL"]
    message = block(said, "cheated.battle.toml::scenario")
    assert finding["ids"]
    assert f"seen in {', '.join(finding['ids'])}" in message
    assert f"battle sql {said.directory}/runs/{report['run']['run_id']} " in message


def test_a_failure_shows_nothing_of_our_own_code(said):
    assert "battle/pytest_plugin/" not in said.text
    assert "run_scenario" not in said.text
    assert block(said, "battle_ours::lossy").startswith("FAIL against embedded (priority): ")
    for test, mistake in (("test_mistake", "no scenario 'no_such'"), ("test_query", "DROP is not allowed")):
        message = block(said, f"test_ours::{test}")
        assert mistake in message
        assert message.count("\n>  ") == 1


def test_a_summary_that_the_test_gives_is_not_repeated(said):
    headline = report_of(said, "unjudged.battle.toml::scenario")["headline"]
    for test in ("test_ours::test_with_summary", "test_ours::test_without_summary"):
        assert block(said, test).count(f"INCONCLUSIVE against embedded (priority): {headline}") == 1


def test_options_and_settings_reach_each_run_unless_it_says_otherwise(said):
    cases = said.cases()
    assert properties(cases["battle_ours::lossy"])[:5] == [
        ("battle_verdict", "FAIL"),
        ("battle_scenario", "Lossy"),
        ("battle_world", "simulated"),
        ("battle_seed", "4"),
        ("battle_gateway", "embedded (priority)"),
    ]
    assert dict(properties(cases["battle_ours::lossy"]))["battle_test"] == "battle_ours.py::lossy"
    assert dict(properties(cases["test_ours::test_passes"]))["battle_seed"] == "7"
    kept = {path.name for path in (said.directory / "runs").iterdir()}
    assert report_of(said, "battle_ours::lossy")["run"]["run_id"] in kept


def test_each_run_has_a_line_at_the_end(said):
    [found] = re.findall(r"^=+ battle =+\n((?:.*\n)*?)=", said.text, re.M)
    lines = found.splitlines()
    runs = [
        value
        for case in said.cases().values()
        for name, value in properties(case)
        if name == "battle_run_dir"
    ]
    assert len(lines) == len(runs) == len(set(runs)) == 7
    assert sum(line.startswith("PASS   ") for line in lines) == 2
    assert sum(line.startswith("FAIL   ") for line in lines) == 3
    [unjudged, shared] = [
        line for line in lines if line.startswith("INCONCLUSIVE  Unjudged (simulated, seed ")
    ]
    assert "seed 4, gateway embedded (priority))" in unjudged + shared
    assert "seed 8, gateway embedded (priority))" in unjudged + shared
    assert any("  test_ours.py::test_passes  " in line for line in lines)
    report = Path(unjudged.split()[-1])
    assert report.parts[0] == "runs"
    assert (said.directory / report).is_file()


SPREAD = """
import pytest

@pytest.mark.parametrize("seed", [1, 2])
def test_seed(battle, seed):
    assert battle.run("steady.battle.toml", seed=seed).passed
"""


def test_workers_share_a_directory_and_tell_the_controller(tmp_path):
    (tmp_path / "steady.battle.toml").write_text(
        UNJUDGED.replace("Unjudged", "Steady") + "[slo]\nsuccess_rate = 1\n"
    )
    (tmp_path / "test_spread.py").write_text(SPREAD)
    said = run_pytest(
        tmp_path, "-n", "2", "--junitxml", "junit.xml", "--battle-world", "simulated", "--battle-out", "runs"
    )
    assert said.status == 0, said.text
    runs = [dict(properties(case)) for case in said.cases().values()]
    assert sorted(run["battle_seed"] for run in runs) == ["1", "1", "2"]
    directories = {Path(run["battle_run_dir"]) for run in runs}
    assert len(directories) == 3
    assert {path.parent for path in directories} == {tmp_path / "runs"}
    assert (tmp_path / "runs" / "latest").resolve() in directories
    for directory in directories:
        assert re.search(
            rf"^PASS +Steady \(simulated, seed \d, gateway .*\)  \S+::\S+  runs/{directory.name}/report",
            said.text,
            re.M,
        )


TRYING_AGAIN = """
import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for item.execution_count in (1, 2, 3):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if all(report.passed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
"""What plugins that run a failed test again do."""

AGAIN = """
def test_flaky(battle, request):
    seed = request.node.execution_count
    assert battle.run("steady.battle.toml", seed=seed)
    assert seed == 3
"""


@pytest.fixture
def steady(tmp_path):
    (tmp_path / "steady.battle.toml").write_text(
        UNJUDGED.replace("Unjudged", "Steady") + "[slo]\nsuccess_rate = 1\n"
    )
    (tmp_path / "test_again.py").write_text(AGAIN)
    (tmp_path / "conftest.py").write_text(TRYING_AGAIN)
    return tmp_path


def test_a_test_that_is_tried_again_has_the_properties_of_its_last_try(steady):
    said = run_pytest(steady, "test_again.py", "--junitxml", "junit.xml", "--battle-world", "simulated")
    assert said.status == 0, said.text
    [case] = said.cases().values()
    assert [value for name, value in properties(case) if name == "battle_seed"] == ["3"]
    assert [said.text.count(f"(simulated, seed {seed}, ") for seed in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("asked", [("--battle-no-properties",), ("-o", "battle_properties=false")])
def test_properties_can_be_left_out(steady, asked):
    """The lines at the end are there all the same, also of what workers ran."""
    (steady / "conftest.py").unlink()
    said = run_pytest(
        steady, "-n", "2", "-k", "scenario", "--junitxml", "junit.xml", "--battle-world", "simulated", *asked
    )
    assert said.status == 0, said.text
    assert [properties(case) for case in said.cases().values()] == [[]]
    assert said.text.count("PASS          Steady (simulated, seed 1, gateway ") == 1


CUT_SHORT = """
import os
import signal
import threading
import time

import pytest


def when_loaded(out, number):
    def watch():
        while not any(path.stat().st_size for path in out.glob("*/events/load*.ndjson")):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=watch, daemon=True).start()


def test_alarm(battle, tmp_path):
    before = signal.signal(signal.SIGALRM, lambda *rings: pytest.fail("it rang"))
    when_loaded(tmp_path, signal.SIGALRM)
    try:
        battle.run("long_soak", world="simulated", out=tmp_path)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_control_c(battle, tmp_path):
    when_loaded(tmp_path, signal.SIGINT)
    battle.run("http_failover", world="live", out=tmp_path)


def test_after():
    pass
"""


@pytest.mark.live
@pytest.mark.alone
@pytest.mark.thorough
def test_who_interrupts_gets_a_run_that_ended_well(tmp_path):
    (tmp_path / "test_cut_short.py").write_text(CUT_SHORT)
    said = run_pytest(tmp_path, "-W", "error", "--junitxml", "junit.xml", "-v")
    assert said.status == 2, said.text
    assert "Failed: it rang" in said.text
    assert re.search(r"^! KeyboardInterrupt: battle \S+-live was interrupted !$", said.text, re.M)
    assert "test_after PASSED" not in said.text
    alarm, control_c = re.findall(r"^(?:FAIL|INCONCLUSIVE) .*  (\S+)/report.html$", said.text, re.M)
    for run_dir in (alarm, control_c):
        assert json.loads((Path(tmp_path) / run_dir / "report.json").read_text())["run"]["partial"]
