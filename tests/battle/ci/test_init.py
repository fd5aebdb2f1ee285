"""`battle ci init`: what it finds out, what it writes, and what it refuses."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from battle.ci.workflows import GITHUB_FILE, GITLAB_FILE, GITLAB_ROOT, install_command
from battle.cli.app import run_command_line
from battle.errors import BattleError

WHEEL = "vendor/battle_gateway-0.1.0-py3-none-any.whl"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
COMMIT = "https://git.example.com/gateways/battle.git@0123abc"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / WHEEL).write_bytes(EMPTY_ZIP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> int:
    return run_command_line(["ci", "init", *arguments])


def test_it_says_what_is_left_to_do(repository, capsys):
    assert init("github") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote {GITHUB_FILE}\n")
    assert f"battle_baselines/ and {WHEEL}" in said
    assert "SLACK_WEBHOOK_URL" in said
    assert f"python -m pip install {WHEEL}" in (repository / GITHUB_FILE).read_text()


def test_scenarios_that_no_event_would_run_are_named(repository, capsys):
    (repository / "battles").mkdir()
    for name, tags in (("fast", "('fast',)"), ("mine", "('mine',)")):
        made = f"Scenario({name!r}, providers=[], workloads=[], tags={tags})"
        text = f"from battle import Scenario\nscenario = {made}\n"
        (repository / "battles" / f"{name}.py").write_text(text)
    assert init("github") == 0
    said = capsys.readouterr().out
    assert (
        "give one of the tags fast, slow, soak to 1 scenario that no event would run: battles/mine.py\n"
        in said
    )
    (repository / "battles" / "mine.py").unlink()
    assert init("github", "--force") == 0
    assert "no event" not in capsys.readouterr().out


def test_a_baseline_is_asked_for_where_there_is_none(repository, capsys):
    assert init("github") == 0
    assert "then battle baseline save suites/latest\n" in capsys.readouterr().out
    (repository / "battle_baselines").mkdir()
    (repository / "battle_baselines" / "one.json").write_text("{}")
    assert init("github", "--force") == 0
    assert "battle baseline save" not in capsys.readouterr().out


def test_nothing_is_overwritten_without_force(repository, capsys):
    assert init("github") == 0
    (repository / GITHUB_FILE).write_text("mine\n")
    assert init("github") == 2
    assert "is there already: use --force" in capsys.readouterr().err
    assert (repository / GITHUB_FILE).read_text() == "mine\n"
    assert init("github", "--force") == 0
    assert (repository / GITHUB_FILE).read_text() != "mine\n"


def test_a_pipeline_that_is_there_is_never_overwritten(repository, capsys):
    (repository / GITLAB_ROOT).write_text("mine: {}\n")
    assert init("gitlab", "--force") == 0
    assert (repository / GITLAB_ROOT).read_text() == "mine: {}\n"
    assert f"add `- local: {GITLAB_FILE}` to its `include`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "written"),
    [
        ({".github/CODEOWNERS": ""}, GITHUB_FILE),
        ({".gitlab-ci.yml": ""}, GITLAB_FILE),
        ({".git/config": '[remote "origin"]\n\turl = git@github.com:me/gitlab.git\n'}, GITHUB_FILE),
        ({".git/config": '[remote "origin"]\n\turl = https://gitlab.example.com/me/mine\n'}, GITLAB_FILE),
    ],
)
def test_the_service_is_that_of_the_repository(repository, files, written):
    for name, text in files.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    assert init() == 0
    assert (repository / written).is_file()


def test_without_a_service_or_a_wheel_it_says_what_to_do(repository, capsys):
    assert init() == 2
    assert "use `battle ci init github` or `battle ci init gitlab`" in capsys.readouterr().err
    (repository / WHEEL).unlink()
    assert init("github") == 2
    assert "which no package index has: commit a wheel" in capsys.readouterr().err
    assert init("github", "--install", COMMIT) == 0


@pytest.mark.parametrize(
    "source",
    [
        "battle",
        "battle-gateway",
        "https://git.example.com/battle.git",
        "https://me:password@git.example.com/battle.git@1",
        "https://git.example.com/battle.git@1; rm",
        "vendor/$(id).whl",
    ],
)
def test_battle_comes_from_a_wheel_or_a_commit_and_from_nowhere_else(source):
    with pytest.raises(BattleError, match="--install is a wheel"):
        install_command(source)


@pytest.mark.parametrize(
    ("references", "branch"),
    [
        ({"HEAD": "ref: refs/heads/master\n"}, "master"),
        ({"HEAD": "ref: refs/heads/my-change\n"}, "main"),
        ({"HEAD": "0123456789abcdef\n"}, "main"),
        (
            {
                "HEAD": "ref: refs/heads/my-change\n",
                "refs/remotes/origin/HEAD": "ref: refs/remotes/origin/trunk\n",
            },
            "trunk",
        ),
        ({}, "main"),
    ],
)
def test_the_branch_is_that_of_the_repository(repository, references, branch):
    for name, text in references.items():
        (repository / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / ".git" / name).write_text(text)
    assert init("github") == 0
    workflow = yaml.safe_load((repository / GITHUB_FILE).read_text())
    assert workflow[True]["push"] == {"branches": [branch]}


@pytest.mark.parametrize("path", ["/etc", "../battles", "battles/../../etc"])
def test_scenarios_outside_of_the_repository_are_refused(repository, capsys, path):
    assert init("github", "--path", path) == 2
    assert "is outside of this repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--python", "3.11\n"], ["--branch", "a b"], ["--path", "a'b"], ["--gateway", "a b"]],
)
def test_what_would_break_a_workflow_is_refused(repository, capsys, arguments):
    assert init("github", *arguments) == 2
    assert "cannot be put into a workflow" in capsys.readouterr().err
    assert not (repository / GITHUB_FILE).exists()


def test_what_is_there_and_cannot_be_used_is_refused_before_ci_finds_out(repository, capsys):
    (repository / WHEEL).write_text("version https://git-lfs.github.com/spec/v1\n")
    assert init("github") == 2
    assert f"{WHEEL} is not a wheel: it is no ZIP archive" in capsys.readouterr().err
    (repository / "my.toml").write_text("command = 7\n")
    assert init("github", "--install", COMMIT, "--gateway", "my.toml") == 2
    assert "gateway my.toml" in capsys.readouterr().err
    os.mkfifo(repository / "s.py")
    assert init("github", "--install", COMMIT, "--path", "s.py") == 2
    assert "--path s.py cannot be read: it is a FIFO, not a file" in capsys.readouterr().err
    assert not (repository / GITHUB_FILE).exists()


ODD = ("--path", "my battles", "--python", "3.13", "--branch", "trunk", "--gateway", "my.toml")


@pytest.mark.parametrize("more", [(), ODD, ("--install", COMMIT, "--world", "simulated")])
def test_the_options_are_in_the_workflows(repository, more):
    assert init("github", *more) == 0
    assert init("gitlab", *more) == 0
    github = (repository / GITHUB_FILE).read_text()
    gitlab = (repository / GITLAB_FILE).read_text()
    workflow = yaml.safe_load(github)
    for text in (github, gitlab):
        assert yaml.safe_load(text)
        assert "<<" not in text
        assert "pip install battle" not in text.replace("battle-gateway @", "")
        if more == ODD:
            assert "battle suite 'my battles' --gateway my.toml \"$@\"" in text
            assert "3.13" in text
    if more == ODD:
        assert workflow[True]["push"] == {"branches": ["trunk"]}
    if COMMIT in more:
        assert f"python -m pip install 'battle-gateway @ git+{COMMIT}'" in github


def test_a_workflow_may_do_no_more_than_it_must(repository):
    assert init("github") == 0
    text = (repository / GITHUB_FILE).read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert more == {
        "comment": {"contents": "read", "pull-requests": "write"},
        "history": {"contents": "read", "actions": "read"},
    }
    assert "pull_request_target" not in text
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "what others wrote would become a part of a shell script"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}


ACTIONLINT = Path(__file__).parents[3] / ".venv" / "bin" / "actionlint"


@pytest.mark.slow
@pytest.mark.programs  # `make workflows` installs it, and runs this
@pytest.mark.parametrize("more", [(), ODD, ("--install", COMMIT)])
def test_actionlint_finds_nothing(repository, more):
    assert init("github", *more) == 0
    ran = subprocess.run(
        [ACTIONLINT, GITHUB_FILE], capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )
    assert (ran.returncode, ran.stdout) == (0, "")
