"""Which commit a run is of, by git and by what CI jobs say."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from battle.run import revision
from battle.run.revision import Revision, ci_runner, current_revision, joined, revision_in

PUSHED, MERGED = "a" * 40, "b" * 40
CI_VARIABLES = ("GITHUB_", "CI_", "RUNNER_", "ImageOS", "GITLAB_")


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(CI_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)


def _git(*words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *who, *words], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


def test_the_commit_the_branch_and_changed_files_of_a_repository(tmp_path: Path) -> None:
    assert current_revision() == Revision()  # no repository
    _git("init", "-q")
    assert current_revision() == Revision()  # no commit
    (tmp_path / "a").write_text("1")
    _git("add", "a")
    _git("commit", "-qm", "one")
    head = _git("rev-parse", "HEAD")
    (tmp_path / "results").write_text("not of the repository")
    assert current_revision() == Revision(head, "main", False)
    (tmp_path / "a").write_text("2")
    assert current_revision() == Revision(head, "main", True)
    _git("checkout", "-q", "--detach")
    assert current_revision() == Revision(head, None, True)


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert current_revision() == Revision()


def test_a_git_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git = tmp_path / "git"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(revision, "GIT_SECONDS", 0.3)
    git.write_text(f'#!/bin/sh\ncase "$*" in *status*) exec tail -f /dev/null;; *) echo {PUSHED};; esac\n')
    git.chmod(0o755)
    assert current_revision() == Revision(PUSHED)


def test_a_pull_request_on_github_is_of_the_commit_that_was_pushed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"sha": PUSHED}}}))
    environ = {"GITHUB_SHA": MERGED, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_HEAD_REF": "faster"}
    for name, value in {**environ, "GITHUB_EVENT_PATH": str(event)}.items():
        monkeypatch.setenv(name, value)
    assert current_revision() == Revision(PUSHED, "faster")
    event.write_text("[" * 100_000)
    assert current_revision() == Revision(MERGED, "faster")
    checked_out = joined(Revision(MERGED, None, False), environ, {"pull_request": {"head": {"sha": PUSHED}}})
    assert checked_out == Revision(PUSHED, "faster", False)


def test_a_ci_job_says_the_branch_of_a_detached_checkout() -> None:
    environ = {"CI_COMMIT_SHA": PUSHED, "CI_COMMIT_REF_NAME": "main"}
    assert joined(Revision(), environ, {}) == Revision(PUSHED, "main")
    assert joined(Revision(PUSHED, None, False), environ, {}) == Revision(PUSHED, "main", False)
    assert joined(Revision(MERGED, None, False), environ, {}) == Revision(MERGED, None, False)
    push = {"GITHUB_SHA": PUSHED, "GITHUB_REF_NAME": "main", "GITHUB_EVENT_NAME": "push"}
    assert joined(Revision(), push, {}) == Revision(PUSHED, "main")


def test_what_git_says_is_read() -> None:
    assert revision_in("# branch.oid (initial)\n# branch.head main\n") == Revision()
    assert revision_in("") == Revision()
    said = f"# branch.oid {PUSHED}\n# branch.head (detached)\n1 .M N... 100644 100644 100644 0 0 a\n"
    assert revision_in(said) == Revision(PUSHED, None, True)


def test_the_kind_of_a_runner() -> None:
    assert ci_runner({"CI": "true"}) is None
    github = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted", "RUNNER_ARCH": "X64"}
    assert ci_runner({**github, "ImageOS": "ubuntu24"}) == "github github-hosted ubuntu24 X64"
    gitlab = {"GITLAB_CI": "true", "CI_RUNNER_TAGS": '["saas-linux-small-amd64", "docker"]'}
    assert ci_runner(gitlab) == "gitlab docker saas-linux-small-amd64"
