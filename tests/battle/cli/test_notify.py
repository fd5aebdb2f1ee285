"""The words of `battle notify`, and what it refuses."""

import json

import pytest

from battle.cli.app import run_command_line
from battle.cli.notify import checked_link
from battle.errors import BattleError
from tests.battle.local_service import OK, served


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BATTLE_SLACK_WEBHOOK", "SLACK_WEBHOOK_URL", "GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def notify(*words):
    return run_command_line(["notify", *words])


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (["github", "latest", "--token", "ghp_planted0"], "GITHUB_TOKEN"),
        (["email", "latest", "--password=planted"], "BATTLE_SMTP_PASSWORD"),
        (["slack", "latest", "--webhook-url", "https://hooks.slack.com/planted"], "BATTLE_SLACK_WEBHOOK"),
        (["webhook", "latest", "--url", "https://planted/"], "BATTLE_WEBHOOK_URL and BATTLE_WEBHOOK_SECRET"),
        (["slack", "https://hooks.slack.com/services/planted"], "BATTLE_SLACK_WEBHOOK"),
        (["github", "latest", "ghp_planted0"], "GITHUB_TOKEN"),
    ],
)
def test_a_secret_as_an_argument_is_refused_and_not_repeated(results, capsys, words, variable):
    assert notify(*words) == 2
    said = capsys.readouterr().err
    assert f"put it into the environment variable {variable} instead" in said
    assert "planted" not in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ["slack", "latest"],
            "the environment variable BATTLE_SLACK_WEBHOOK or SLACK_WEBHOOK_URL is not set",
        ),
        (["github", "latest"], "the environment variable GITHUB_TOKEN is not set"),
        (["email", "latest", "--from", "a@b.c"], "an email needs recipients"),
        (["email", "latest", "--to", "a@b.c"], "an email needs a sender"),
        (["email", "latest", "--to", "nobody", "--from", "a@b.c"], "'nobody' is not an address"),
        (["slack", "nothing", "--dry-run"], "there is no run 'nothing'"),
        (["slack", "latest", "--on", "never", "--dry-run"], "there is no condition 'never'"),
        (["github", "latest", "--comment", "a b", "--dry-run"], "--comment takes a name"),
        (["slack", "latest", "--link", "https://u:p@ci.example.org/", "--dry-run"], "--link has a user name"),
    ],
)
def test_what_is_missing_or_wrong_is_said(results, capsys, words, problem):
    assert notify(*words) == 2
    assert problem in capsys.readouterr().err


def test_a_service_that_refuses_is_exit_status_2_and_never_1(results, monkeypatch, capsys):
    suite = results / "battle_results" / "suites" / "now"
    suite.mkdir(parents=True)
    row = {"scenario": "x.py", "seed": 1, "status": "crashed", "reasons": ["oh no"]}
    (suite / "suite.json").write_text(json.dumps({
        "schema_version": 1, "suite_id": "now", "selection": "fast", "world": "live", "gateway": None, "seed": 1,
        "repeat": 1, "started_at": "2026-12-01T00:00:00+00:00", "interrupted": False, "verdict": "INCONCLUSIVE",
        "headline": "1 crashed, in 1 s", "runs": [row],
    }))  # fmt: skip
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://hooks.slack.com/x")
    assert notify("slack", "now") == 2
    assert "must begin with https://" in capsys.readouterr().err
    with served(OK._replace(status=403, body=b"action_prohibited")) as service:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", service.url)
        assert notify("slack", "now") == 2
        assert "an administrator of the workspace does not allow it" in capsys.readouterr().err
        assert notify("slack", "now", "--dry-run") == 0
    assert '"text": ":grey_question: oh no"' in capsys.readouterr().out
    (suite / "suite.json").write_text("{")
    assert notify("slack", "now", "--dry-run") == 2
    assert "suite.json is no report of a suite" in capsys.readouterr().err


def test_the_link_is_that_of_the_job(monkeypatch):
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "CI_JOB_URL"):
        monkeypatch.delenv(name, raising=False)
    assert checked_link(None) is None
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example.org/j/1")
    assert checked_link(None) == "https://gitlab.example.org/j/1"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/n")
    monkeypatch.setenv("GITHUB_RUN_ID", "5")
    assert checked_link(None) == "https://github.com/o/n/actions/runs/5"
    assert checked_link("https://ci.example.org/9?a=b") == "https://ci.example.org/9?a=b"
    with pytest.raises(BattleError, match="is not a URL"):
        checked_link("javascript:alert(1)")
