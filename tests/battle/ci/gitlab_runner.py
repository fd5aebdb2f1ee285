"""Runs the jobs of a GitLab pipeline as a runner would, as far as a machine without GitLab can.

Each job gets a clone of the repository, what the jobs before it kept, and its caches. The lines of `before_script`
and `script` run in one bash.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_RULE = re.compile(r'\$(\w+) == (?:"(\w+)"|\$(\w+))')


@dataclass
class Job:
    """A job that was run, or not: what became of it, and what it printed."""

    name: str
    outcome: str
    text: str = ""
    reports: dict[str, list[Path]] = field(default_factory=dict)


@dataclass
class GitLab:
    """What GitLab keeps for one project: caches and artifacts, in `place`. `environment` is that of every job."""

    repository: Path
    place: Path
    environment: Mapping[str, str]
    runs: int = 0

    def run(self, source: str, **variables: str) -> list[Job]:
        """Run the pipeline of the repository for a `CI_PIPELINE_SOURCE`."""
        self.runs += 1
        root = yaml.safe_load((self.repository / ".gitlab-ci.yml").read_text())
        jobs: dict[str, Any] = {}
        for included in root.pop("include"):
            jobs.update(yaml.safe_load((self.repository / included["local"]).read_text()))
        about = {
            "CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": source, "CI_PIPELINE_IID": "7",
            "CI_DEFAULT_BRANCH": "main", **variables
        }  # fmt: skip
        run = _Run(self, self.place / f"run-{self.runs}", jobs, about)
        done: list[Job] = []
        for name, job in jobs.items():
            if not name.startswith("."):
                done += run.job(name, {**jobs.get(job.get("extends", ""), {}), **job}, done)
        return done


class _Run:
    def __init__(self, gitlab: GitLab, place: Path, jobs: Mapping[str, Any], about: dict[str, str]) -> None:
        self._gitlab, self._place, self._about = gitlab, place, about
        self._kept = place / "artifacts"
        self._kept.mkdir(parents=True)

    def job(self, name: str, job: Mapping[str, Any], done: list[Job]) -> list[Job]:
        when = self._when(job)
        failed = any(one.outcome == "failed" for one in done)
        if when == "never" or (when == "on_success" and failed):
            return [Job(name, "skipped")]
        combinations = job.get("parallel", {}).get("matrix", [{}])
        [one] = combinations
        values = [{key: value} for key, own in one.items() for value in own] or [{}]
        return [self._run(name, job, more, number) for number, more in enumerate(values)]

    def _when(self, job: Mapping[str, Any]) -> str:
        for rule in job["rules"]:
            found = _RULE.fullmatch(rule["if"])
            assert found, f"not understood: {rule['if']}"
            name, text, other = found.groups()
            value = self._about.get(name)
            if value is not None and value == (text if other is None else self._about.get(other)):
                return str(rule.get("when", "on_success"))
        return "never"

    def _run(self, name: str, job: Mapping[str, Any], more: Mapping[str, str], number: int) -> Job:
        workspace = self._place / f"{name.replace(' ', '-')}-{number}"
        clone = ["git", "clone", "-q", str(self._gitlab.repository), str(workspace)]
        subprocess.run(clone, check=True, timeout=60)
        if job.get("needs"):
            shutil.copytree(self._kept, workspace, dirs_exist_ok=True)
        caches = job["cache"] if isinstance(job["cache"], list) else [job["cache"]]
        for cache in caches:
            self._moved(self._gitlab.place / "caches" / cache["key"], workspace, cache["paths"])
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join([*job["before_script"], *job["script"]])],
            cwd=workspace,
            env={**self._gitlab.environment, **self._about, **more, "CI_PROJECT_DIR": str(workspace)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        for cache in caches:
            if cache.get("policy") != "pull":
                self._moved(workspace, self._gitlab.place / "caches" / cache["key"], cache["paths"])
        artifacts = job["artifacts"]
        self._moved(workspace, self._kept, artifacts["paths"])
        for pattern in artifacts.get("exclude", []):
            for link in self._kept.glob(pattern):
                link.unlink()
        reports = {
            kind: sorted(workspace.glob(pattern)) for kind, pattern in artifacts.get("reports", {}).items()
        }
        return Job(name, "failed" if ran.returncode else "success", ran.stdout, reports)

    @staticmethod
    def _moved(source: Path, target: Path, paths: list[str]) -> None:
        """Links stay links, as in the archives of a runner."""
        for path in paths:
            if (source / path).is_dir():
                shutil.copytree(source / path, target / path, symlinks=True, dirs_exist_ok=True)
            elif (source / path).exists():
                os.makedirs((target / path).parent, exist_ok=True)
                shutil.copyfile(source / path, target / path)
