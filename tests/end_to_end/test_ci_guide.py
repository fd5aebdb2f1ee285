"""docs/ci.md, followed in a repository outside of this one: its commands, then the workflows that they make.

Battle comes from the wheel that the guide builds, what it depends on from this environment: no network is needed.
"""

import os
import re
import shlex
import shutil
import site
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.battle.ci.github_runner import GitHub, Step, pull_request
from tests.battle.ci.gitlab_runner import GitLab
from tests.battle.local_service import served
from tests.battle.notifications.services import TOKEN, Slack
from tests.battle.notifications.services import GitHub as GitHubApi

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW = ".github/workflows/battles.yml"
SLACK_PATH = "/services/T0PLANTED/B0PLANTED/planted0secret0of0slack0"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def section(title: str) -> str:
    """A part of the guide."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def script_of(part: str) -> str:
    """The files and commands of a part of the guide, in their order, as a script."""
    lines = ["set -eo pipefail"]
    blocks = re.findall(r"^```(python|console)\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    assert blocks
    for kind, text in blocks:
        if kind == "python":
            name = text.partition("\n")[0].removeprefix("# ")
            lines += [f"mkdir -p {Path(name).parent}", f"printf %s {shlex.quote(text)} > {name}"]
        else:
            commands = [line.removeprefix("$ ") for line in text.splitlines()]
            assert all(line.startswith("$ ") for line in text.splitlines()), text
            lines += commands
    return "\n".join(lines).replace("path/to/checkout", shlex.quote(str(ROOT)))


class Scratch(NamedTuple):
    """A repository outside of this one, and what its commands run with."""

    repository: Path
    environment: dict[str, str]

    def bash(self, script: str) -> str:
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=self.repository,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file of the repository, and commit that."""
        path = self.repository / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.bash("git commit -qam 'A change'")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Scratch:
    """What the guide leaves behind, on GitHub's way."""
    home = tmp_path_factory.mktemp("home")
    place = tmp_path_factory.mktemp("scratch")
    python = Path(sys.base_prefix) / "bin"
    environment = {
        "HOME": str(home),
        "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "GIT_AUTHOR_NAME": "Me", "GIT_AUTHOR_EMAIL": "me@example.com",
        "GIT_COMMITTER_NAME": "Me", "GIT_COMMITTER_EMAIL": "me@example.com",
        # Without a network: build with what is here, and find what Battle needs where it is.
        "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
        "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FORCE_REINSTALL": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0", # pip's way to say that there is to be none
    }  # fmt: skip
    one = Scratch(place / "mine", environment)
    one.repository.mkdir()
    one.bash(
        f"git init -q -b main; git init -q --bare {place}/origin.git; git remote add origin {place}/origin.git"
    )
    one.bash(script_of(section("On GitHub")))
    return one


@pytest.fixture(scope="module")
def runner(scratch, tmp_path_factory) -> Path:
    """The folder with the Python of a runner, fresh but for what the jobs install."""
    place = tmp_path_factory.mktemp("runner")
    scratch.bash(f"python3 -m venv {place}")
    return place / "bin"


@pytest.fixture
def github(scratch, runner, tmp_path, api) -> GitHub:
    service, _ = api
    (runner / "gh").write_text(GH)
    (runner / "gh").chmod(0o755)
    environment = {**scratch.environment, "GITHUB_API_URL": service.url, "PLACE": str(tmp_path)}
    return GitHub(scratch.repository, tmp_path, runner, environment, token=TOKEN)


@pytest.fixture
def api():
    comments = GitHubApi()
    with served(answer=comments) as service:
        comments.url = service.url
        yield service, comments


@pytest.fixture
def slack():
    messages = Slack()
    with served(answer=messages) as service:
        yield service, messages


def text_of(steps: list[Step], job: str, name: str) -> str:
    """What a step printed, which was run and did not fail."""
    step = step_of(steps, job, name)
    assert step.outcome == "success", step.text
    return step.text


def step_of(steps: list[Step], job: str, name: str) -> Step:
    [found] = [step for step in steps if (step.job, step.name) == (job, name)]
    return found


def everything(steps: list[Step]) -> str:
    return "\n".join(f"--- {step.job}: {step.name}: {step.outcome}\n{step.text}" for step in steps)


def test_the_guide_ends_with_a_workflow_that_was_pushed(scratch):
    names = scratch.bash("git ls-tree -r --name-only origin/main").split()
    assert {WORKFLOW, "battles/checkout.py", ".gitignore"} <= set(names)
    assert any(re.fullmatch(r"vendor/battle_gateway-[\w.]+-py3-none-any.whl", name) for name in names)
    assert any(name.startswith("battle_baselines/checkout-simulated-") for name in names)
    assert not any(name.startswith(("battle_results", ".venv")) for name in names)
    where = scratch.bash(". .venv/bin/activate; python -c 'import battle; print(battle.__file__)'")
    assert where.startswith(str(scratch.repository / ".venv"))


