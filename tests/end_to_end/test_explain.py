"""`battle explain` on a run in which a provider is killed."""

import json
import re

import pytest

from battle import run_scenario
from battle.analysis.explain.lines import WIDTH
from battle.cli.app import run_command_line
from battle.scenario.loader import load_scenario


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    out = tmp_path_factory.mktemp("explained")
    return run_scenario(load_scenario("smoke"), world="simulated", out=out).run_dir


def explained(capsys, *arguments):
    status = run_command_line(["explain", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_slowest_is_the_one_whose_provider_was_killed_under_it(run_dir, capsys):
    status, text, _ = explained(capsys, run_dir, "--worst", 1)
    assert status == 0
    for line in (
        r"^w0-\d+: the right answer, .* after its scheduled time \(eth_\w+, workload main\)",
        r"^  In short: a failed after .*kill-a.1",
        r"^ +\+0.00 ms  client +scheduled: eth_",
        r"chaos +· fault kill-a.1 \(kill at a\) begins",
        r"gateway +✗ attempt 1 to a failed after .*: the connection was",
        r"gateway +attempt 2 goes to b: a retry, because attempt 1 failed",
        r"provider b +replied: HTTP 200",
        r"client +✓ got the right answer \(HTTP 200\)",
        r"^  Where the .* went",
        r"provider b at work$",
    ):
        assert re.search(line, text, re.MULTILINE), text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_request_in_the_outage_says_why_its_favourite_was_skipped(run_dir, capsys):
    _, text, _ = explained(capsys, run_dir, "w0-120")
    assert "fault kill-a.1 (kill at a) had been in force for " in text
    assert "the breaker of a had been open for " in text
    assert "skips a: its breaker is open" in text


def test_as_json_each_story_is_told_with_its_parts(run_dir, capsys):
    _, text, _ = explained(capsys, run_dir, "--worst", 2, "--json")
    stories = json.loads(text)
    assert len(stories) == 2
    assert stories[0]["outcome"] == "ok"
    assert stories[0]["steps"][0] == {
        "at_ns": stories[0]["origin_ns"],
        "who": "client",
        "text": stories[0]["steps"][0]["text"],
        "tone": "plain",
    }
    spent = sum(share["spent_ns"] for share in stories[0]["shares"])
    assert spent == stories[0]["ended_ns"] - stories[0]["origin_ns"]


@pytest.mark.parametrize(
    ("pick", "said"), [("errors", "Every request succeeded."), ("wrong", "No answer was wrong")]
)
def test_that_there_is_nothing_to_tell_is_told(run_dir, capsys, pick, said):
    status, text, _ = explained(capsys, run_dir, f"--{pick}", 5)
    assert (status, text.startswith(said)) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["w0-99999"], "the log has no request 'w0-99999': the nearest ids are "),
        (["\x1b[31m"], "the log has no request '\\x1b[31m'"),
        ([], "name one request"),
        (["w0-1", "--worst", "3"], "name one request"),
        (["--worst", "0"], "--worst takes 1 to 100, not 0"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(run_dir, capsys, arguments, said):
    status, text, complaint = explained(capsys, run_dir, *arguments)
    assert (status, text) == (2, "")
    assert said in complaint
    assert len(complaint.splitlines()) == 1
