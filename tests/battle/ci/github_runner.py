"""Runs the jobs of a workflow as GitHub would, as far as a machine without GitHub can.

Each job gets a clone of the repository. Its `run:` steps run in bash with the variables and files that GitHub sets;
`uses:` steps are replaced by what they do, with folders instead of GitHub's caches and artifacts.
"""

import fnmatch
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.battle.ci.expressions import Expressions, matrix_of

REPOSITORY = "owner/name"


@dataclass
class Step:
    """A step that was run, or skipped: what became of it, and what it printed."""

    job: str
    name: str
    outcome: str
    text: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class GitHub:
    """What GitHub keeps for one repository: caches and artifacts, in `place`; and what its runners have.

    `environment` is that of every step, `bin` the folder that `actions/setup-python` puts first on the path.
    """

    repository: Path
    place: Path
    bin: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    token: str = "token-of-the-job"
    runs: int = 0

    def run(
        self, workflow: Path, event: str, payload: Mapping[str, Any] | None = None, jobs: Sequence[str] = ()
    ) -> tuple[dict[str, str], list[Step]]:
        """Run a workflow, or some of its jobs, for an event; the result of each job, and all steps."""
        self.runs += 1
        parsed = yaml.safe_load(workflow.read_text())
        if jobs:
            parsed["jobs"] = {name: job for name, job in parsed["jobs"].items() if name in jobs}
        run = _Run(self, parsed, event, dict(payload or {}))
        results = run.results()
        return results, run.steps


def pull_request(number: int = 7, head: str = REPOSITORY) -> dict[str, Any]:
    """The payload of a pull request's event, as far as it is read; `head` is where the branch is."""
    return {"pull_request": {"number": number, "head": {"repo": {"full_name": head}}}}


class _Run:
    def __init__(self, github: GitHub, workflow: dict[str, Any], event: str, payload: dict[str, Any]) -> None:
        self._github = github
        self._workflow = workflow
        self._place = github.place / f"run-{github.runs}"
        self._place.mkdir(parents=True)
        self._artifacts = self._place / "artifacts"
        self._event = event
        self._payload = self._place / "event.json"
        self._payload.write_text(json.dumps(payload))
        number = payload.get("pull_request", {}).get("number")
        self._ref = f"refs/pull/{number}/merge" if number else "refs/heads/main"
        self._about = {
            "event_name": event, "event": payload, "repository": REPOSITORY, "ref": self._ref, "ref_name": "main",
            "sha": "0" * 40, "workflow": workflow["name"], "run_id": str(100 + github.runs), "run_attempt": "1",
            "token": github.token,
        }  # fmt: skip
        self.steps: list[Step] = []

    def results(self) -> dict[str, str]:
        done: dict[str, str] = {}
        jobs = dict(self._workflow["jobs"])
        while jobs:
            ready = next(name for name, job in jobs.items() if set(_needs(job)) <= done.keys())
            done[ready] = self._job(ready, jobs.pop(ready), done)
        return done

    def _job(self, name: str, job: Mapping[str, Any], done: Mapping[str, str]) -> str:
        failed = any(done[one] != "success" for one in _needs(job))
        needs = {one: {"result": done[one]} for one in _needs(job)}
        contexts = {"github": self._about, "needs": needs, "vars": {}}
        if not Expressions(contexts, failed).condition(job.get("if")):
            return "skipped"
        results = []
        for matrix in matrix_of(job):
            workspace = self._place / "-".join([name, *matrix.values()]) / "mine"
            workspace.parent.mkdir()
            one = _Job(self, name, job, matrix, workspace)
            results.append(one.result())
        return "failure" if "failure" in results else "success"

    def variables(self, workspace: Path) -> dict[str, str]:
        return {
            **self._github.environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_EVENT_NAME": self._event,
            "GITHUB_EVENT_PATH": str(self._payload),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_REF": self._ref,
            "GITHUB_SHA": "0" * 40,
            "GITHUB_RUN_ID": self._about["run_id"],
            "GITHUB_RUN_NUMBER": str(self._github.runs),
            "GITHUB_WORKFLOW": self._workflow["name"],
            "GITHUB_SERVER_URL": "https://github.example.com",
            "RUNNER_TEMP": str(self._place),
        }

    @property
    def about(self) -> dict[str, Any]:
        return self._about

    @property
    def github(self) -> GitHub:
        return self._github

    @property
    def artifacts(self) -> Path:
        return self._artifacts


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