def test_a_pull_request_is_judged_compared_and_commented_on_once(scratch, github, api):
    workflow = scratch.repository / WORKFLOW
    _, comments = api
    results, steps = github.run(workflow, "pull_request", pull_request())
    assert results == {
        "battles": "success",
        "comment": "success",
        "slack": "skipped",
        "history": "skipped",
    }, everything(steps)
    battle = step_of(steps, "battles", "Battle")
    assert battle.outputs["verdict"] == "PASS"
    assert "| battles/checkout.py | PASS |" in battle.summary
    compared = step_of(steps, "battles", "Compare with the baselines")
    assert "Checkout and its baseline" in compared.summary
    assert "Nothing is worse" in compared.text or "same" in compared.text
    [comment] = comments.comments
    before = comment["body"]

    results, steps = github.run(workflow, "pull_request", pull_request())
    assert results["comment"] == "success", everything(steps)
    assert len(comments.comments) == 1, "it is updated, not written again"

    scratch.change("battles/checkout.py", "p95_latency_ms=250", "p95_latency_ms=5")
    try:
        results, steps = github.run(workflow, "pull_request", pull_request())
    finally:
        scratch.change("battles/checkout.py", "p95_latency_ms=5", "p95_latency_ms=250")
    assert results == {
        "battles": "failure",
        "comment": "success",
        "slack": "skipped",
        "history": "skipped",
    }, everything(steps)
    [annotation] = re.findall(r"^::error .*$", step_of(steps, "battles", "Battle").text, re.MULTILINE)
    source = (scratch.repository / "battles" / "checkout.py").read_text()
    line = source.partition("slo=")[0].count("\n") + 1
    assert f"file=battles/checkout.py,line={line}," in annotation
    reason = annotation.rpartition("::")[2].replace("%25", "%")
    [comment] = comments.comments
    assert comment["body"] != before
    assert "p95_latency_ms was missed" in comment["body"].splitlines()[0]
    assert reason.partition(":")[0] in comment["body"]


ON_MERGE = {"slack": "skipped", "history": "skipped"}
"""What a pull request does not do."""

GH = """#!/bin/bash
# What the workflow needs of GitHub's command: the runs there were, and their artifacts.
case "$1 $2" in
  "run list") cd "$PLACE" && ls -d run-* ;;
  "run download") mkdir -p "$7" && cp -r "$PLACE/$3/artifacts/"$5 "$7" ;;
  *) exit 9 ;;
esac
"""


def test_a_fork_is_judged_without_secrets_and_not_commented_on(scratch, github, api):
    head = pull_request(head="somebody/else")
    results, steps = github.run(scratch.repository / WORKFLOW, "pull_request", head)
    assert results == {
        "battles": "success",
        "comment": "skipped",
        "slack": "skipped",
        "history": "skipped",
    }, everything(steps)
    assert api[1].requests == []


def test_pushes_keep_a_history_and_a_failure_goes_to_slack(scratch, github, slack):
    service, messages = slack
    workflow = scratch.repository / WORKFLOW
    results, steps = github.run(workflow, "push")
    done = {"battles": "success", "comment": "skipped", "slack": "success", "history": "success"}
    assert results == done, everything(steps)
    assert "no message is sent" in text_of(steps, "slack", "Slack")
    assert "1 run added" in text_of(steps, "history", "Add the new rows")

    shutil.rmtree(github.place / "caches")  # as if another job had been let in before this one
    github.secrets = {"SLACK_WEBHOOK_URL": service.url + SLACK_PATH}
    results, steps = github.run(workflow, "schedule")
    assert results["history"] == "success", everything(steps)
    assert messages.messages == [], "it passed"
    [trends] = github.place.glob("run-2/artifacts/battle-trends/*")
    assert "Checkout" in trends.read_text()
    rows = scratch.bash(
        f". .venv/bin/activate; battle history list --format json --history {_newest_cache(github)}"
    )
    assert rows.count('"run_id"') == 2, "of the two runs"

    scratch.change("battles/checkout.py", "p95_latency_ms=250", "p95_latency_ms=5")
    try:
        results, steps = github.run(workflow, "push")
    finally:
        scratch.change("battles/checkout.py", "p95_latency_ms=5", "p95_latency_ms=250")
    assert results["battles"] == "failure"
    assert len(messages.messages) == 1, everything(steps)
    assert "planted0secret" not in everything(steps)
    written = [path for path in github.place.rglob("*") if path.is_file()]
    assert len(written) > 100
    assert [path for path in written if b"planted0" in path.read_bytes()] == []


