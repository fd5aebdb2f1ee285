"""What runs amount to, how a suite is chosen, and how its report reads."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import HttpConstant, MockProvider, Scenario, ScenarioError, Slo, seconds
from battle.analysis.findings import EXIT_STATUS
from battle.cli.exit_status import INTERRUPTED
from battle.cli.suite import exit_status
from battle.scenario.loader import Candidate, Unloadable
from battle.scenario.validation import scenario_problems
from battle.suite.files import render_html, render_junit, render_markdown
from battle.suite.results import REASONS_SHOWN, SuiteReport, SuiteRun, by_scenario, headline_of, verdict_of
from battle.suite.selection import FAST, FULL, selected
from battle.suite.table import suite_lines

STATUSES = ("PASS", "FAIL", "INCONCLUSIVE", "crashed", "wrong scenario", "not run")


def run(scenario: str, status: Any, *reasons: str, seed: int = 1, directory: str | None = None) -> SuiteRun:
    return SuiteRun(
        scenario=scenario, seed=seed, status=status, reasons=reasons, took_ns=10**9, directory=directory
    )


def report(*runs: SuiteRun, interrupted: bool = False, repeat: int = 1) -> SuiteReport:
    return SuiteReport(
        schema_version=1, suite_id="now-fast-simulated", selection="fast", world="simulated", gateway=None,
        seed=1, repeat=repeat, started_at="2026-01-02T03:04:05+00:00", interrupted=interrupted,
        verdict=verdict_of(runs), headline=headline_of(runs), runs=runs,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["PASS"], 0),
        (["PASS", "INCONCLUSIVE"], 3),
        (["PASS", "crashed"], 3),
        (["PASS", "not run"], 3),
        (["not run", "INCONCLUSIVE", "FAIL", "PASS"], 1),
        (["PASS", "wrong scenario"], 2),
        (["FAIL", "wrong scenario", "not run"], 2),
    ],
)
def test_fail_beats_inconclusive_beats_pass(statuses, status):
    runs = [run(str(number), each) for number, each in enumerate(statuses)]
    assert exit_status(report(*runs)) == status


def tagged(name: str, *tags: str) -> Candidate:
    return Candidate(name, Scenario(name, providers=[MockProvider("a")], workloads=[], tags=tags))


def test_of_the_tags_of_full_one_is_enough_and_a_typed_one_must_be_there():
    own = [tagged("a", "fast"), tagged("b", "mine"), tagged("c", "soak", "fast")]
    assert selected(own, FULL) == [own[0], own[2]]
    assert selected(own, FULL, skip_tags=("soak",)) == [own[0]]
    assert selected(own, (), skip_tags=("fast",)) == [own[1]]
    with pytest.raises(ScenarioError, match="no scenario has the tag 'slow'"):
        selected(own, ("fast", "slow"))
    with pytest.raises(ScenarioError, match="no scenario has the tag 'fast'"):
        selected(own[1:2], FULL)
    with pytest.raises(ScenarioError, match="there is no scenario to run"):
        selected(own[:1], FAST, skip_tags=("fast",))


def test_an_interrupted_suite_says_so_whatever_it_found():
    assert exit_status(report(run("a", "FAIL"), run("b", "not run"), interrupted=True)) == INTERRUPTED == 130


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=8))
def test_only_passes_make_a_pass(statuses):
    made = report(*(run(str(number), each) for number, each in enumerate(statuses)))
    assert (made.verdict == "PASS") == (set(statuses) == {"PASS"})
    assert (made.verdict == "FAIL") == ("FAIL" in statuses)
    assert exit_status(made) == (2 if "wrong scenario" in statuses else EXIT_STATUS[made.verdict])


def test_the_runs_of_a_scenario_are_one_row_which_shows_the_worst():
    runs = [
        run("a", "PASS", seed=1, directory="one"),
        run("b", "PASS", seed=1),
        run("a", "INCONCLUSIVE", "no effect", seed=2, directory="two"),
        run("a", "FAIL", "too slow", "and more", seed=3, directory="three"),
        run("a", "FAIL", "too slow", seed=4, directory="four"),
    ]
    first, second = by_scenario(runs)
    assert (first.scenario, first.status, first.passed, first.runs) == ("a", "FAIL", 1, 4)
    assert first.shown.directory == "three"
    assert first.reasons == ("seed 2: no effect", "seeds 3, 4: too slow")
    assert (second.status, second.reasons, second.took_ns) == ("PASS", (), 10**9)


def test_only_the_first_reasons_are_shown():
    [row] = by_scenario([run("a", "FAIL", *(f"reason {number}" for number in range(REASONS_SHOWN + 2)))])
    assert row.reasons == (*(f"reason {number}" for number in range(REASONS_SHOWN)), "and 2 more")
    many = [run("a", "FAIL", "same", seed=seed) for seed in range(1, 9)]
    assert by_scenario(many)[0].reasons == ("seeds 1, 2, 3, 4, 5 and 3 more: same",)


def test_the_headline_counts():
    assert headline_of([run("a", "PASS"), run("b", "PASS")]) == "all of 2 runs passed, in 2 s"
    runs = [run("a", "PASS"), run("b", "FAIL"), run("c", "crashed"), run("d", "not run"), run("e", "FAIL")]
    assert headline_of(runs) == "2 failed, 1 crashed, 1 not run, 1 passed, in 5 s"
    wrong = [run("a", "PASS"), run("b", "wrong scenario"), run("c", "wrong scenario")]
    assert headline_of(wrong) == "2 wrong scenarios, 1 passed, in 3 s"


MIXED = report(
    run("smoke", "PASS", directory="../../smoke run"),
    run("a|b", "FAIL", "<script>alert(1)</script>", "\x1b[31mred", directory="../../second"),
    run("third", "not run", "only the embedded gateway runs in the simulated world"),
)


def test_the_table_says_why_below_each_that_did_not_pass():
    lines = list(suite_lines(MIXED, Path("out/suites/now")))
    assert lines[0] == "FAIL: 1 failed, 1 not run, 1 passed, in 3 s"
    text = "\n".join(lines)
    assert re.search(r"smoke +PASS +1/1 +1 s +out/smoke run/report.md", text)
    assert re.search(r"a\|b +FAIL +0/1 +1 s +out/second/report.md\n    <script>.*\n    \\x1b\[31mred\n", text)
    assert re.search(r"third +not run +0/1 +1 s +-\n    only the embedded", text)
    for name in ("suite.md", "suite.html", "suite.json", "suite-junit.xml"):
        assert f"out/suites/now/{name}" in text
    assert "\x1b" not in text


def test_the_markdown_and_html_link_each_report_and_escape_what_they_say():
    markdown, html = render_markdown(MIXED), render_html(MIXED)
    assert markdown.startswith("# FAIL: 1 failed")
    assert "[report](<../../smoke run/report.md>)" in markdown
    assert "| a\\|b | FAIL |" in markdown
    assert "<script>" not in markdown + html
    assert 'href="../../smoke%20run/report.html"' in html
    assert "\x1b" not in markdown


def test_html_lists_each_run_only_when_there_are_several_of_a_scenario():
    twice = report(run("a", "PASS", seed=1), run("a", "PASS", seed=2), repeat=2)
    assert "<h2>Runs</h2>" in render_html(twice)
    assert "<h2>Runs</h2>" not in render_html(MIXED)
    assert "seeds 1 to 2" in render_markdown(twice)


def test_junit_has_an_error_for_what_was_not_run():
    root = ElementTree.fromstring(
        render_junit(report(run("a", "not run", "why"), run("b", "crashed", "x")), [])
    )
    assert [(one.get("name"), one.get("errors")) for one in root] == [
        ("a (simulated, seed 1)", "1"),
        ("b (simulated, seed 1)", "1"),
    ]
    assert root[0].find("testcase/error").get("message") == "why"


# Choosing


def candidate(name: str, *tags: str) -> Candidate:
    load = [HttpConstant("eth_chainId", rate=1, duration=seconds(1))]
    return Candidate(name, Scenario(name, providers=[MockProvider("a")], workloads=load, tags=tags))


ALL = [candidate("a", "fast"), candidate("b", "slow"), candidate("c"), candidate("d", "slow", "mine")]


@pytest.mark.parametrize(
    ("tags", "names"), [(FAST, "a"), (("slow",), "bd"), (("mine", "fast"), "ad"), ((), "abcd")]
)
def test_scenarios_are_chosen_by_their_tags(tags, names):
    assert "".join(one.name for one in selected(ALL, tags)) == names


def test_one_that_is_found_twice_is_run_once():
    assert len(selected([*ALL, *ALL], ())) == 4


def test_a_label_that_nobody_carries_is_told():
    with pytest.raises(ScenarioError, match=r"has the tag 'fats'; the tags are: fast, mine, slow"):
        selected(ALL, ("fast", "fats"))
    with pytest.raises(ScenarioError, match="none of them has any"):
        selected([candidate("c")], FAST)
    with pytest.raises(ScenarioError, match="no scenario to run"):
        selected([], ())


def test_a_file_that_cannot_be_loaded_is_always_among_them():
    broken = Unloadable("broken.py", "SyntaxError")
    assert selected([*ALL, broken], ("fast",)) == [ALL[0], broken]
    assert selected([broken, *ALL], ("fast", "fats")) == [broken, ALL[0]], "the tag may be in that file"
    assert selected([broken, *ALL, broken], FAST) == [broken, ALL[0]]


def test_files_that_cannot_be_loaded_alone_are_no_suite():
    broken, other = Unloadable("broken.py", "a sentence"), Unloadable("other.py", "another")
    with pytest.raises(ScenarioError, match=r"^a sentence; another$"):
        selected([broken, other, broken, ALL[1]], FAST)


def test_a_label_is_a_name():
    problems = list(
        scenario_problems(msgspec.structs.replace(ALL[0].scenario, tags=("fast", "Too Loud"), slo=Slo()))
    )
    assert problems == ["tag 'Too Loud': a tag is a lower-case letter, then up to 31 of a-z 0-9 _ -"]
    assert FULL == ("fast", "slow", "soak")
