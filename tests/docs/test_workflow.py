"""The workflow of GitHub Actions calls what exists, and keeps the rules that actionlint does not know."""

import re

import pytest
import yaml

from battle.defaults import DEFAULT_OUT
from battle.run.directory import LATEST
from battle.suite.files import SUITE_FILES
from battle.suite.runner import SUITES
from tests.docs.pages import ROOT

TEXT = (ROOT / ".github" / "workflows" / "battle-tests.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
TRIGGERS = WORKFLOW[True]  # YAML 1.1 takes the key `on` for a truth value
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]


def test_it_runs_on_pull_requests_on_main_and_every_night():
    assert TRIGGERS.keys() >= {"pull_request", "push", "schedule"}
    assert TRIGGERS["push"] == {"branches": ["main"]}
    assert WORKFLOW["concurrency"]["group"]


def test_it_may_read_and_nothing_else():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [name for name, job in JOBS.items() if "permissions" in job] == []
    assert "secrets." not in TEXT
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("job", JOBS)
def test_each_job_is_bounded_and_its_actions_are_pinned(job):
    assert JOBS[job]["timeout-minutes"]
    for step in JOBS[job]["steps"]:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v0"))


def test_reports_are_kept_and_shown_whatever_happened():
    kept = [step for step in STEPS if step.get("uses", "").startswith("actions/upload-artifact@")]
    shown = [step for step in STEPS if "GITHUB_STEP_SUMMARY" in step.get("run", "")]
    assert [step["if"] for step in [*kept, *shown]] == ["always()", "always()"]
    assert kept[0]["with"]["path"] == str(DEFAULT_OUT)
    assert f"{DEFAULT_OUT}/{SUITES}/{LATEST}/{SUITE_FILES[0]}" in shown[0]["run"]


def test_what_it_makes_can_be_made():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    made = [step["run"].removeprefix("make ") for step in STEPS if step.get("run", "").startswith("make ")]
    assert {"test", "lint", "types", "contract", "workflows"} <= set(made) <= set(targets)
