"""The workflow of GitHub Actions calls what exists, and keeps the rules that actionlint does not know."""

import re

import pytest
import yaml

from battle.defaults import DEFAULT_OUT
from tests.docs.pages import ROOT
from tools.docs import workflow

TEXT = (ROOT / ".github" / "workflows" / "battle-tests.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
TRIGGERS = WORKFLOW[True]  # YAML 1.1 takes the key `on` for a truth value
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]


def test_it_runs_on_pull_requests_on_main_and_every_night():
    assert TRIGGERS.keys() >= {"pull_request", "push", "schedule"}
    assert TRIGGERS["push"] == {"branches": ["main"]}
    assert WORKFLOW["concurrency"]["group"]


def test_it_is_what_the_template_says():
    assert workflow.workflow() == TEXT, "the workflow is out of date: run `make pages`"


def test_it_may_read_and_only_the_comment_may_write():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert more["comment"] == {"contents": "read", "pull-requests": "write"}
    assert {name for name, may in more.items() if "write" in may.values()} == {"comment"}
    assert more.keys() == {"comment", "history"}, "which reads artifacts of earlier runs"
    assert set(re.findall(r"secrets\.(\w+)", TEXT)) == {"SLACK_WEBHOOK_URL"}
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("job", JOBS)
def test_each_job_is_bounded_and_its_actions_are_pinned(job):
    assert JOBS[job]["timeout-minutes"]
    for step in JOBS[job]["steps"]:
        assert re.fullmatch(r"actions/[\w/-]+@v\d+|\./", step.get("uses", "./"))


def test_reports_are_kept_whatever_happened():
    kept = [step for step in JOBS["battles"]["steps"] if step.get("uses", "").startswith("actions/upload-")]
    assert [step["if"] for step in kept] == ["always()", "always()"]
    assert kept[0]["with"]["path"].splitlines()[0] == str(DEFAULT_OUT)


def test_what_it_makes_can_be_made():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    made = [step["run"].removeprefix("make ") for step in STEPS if step.get("run", "").startswith("make ")]
    assert {"test", "lint", "types", "contract", "workflows"} <= set(made) <= set(targets)
