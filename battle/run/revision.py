"""Which commit a run is of: the repository of the working directory, or what the CI job says of itself."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from battle.store.helper_process import answer_of

GIT_SECONDS = 2.0
"""How long git may take: a run does not wait for a repository on a slow network drive. It takes milliseconds."""

EVENT_BYTES_MAX = 10_000_000
"""Of the file in which GitHub describes what started the job. GitHub's own limit is smaller."""

TEXT_MAX = 200
"""Characters of a branch's name, or of a runner's kind, that are kept."""

_STATUS = (
    "git",
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),  # it may be a program, and a run starts none but its own
    *("status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty"),
)
_HEAD = ("git", "rev-parse", "--verify", "HEAD")


class Revision(msgspec.Struct, frozen=True):
    """A commit, its branch, and whether files of the repository were changed since; None: not known."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


def current_revision() -> Revision:
    """The revision of the working directory. Without git or a repository: what the CI job says, or nothing."""
    environ = os.environ
    return joined(_git_revision(), environ, _event(environ))


def joined(git: Revision, environ: Mapping[str, str], event: Mapping[str, Any]) -> Revision:
    """What git says, and where it says nothing what the CI job says.

    GitHub checks out a merge commit of its own for a pull request, which is in no branch: such a run is of the commit
    that was pushed. A checkout in CI has no branch, so the job's is taken if it is about the same commit.
    """
    stated = _github(environ, event) if "GITHUB_SHA" in environ else _gitlab(environ)
    checked_out = environ.get("GITHUB_SHA") or environ.get("CI_COMMIT_SHA")
    if git.commit is None:
        return stated
    if git.commit == checked_out:
        return Revision(stated.commit, stated.branch or git.branch, git.dirty)
    return git


def _github(environ: Mapping[str, str], event: Mapping[str, Any]) -> Revision:
    commit = environ.get("GITHUB_SHA")
    if environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        request = event.get("pull_request")
        head = request.get("head") if isinstance(request, dict) else None
        pushed = head.get("sha") if isinstance(head, dict) else None
        commit = pushed if isinstance(pushed, str) else commit
    branch = environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME")
    return Revision(_short(commit), _short(branch))


def _gitlab(environ: Mapping[str, str]) -> Revision:
    branch = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or environ.get("CI_COMMIT_REF_NAME")
    return Revision(_short(environ.get("CI_COMMIT_SHA")), _short(branch))


def _short(text: str | None) -> str | None:
    return text[:TEXT_MAX] if text else None


def _event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What started the job, as GitHub describes it; nothing where that cannot be read."""
    path = Path(environ.get("GITHUB_EVENT_PATH") or os.devnull)
    try:
        if not path.is_file() or path.stat().st_size > EVENT_BYTES_MAX:
            return {}
        event = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _git_revision() -> Revision:
    """What git says; nothing where there is no git, no repository or no commit. Too slow: the commit alone."""
    try:
        return revision_in(_asked(_STATUS))
    except subprocess.TimeoutExpired:
        pass  # to compare all files of a great repository takes long, to name its commit does not
    except (OSError, subprocess.SubprocessError):
        return Revision()
    try:
        return Revision(_asked(_HEAD).strip() or None)
    except (OSError, subprocess.SubprocessError):
        return Revision()


def _asked(command: tuple[str, ...]) -> str:
    return answer_of(command, seconds=GIT_SECONDS, check=True).decode(errors="replace")


def revision_in(status: str) -> Revision:
    """What the answer of `git status --porcelain=v2 --branch` says."""
    said = {}
    dirty = False
    for line in status.splitlines():
        if line.startswith("# "):
            name, _, value = line[2:].partition(" ")
            said[name] = value
        else:
            dirty = True
    commit, branch = said.get("branch.oid"), said.get("branch.head")
    if commit in (None, "(initial)"):  # a repository without a commit
        return Revision()
    return Revision(commit, None if branch in (None, "(detached)") else _short(branch), dirty)


def ci_runner(environ: Mapping[str, str]) -> str | None:
    """The kind of CI runner, of which one is faster than another; None outside of GitHub's and GitLab's CI."""
    if environ.get("GITHUB_ACTIONS") == "true":
        names = ("RUNNER_ENVIRONMENT", "ImageOS", "RUNNER_OS", "RUNNER_ARCH")
        return _short(" ".join(["github", *filter(None, map(environ.get, names))]))
    if environ.get("GITLAB_CI") == "true":
        tags = environ.get("CI_RUNNER_TAGS", "")
        kind = " ".join(sorted(tags.replace('"', "").strip("[] ").replace(",", " ").split()))
        return _short(" ".join(filter(None, ["gitlab", environ.get("CI_RUNNER_EXECUTABLE_ARCH"), kind])))
    return None
