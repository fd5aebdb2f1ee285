"""Each example in docs/pytest.md does what the page says."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from battle.pytest_plugin.options import MARKS
from battle.pytest_plugin.record import REPORT
from battle.pytest_plugin.result import BattleResult
from tests.battle.pytest_plugin.projects import Said, outcomes, run_pytest
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "pytest.md"
TEXT = PAGE.read_text()
FILES = [block for language in ("python", "toml") for block in blocks(PAGE, language)]


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> Said:
    """All the page's files in one project, run as the page says."""
    directory = tmp_path_factory.mktemp("page")
    for block in FILES:
        name = re.match(r"# (\S+)\n", block)
        assert name, f"an example does not say which file it is: {block[:60]}"
        (directory / name[1]).write_text(block)
    [ini] = blocks(PAGE, "ini")
    (directory / "pytest.ini").write_text(ini)
    return run_pytest(
        directory, "-m", "not battle_slow and not battle_soak", "--strict-markers", "--junitxml", "junit.xml"
    )


def test_each_example_does_what_the_page_says(said):
    found = outcomes(said)
    assert {name for name, outcome in found.items() if outcome != "passed"} == {"test_lost::test_lost"}, (
        said.text
    )
    assert found.keys() >= {
        "battle_flaky::scenario",
        "test_gateway::test_one_of_two_may_die[1]",
        "test_log::test_few_attempts_go_to_the_dead",
        "test_names::test_both",
        "test_shared::test_all_answers_are_right",
        "test_smoke::test_smoke",
    }
    assert "2 deselected" in said.text, "the soak, and the plain scenario that carries the tag slow"


def test_a_failure_reads_as_the_page_shows(said):
    [shown] = [block for block in blocks(PAGE, "text") if block.startswith("FAIL against ")]
    message = said.cases()["test_lost::test_lost"].find("failure").text
    *lines, report = shown.splitlines()
    for line in lines:
        assert line in message
    assert Path(report.split()[-1]).name == REPORT
    assert re.search(rf"report  \S+/battle_results/\S+/{REPORT}", message)


def test_commands_choose_what_is_there(said):
    commands = re.findall(r"^\$ pytest (.*)$", TEXT, re.M)
    assert commands
    for command in commands:
        chosen = run_pytest(said.directory, "--collect-only", "-q", *shlex.split(command))
        assert chosen.status == 0, chosen.text


def test_the_page_names_all_there_is():
    for name in [*(name for name in vars(BattleResult) if not name.startswith("_")), *MARKS]:
        assert f"`{name}" in TEXT, name


def test_the_workflow_runs_what_exists(said):
    [text] = blocks(PAGE, "yaml")
    steps = yaml.safe_load(text)["jobs"]["battles"]["steps"]
    commands = [step["run"] for step in steps if step.get("run", "").startswith("pytest ")]
    assert len(commands) == 2
    for command in commands:
        chosen = run_pytest(said.directory, "--collect-only", "-q", *shlex.split(command)[1:])
        assert chosen.status == 0, chosen.text
