"""What a choice by tags does not run is said wherever the verdict is."""

import json
from xml.etree import ElementTree

import pytest

from battle import Scenario
from battle.cli.app import run_command_line
from battle.errors import BattleError
from battle.formatting import LISTED_MAX
from battle.scenario.loader import Candidate, Unloadable
from battle.suite import runner
from battle.suite.selection import FULL, left_out

TAGGED = """
from battle import HttpConstant, MockProvider, Scenario, Slo, seconds

scenario = Scenario(
    "Tagged", providers=[MockProvider("a")], workloads=[HttpConstant("eth_chainId", rate=30, duration=seconds(1))],
    slo=Slo(success_rate=0.9), tags=TAGS,
)
"""
FORGOTTEN = (
    "2 scenarios were left out, because they have none of the tags fast, slow, soak: tg/mine.py, tg/none.py"
)


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """Scenarios with several tags; none of them is really run."""

    def refuse(scenario, **_):
        raise BattleError("not now")

    monkeypatch.setattr(runner, "run_scenario", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tg").mkdir()
    for name, tags in {"fast": ("fast",), "mine": ("mine",), "none": (), "soak": ("soak",)}.items():
        (tmp_path / "tg" / f"{name}.py").write_text(TAGGED.replace("TAGS", repr(tags)))
    return tmp_path


def suite(*arguments):
    return run_command_line(["suite", "tg", "--world", "simulated", "--quiet", *arguments])


def test_the_headline_names_scenarios_that_no_usual_suite_runs(directory, capsys):
    suite("--full", "--skip", "soak")
    said = capsys.readouterr().out
    assert said.splitlines()[0].endswith(f"; {FORGOTTEN}")
    assert said.count("2 scenarios") == 1
    assert "  left out, as asked for: tg/soak.py\n" in said
    made = directory / "battle_results" / "suites" / "latest"
    data = json.loads((made / "suite.json").read_text())
    assert data["skipped"] == [FORGOTTEN, "left out, as asked for: tg/soak.py"]
    assert data["left_out"] == ["tg/mine.py", "tg/none.py"]
    assert data["headline"].endswith(f"; {FORGOTTEN}")
    assert FORGOTTEN in (made / "suite.html").read_text().partition("</h1>")[0]
    assert "2 scenarios were left out" in (made / "suite.md").read_text().splitlines()[0]
    group = ElementTree.parse(made / "suite-junit.xml").getroot()[-1]
    assert (group.get("tests"), group.get("skipped"), group.get("failures")) == ("2", "2", "0")
    assert [case.get("classname") for case in group] == ["tg/mine.py", "tg/none.py"]
    assert {case.find("skipped").get("message") for case in group} == {FORGOTTEN}


def test_the_summary_of_a_job_says_it_too(directory, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(directory / "summary.md"))
    suite("--full")
    assert "2 scenarios were left out" in (directory / "summary.md").read_text().splitlines()[0]


def test_what_another_suite_runs_is_no_news(directory, capsys):
    suite("--tag", "mine", "--tag", "fast")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("; 1 scenario was left out, because it has none of the tags mine, fast: tg/none.py")
    assert "  left out, as asked for: tg/soak.py" in rest


def test_all_that_is_there_leaves_nothing_out(directory, capsys):
    suite()
    assert "left out" not in capsys.readouterr().out


def test_many_names_are_counted_and_each_is_there_once():
    scenario = Scenario("One", providers=[], workloads=[])
    many = [Candidate(f"s{number}", scenario) for number in range(LISTED_MAX + 2)]
    found = left_out([*many, *many, Unloadable("broken.py", "oh")], FULL)
    assert found.forgotten_text.startswith("7 scenarios were left out")
    assert found.forgotten_text.endswith(": s0, s1, s2, s3, s4 and 2 more")
    assert left_out(many, ("mine",)).forgotten_text.startswith(
        "7 scenarios were left out, because they have no tag mine"
    )
    assert left_out(many, ()).forgotten_text is None