class _Job:
    """One job on a runner of its own."""

    def __init__(
        self, run: _Run, name: str, job: Mapping[str, Any], matrix: Mapping[str, str], workspace: Path
    ) -> None:
        self._run, self._name, self._job, self._workspace = run, name, job, workspace
        self._matrix = matrix
        self._variables = run.variables(workspace)
        self._path = [os.environ["PATH"]]
        self._done: dict[str, Any] = {}
        self._inputs: Mapping[str, Any] = {}
        self.failed = False

    def result(self) -> str:
        self._workspace.mkdir()
        self.all_of(self._job["steps"])
        return "failure" if self.failed else "success"

    def all_of(self, steps: list[Mapping[str, Any]]) -> None:
        for number, step in enumerate(steps):
            self._step(number, step)

    def _expressions(self) -> Expressions:
        about = {**self._run.about, "action_path": str(self._workspace)}
        contexts = {
            "github": about, "matrix": self._matrix, "steps": self._done, "inputs": self._inputs,
            "secrets": self._run.github.secrets, "env": self._variables, "vars": {},
        }  # fmt: skip
        return Expressions(contexts, self.failed)

    def _step(self, number: int, step: Mapping[str, Any]) -> None:
        name = step.get("name") or step.get("uses") or step["run"].splitlines()[0]
        done = Step(self._name, name, "skipped")
        expressions = self._expressions()
        if expressions.condition(step.get("if")):
            values = {key: expressions.filled(str(value)) for key, value in step.get("with", {}).items()}
            if step.get("uses") == "./":
                self._composite(values, done)
            elif "uses" in step:
                self._uses(step["uses"], values)
                done.outcome = "success"
            else:
                self._script(number, step, expressions, done)
        self._run.steps.append(done)
        if "id" in step:
            self._done[step["id"]] = {"outcome": done.outcome, "outputs": done.outputs}
        self.failed = self.failed or (done.outcome == "failure" and not step.get("continue-on-error"))

    def _script(self, number: int, step: Mapping[str, Any], expressions: Expressions, done: Step) -> None:
        files = {
            name: self._workspace.parent / f"{name}-{number}"
            for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for path in files.values():
            path.write_text("")
        own = {key: expressions.filled(str(value)) for key, value in step.get("env", {}).items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", expressions.filled(step["run"])],
            cwd=self._workspace / step.get("working-directory", "."),
            env=self._variables | {k: str(v) for k, v in files.items()} | own | {"PATH": os.pathsep.join(self._path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )  # fmt: skip
        done.outcome = "failure" if ran.returncode else "success"
        done.text = ran.stdout
        done.summary = files["GITHUB_STEP_SUMMARY"].read_text()
        done.outputs = _pairs(files["GITHUB_OUTPUT"])
        self._variables.update(_pairs(files["GITHUB_ENV"]))
        self._path[:0] = files["GITHUB_PATH"].read_text().split()

    def _composite(self, values: Mapping[str, str], done: Step) -> None:
        """The steps of the repository's own action, with contexts of their own."""
        action = yaml.safe_load((self._workspace / "action.yml").read_text())
        unknown = values.keys() - action["inputs"].keys()
        assert not unknown, f"GitHub would warn: no inputs {unknown}"
        outside = self._done, self._inputs, self.failed
        self._done, self.failed = {}, False
        defaults = {name: one["default"] for name, one in action["inputs"].items()}
        self._inputs = {**defaults, **values}
        for number, step in enumerate(action["runs"]["steps"]):
            self._step(100 + number, step)
        expressions = self._expressions()
        done.outputs = {name: expressions.filled(one["value"]) for name, one in action["outputs"].items()}
        done.outcome = "failure" if self.failed else "success"
        self._done, self._inputs, self.failed = outside

    def _uses(self, action: str, values: Mapping[str, str]) -> None:
        name = action.partition("@")[0]
        if name == "actions/checkout":
            git = ["git", "clone", "-q", str(self._run.github.repository), str(self._workspace)]
            subprocess.run(git, check=True, timeout=60)
        elif name == "actions/setup-python":
            for path in values.get("cache-dependency-path", "").split("\n"):
                assert not path or (self._workspace / path).exists(), f"GitHub would fail: no file {path}"
            self._path.insert(0, str(self._run.github.bin))
        elif name == "actions/cache/restore":
            self._restore(values)
        elif name == "actions/cache/save":
            _copied(self._workspace / values["path"], self._caches / values["key"] / values["path"])
        elif name == "actions/upload-artifact":
            self._upload(values)
        elif name == "actions/download-artifact":
            # What a name, or a pattern that matches one artifact alone, brings is in no folder of its own.
            found = sorted(self._run.artifacts.glob(values.get("name") or values["pattern"]))
            for artifact in found:
                folder = artifact.name if len(found) > 1 else ""
                _copied(artifact, self._workspace / values["path"] / folder)
        else:
            raise AssertionError(f"no local equivalent of {action}")

    @property
    def _caches(self) -> Path:
        return self._run.github.place / "caches"

    def _restore(self, values: Mapping[str, str]) -> None:
        exact = self._caches / values["key"]
        older = sorted(self._caches.glob(f"{values['restore-keys'].strip()}*"))
        for cache in [*([exact] if exact.exists() else []), *reversed(older)][:1]:
            _copied(cache / values["path"], self._workspace / values["path"])

    def _upload(self, values: Mapping[str, str]) -> None:
        """Links are followed, as by the action, but for paths that are excluded."""
        paths = values["path"].split()
        excluded = [path.removeprefix("!") for path in paths if path.startswith("!")]
        into = self._run.artifacts / values["name"]
        assert not into.exists(), f"GitHub would fail: there is an artifact {values['name']}"
        included = [path for path in paths if not path.startswith("!") and (self._workspace / path).exists()]
        for top in (self._workspace / path for path in included):
            root = (
                top if top.is_dir() else top.parent
            )  # the one path that is kept is the root of the artifact
            for file in _files(top):
                relative = str(file.relative_to(self._workspace))
                if not any(fnmatch.fnmatch(relative, pattern) for pattern in excluded):
                    _copied(file, into / file.relative_to(root))


def _files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, _, names in os.walk(top, followlinks=True):
        yield from (Path(folder, name) for name in names)


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())