def _newest_cache(github: GitHub) -> Path:
    return sorted((github.place / "caches").iterdir())[-1] / "battle_history"


def test_gitlab_runs_the_lines_of_its_pipeline(scratch, tmp_path, slack):
    """The guide's other way: the same repository at GitLab."""
    service, messages = slack
    activated = ". .venv/bin/activate\n"
    scratch.bash(activated + script_of(section("On GitLab")))
    scratch.bash("git add .gitlab .gitlab-ci.yml && git commit -qm 'Battles at GitLab'")
    python = tmp_path / "python"
    scratch.bash(f"python3 -m venv {python}")
    environment = {**scratch.environment, "PATH": f"{python}/bin:{scratch.environment['PATH']}"}
    gitlab = GitLab(scratch.repository, tmp_path / "gitlab", environment)

    jobs = {job.name: job for job in gitlab.run("merge_request_event")}
    assert {name: job.outcome for name, job in jobs.items()} == {
        "battles": "success",
        "battle history": "skipped",
    }, jobs["battles"].text
    assert len(jobs["battles"].reports["junit"]) == 1
    [metrics] = jobs["battles"].reports["metrics"]
    assert 'battle_passed{scenario="Checkout",world="simulated"' in metrics.read_text()

    for _ in range(2):
        jobs = {job.name: job for job in gitlab.run("push", CI_COMMIT_BRANCH="main")}
        assert jobs["battle history"].outcome == "success", jobs["battle history"].text
        assert "no message is sent" in jobs["battle history"].text
    assert "1 run added" in jobs["battle history"].text

    gitlab.environment = {**environment, "SLACK_WEBHOOK_URL": service.url + SLACK_PATH}
    scratch.change("battles/checkout.py", "p95_latency_ms=250", "p95_latency_ms=5")
    try:
        jobs = {job.name: job for job in gitlab.run("schedule")}
    finally:
        scratch.change("battles/checkout.py", "p95_latency_ms=5", "p95_latency_ms=250")
    assert jobs["battles"].outcome == "failed"
    assert len(messages.messages) == 1, jobs["battle history"].text


SUITE = """
name: Suites by the action
on: push
jobs:
  action:
    steps:
      - uses: actions/checkout@v6
      - uses: actions/setup-python@v6
      - uses: ./
        id: suite
        with:
          suite: smoke
          world: simulated
          baseline: auto
          args: --seed 3
      - name: Outputs
        env:
          VERDICT: ${{ steps.suite.outputs.verdict }}
          RESULTS: ${{ steps.suite.outputs.results }}
        run: |
          echo "$VERDICT in $RESULTS"
          battle --version
      - uses: ./
        with:
          scenario: smoke
          suite: smoke
"""


def test_the_action_runs_battles_and_has_outputs(scratch, runner, tmp_path):
    """This repository's own workflow uses it, from a clone."""
    ours = tmp_path / "ours"
    subprocess.run(["git", "clone", "-q", ROOT, ours], check=True, timeout=60)
    for name in ("action.yml", ".github/workflows/battle-tests.yml"):
        (ours / name).write_text((ROOT / name).read_text())
    as_me = ("git", "-c", "user.name=Me", "-c", "user.email=me@example.com")
    subprocess.run([*as_me, "commit", "-qam", "As it is", "--allow-empty"], cwd=ours, check=True, timeout=60)
    github = GitHub(ours, tmp_path / "place", runner, scratch.environment)
    workflow = ours / ".github" / "workflows" / "battle-tests.yml"
    results, steps = github.run(workflow, "push", jobs=["action"])
    assert results == {"action": "success"}, everything(steps)
    assert step_of(steps, "action", "Battle").outputs["verdict"] == "PASS"

    workflow.write_text(SUITE)
    results, steps = github.run(workflow, "push")
    assert results == {"action": "failure"}, "both a scenario and a suite"
    said = text_of(steps, "action", "Outputs")
    assert re.match(r"PASS in battle_results/suites/\S+\nbattle [\d.]+\n", said), everything(steps)
    [compared] = [step for step in steps if step.name == "Compare with the baseline" and step.text]
    assert "smoke, seed 3, is not compared: there is no baseline" in compared.text
    assert "Give either the input scenario or the input suite, not both." in everything(steps[-4:])


def test_a_service_of_any_kind_needs_a_command_alone(scratch):
    [script] = re.findall(r"^```sh\n(.*?)^```$", section("Anywhere else"), re.DOTALL | re.MULTILINE)
    said = scratch.bash(f"set -e\n{script}")
    assert said.startswith("PASS: ") or "\nPASS: " in said
    for name in ("suites/latest/suite-junit.xml", "suites/latest/suite.html", "latest/report.json"):
        assert (scratch.repository / "battle_results" / name).is_file()
        assert f"`battle_results/{name}`" in PAGE
