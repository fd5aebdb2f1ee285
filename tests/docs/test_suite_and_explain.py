"""What docs/suite.md and docs/explain.md show is what the commands do."""

import re
from typing import Any

import pytest

from battle.cli.app import load_command, run_command_line
from battle.scenario.validation import scenario_problems
from battle.suite.files import SUITE_FILES
from battle.suite.selection import FULL
from battle.suite.table import suite_lines
from tests.battle.suite.test_results import MIXED
from tests.docs.pages import DOCS, blocks
from tools import docs
from tools.docs.explained import stories, story

pytestmark = pytest.mark.whole

SUITE = (DOCS / "suite.md").read_text()
EXPLAIN = (DOCS / "explain.md").read_text()


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return docs.make_run("http_failover", tmp_path_factory.mktemp("http_failover"))


def test_the_stories_are_those_that_are_told(run_dir):
    shown = stories(EXPLAIN)
    assert len(shown) == 2
    for run, request, printed in shown:
        assert run == "http_failover"
        assert story(run_dir, request) == printed
    assert docs.explained(EXPLAIN, {"http_failover": run_dir}) == EXPLAIN


def test_the_first_story_is_the_worst_of_that_run(run_dir, capsys):
    assert run_command_line(["explain", str(run_dir), "--worst", "1"]) == 0
    assert capsys.readouterr().out == stories(EXPLAIN)[0][2]


def test_the_example_of_a_scenario_is_sound():
    [code] = blocks(DOCS / "suite.md", "python")
    names: dict[str, Any] = {}
    exec(code, names)
    assert list(scenario_problems(names["scenario"])) == []
    assert names["scenario"].tags == ("fast", "payments")


@pytest.mark.parametrize("word", [*FULL, *SUITE_FILES])
def test_the_page_on_suites_leaves_nothing_out(word):
    assert f"`{word}`" in SUITE


def test_the_table_looks_as_shown(tmp_path):
    headings = next(line for line in suite_lines(MIXED, tmp_path) if line.startswith("scenario"))
    assert re.search(rf"^    {' +'.join(headings.split())}$", SUITE, re.MULTILINE)


@pytest.mark.parametrize(("page", "command"), [(SUITE, "suite"), (EXPLAIN, "explain")])
def test_each_command_shown_has_only_options_there_are(page, command):
    known = {option for parameter in load_command(command).params for option in parameter.opts}
    lines = re.findall(rf"^    battle {command}( .*?)?(?: *#.*)?$", page, re.MULTILINE)
    assert len(lines) >= 5
    assert set(re.findall(r"--\w+", " ".join(lines))) <= known
