"""What notifications are for: the same reasons everywhere, once each; a service that is down changes no verdict."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import psutil
import pytest
from markdown_it import MarkdownIt

from battle.analysis.reports.comparison import FILE
from battle.analysis.reports.files import FILES, write_reports
from battle.cli.app import run_command_line
from battle.outgoing import Policy
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.local_service import Received, Reply, served
from tests.battle.notifications.mail import CA, PASSWORD, USER, mail_served
from tests.battle.notifications.samples import change, comparison
from tests.battle.notifications.services import (
    SLACK_PATH,
    TOKEN,
    FastClock,
    GitHub,
    Slack,
    github_served,
    slack_served,
)

ROOT = Path(__file__).parents[3]

SCENARIO = """
from battle import HttpConstant, MockProvider, Scenario, Slo, seconds

scenario = Scenario(
    "Probe",
    providers=[MockProvider("a")],
    workloads=[HttpConstant("eth_chainId", rate=30, duration=seconds(1))],
    slo=Slo({slo}),
)
"""
FAILS, PASSES = "p95_latency_ms=0.001, success_rate=0.5", "success_rate=0.5"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """The directory of a run that failed for two reasons, and is worse than its baseline."""
    run_dir = golden_run(
        tmp_path_factory.mktemp("failed") / "golden", slo={"p95_latency_ms": 10, "max_failover_latency_ms": 1}
    )
    (run_dir / FILE).write_bytes(msgspec.json.encode(comparison(change())))
    report = write_reports(run_dir)
    assert report.verdict == "FAIL"
    assert len(report.reasons) == 2
    return run_dir, report


@pytest.fixture
def run_dir(failed, tmp_path):
    """A copy, in which nothing was noted yet."""
    return shutil.copytree(failed[0], tmp_path / "golden")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for name in ("BATTLE_SLACK_WEBHOOK", "SLACK_WEBHOOK_URL", "BATTLE_WEBHOOK_URL", "BATTLE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return FastClock().install(monkeypatch)


def unescaped(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"')


def rendered(markdown):
    return unescaped(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))


def test_slack_the_comment_and_junit_have_the_same_reasons_once_each_also_when_run_twice(
    monkeypatch, failed, run_dir, capsys
):
    slack = Slack(Reply(429, b"", {"Retry-After": "1"}), Reply(500, b"rollup_error"))
    github = GitHub()
    with (
        slack_served(monkeypatch, slack),
        github_served(monkeypatch, github),
        served() as hook,
    ):
        monkeypatch.setenv("BATTLE_WEBHOOK_URL", hook.url)
        for _ in range(2):
            for channel in ("slack", "github", "webhook"):
                assert run_command_line(["notify", channel, str(run_dir)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Slack: the message was sent"
    assert said[3] == "Slack: nothing was sent: it was sent already"
    [message], [comment], [event] = slack.messages, github.comments, hook.received
    shown = unescaped(str([block.get("text", {}).get("text") for block in message["blocks"]]))
    junit = ElementTree.parse(run_dir / FILES["junit"])
    failures = [one.get("message") for one in junit.iter("failure")]
    reasons = list(failed[1].reasons)
    assert failures == reasons
    assert event.json()["subjects"][0]["runs"][0]["reasons"] == reasons
    for reason in reasons:
        assert shown.count(reason) == 1
        assert rendered(comment["body"]).count(reason) == 1
    why = "p95 cost of failovers 1.9 -> 4.2 s [+1.6, +3.0]"
    assert why in unescaped(message["blocks"][1]["text"]["text"])
    assert why in rendered(comment["body"].splitlines()[0])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with a scenario that passes and one that fails, as the working directory."""
    (tmp_path / "fails.py").write_text(SCENARIO.format(slo=FAILS))
    (tmp_path / "passes.py").write_text(SCENARIO.format(slo=PASSES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def suite(scenario, *more):
    return run_command_line(["suite", scenario, "--world", "simulated", "--quiet", *more])


def test_with_slack_down_the_exit_status_is_the_verdicts(project, monkeypatch, capsys):
    with slack_served(monkeypatch, Slack()):
        pass  # it is down now
    assert suite("fails.py", "--notify", "slack") == 1
    said = capsys.readouterr()
    complaints = [line for line in said.err.splitlines() if "notification" in line]
    assert complaints == [
        "battle: no notification through slack: Slack did not accept it after "
        f"{Policy().attempts} attempts: it cannot be reached: Connection refused"
    ]
    assert said.out.startswith("FAIL")


def test_a_suite_says_the_same_to_all_and_what_is_missing_stops_nothing(project, monkeypatch, capsys):
    slack, github = Slack(Reply(500, b"")), GitHub()
    for name in ("BATTLE_EMAIL_TO", "BATTLE_EMAIL_FROM", "BATTLE_SMTP"):
        monkeypatch.delenv(name, raising=False)
    with slack_served(monkeypatch, slack), github_served(monkeypatch, github):
        assert suite("fails.py", "--notify", "slack,github", "--notify", "email") == 1
        assert run_command_line(["notify", "slack", "battle_results/suites/latest"]) == 0
        assert run_command_line(["notify", "github", "suites/latest"]) == 0
    said = capsys.readouterr()
    assert "battle: no notification through email: an email needs recipients" in said.err
    assert said.out.splitlines()[-2:] == [
        "Slack: nothing was sent: it was sent already",
        f"GitHub: the comment says this already: {github.comments[0]['html_url']}",
    ]
    assert len(slack.messages) == len(github.comments) == 1
    assert "battle run fails.py --world simulated --seed 1" in github.comments[0]["body"]
    assert github.comments[0]["body"].startswith("**❌ FAIL: p95_latency_ms was missed: ")


def test_a_suite_that_passes_again_is_a_recovery_with_slack_down_too(project, monkeypatch, capsys):
    assert suite("fails.py") == 1
    slack = Slack(*[Reply(500, b"rollup_error")] * Policy().attempts)
    with slack_served(monkeypatch, slack):
        assert suite("passes.py", "--notify", "slack", "--notify-on", "recovery") == 0
        assert "no notification through slack: Slack did not accept it after" in capsys.readouterr().err
        assert run_command_line(["notify", "slack", "suites/latest", "--on", "recovery"]) == 0
        assert run_command_line(["notify", "slack", "suites/latest", "--on", "recovery"]) == 0
        assert run_command_line(["notify", "slack", "latest", "--on", "failure,regression"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Slack: the message was sent",
        "Slack: nothing was sent: it was sent already",
        "Slack: nothing was sent: the condition `failure or regression` does not hold",
    ]
    assert len(slack.messages) == 1
    assert "passes again" in slack.messages[0]["text"]


def test_a_suite_says_when_it_began_as_exactly_as_a_run_does(project):
    """Or of two suites in one second nobody knows which came first, and a recovery is none."""
    assert suite("fails.py") == 1
    results = project / "battle_results"
    began = json.loads((results / "suites" / "latest" / "suite.json").read_text())["started_at"]
    run = json.loads((results / "latest" / "run.json").read_text())
    in_milliseconds = re.compile(r"\d\d:\d\d:\d\d\.\d{3}\b")
    assert in_milliseconds.search(run["started_at"])
    assert in_milliseconds.search(began)
    assert datetime.fromisoformat(began) <= datetime.fromisoformat(run["started_at"])


def test_wrong_words_are_refused_before_anything_runs(project, capsys):
    for words, problem in [
        (["--notify", "teams"], "there is no channel 'teams': it is one of slack, github, email, webhook"),
        (["--notify", "slack", "--notify-on", "never"], "there is no condition 'never'"),
        (["--notify-on", "always"], "there is no --notify to say where"),
        (["--notify", "slack", "--link", "ci/1"], "--link is not a URL"),
    ]:
        assert suite("passes.py", *words) == 2
        assert problem in capsys.readouterr().err
    assert not (project / "battle_results").exists()


PLANTED = {
    "BATTLE_SLACK_WEBHOOK": SLACK_PATH,
    "GITHUB_TOKEN": TOKEN,
    "BATTLE_SMTP_PASSWORD": PASSWORD,
    "BATTLE_WEBHOOK_SECRET": "planted-secret-of-the-webhook",
}
NEEDLES = ("planted", "PLANTED")


def test_no_secret_stands_anywhere(project, tmp_path):
    """The services repeat the secrets in their answers, and the process list is read while they are asked."""
    listed: list[str] = []

    def answer(received: Received) -> Reply:
        for process in psutil.Process().children(recursive=True):
            listed.extend(process.cmdline())
        return Reply(404, f"no_service {received.path} {' '.join(received.headers.values())}".encode())

    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with served(answer=answer) as service, mail_served() as (inbox, port):
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            **PLANTED,
            "BATTLE_SLACK_WEBHOOK": service.url + SLACK_PATH,
            "BATTLE_WEBHOOK_URL": f"{service.url}/hook/planted-path-of-the-webhook?key=planted",
            "GITHUB_API_URL": service.url,
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_REF": "refs/pull/7/merge",
            "BATTLE_SMTP": f"localhost:{port}",
            "BATTLE_SMTP_USER": "somebody",
            "BATTLE_EMAIL_TO": "ops@example.org",
            "BATTLE_EMAIL_FROM": "battle@example.org",
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
            "PYTHONPATH": str(ROOT),
        }
        said = [
            subprocess.run(
                [sys.executable, "-m", "battle", *words],
                cwd=project,
                env=environ,
                capture_output=True,
                check=False,
                text=True,
            )
            for words in (
                ["suite", "fails.py", "--world", "simulated", "--notify", "slack,github,email,webhook"],
                ["notify", "github", "latest", "--dry-run"],
                ["notify", "slack", "latest", "--token", "planted-argument"],
            )
        ]
    assert [one.returncode for one in said] == [1, 0, 2]
    assert said[0].stderr.count("no notification through") == 4
    assert len(service.received) == 3
    assert inbox.logins
    texts = [*(one.stdout + one.stderr for one in said), *listed]
    texts += [path.read_bytes().decode("latin-1") for path in project.rglob("*") if path.is_file()]
    for needle in NEEDLES:
        assert not [text[:2000] for text in texts if needle in text.replace("Probe", "")]
    assert any("battle" in word for word in listed)


def test_the_digest_arrives_with_charts(run_dir, tmp_path):
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with mail_served() as (inbox, port):
        environ = {
            **os.environ,
            "BATTLE_SMTP": f"localhost:{port}",
            "BATTLE_SMTP_USER": USER,
            "BATTLE_SMTP_PASSWORD": PASSWORD,
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        }
        words = ["notify", "email", str(run_dir), "--to", "ops@example.org", "--from", "battle@example.org"]
        first, second = (
            subprocess.run(
                [sys.executable, "-m", "battle", *words],
                cwd=ROOT,
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            )
            for _ in range(2)
        )
    assert first.stdout == "email: the email was sent\n"
    assert second.stdout == "email: nothing was sent: it was sent already\n"
    (mail,) = inbox.mails
    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [part.get_filename() for part in images] == ["latency_over_time.png", "success_over_time.png"]
    assert all(part.get_content().startswith(b"\x89PNG\r\n") for part in images)
