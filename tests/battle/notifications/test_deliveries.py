"""Nothing is sent twice: not again, not by two at once, not after a send that ended halfway."""

import subprocess
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from battle.errors import BattleError
from battle.notifications import webhook
from battle.notifications.channels import Options, channel_of
from battle.notifications.deliveries import FOLDER, Claim, claimed, obstacle, path_of
from battle.notifications.message import message_of
from battle.notifications.notify import Place, notify, preview
from battle.outgoing import DeliveryError, UnknownDeliveryError
from tests.battle.local_service import OK, Reply, served
from tests.battle.notifications.samples import run, subject, suite
from tests.battle.notifications.services import (
    SLACK_PATH,
    FastClock,
    GitHub,
    Slack,
    github_served,
    slack_served,
)


@pytest.fixture
def clock(monkeypatch):
    return FastClock().install(monkeypatch)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "run").mkdir()
    return Place(subject(), tmp_path / "run")


def to_slack(*places, on=(), **more):
    return notify(channel_of("slack", Options()), places, on, **more)


def test_the_second_time_nothing_is_sent(monkeypatch, place):
    slack = Slack()
    with slack_served(monkeypatch, slack):
        assert to_slack(place) == "the message was sent"
        assert to_slack(place) == "nothing was sent: it was sent already"
        assert len(slack.messages) == 1
        assert to_slack(place, again=True) == "the message was sent"
    assert len(slack.messages) == 2


def test_slack_that_answers_429_and_500_gets_the_message_once(monkeypatch, place, clock):
    slack = Slack(Reply(429, b"rate_limited", {"Retry-After": "30"}), Reply(500, b"rollup_error"))
    with slack_served(monkeypatch, slack) as service:
        to_slack(place)
        to_slack(place)
    assert len(slack.messages) == 1
    assert len(service.received) == 3
    assert clock.waited == [30.0, 2.0]


def test_what_surely_did_not_arrive_is_sent_the_next_time(monkeypatch, place, clock):
    slack = Slack(Reply(404, b"no_service"))
    with slack_served(monkeypatch, slack):
        with pytest.raises(DeliveryError, match=r"no_service .the webhook was removed: make a new one"):
            to_slack(place)
        to_slack(place)
    assert len(slack.messages) == 1


def test_what_perhaps_arrived_is_not_sent_again_unless_asked(monkeypatch, place):
    slack = Slack(Reply(broken=True))
    with slack_served(monkeypatch, slack) as service:
        with pytest.raises(UnknownDeliveryError):
            to_slack(place)
        for _ in range(2):
            with pytest.raises(UnknownDeliveryError, match="nothing was sent: perhaps it was sent"):
                to_slack(place)
        assert len(service.received) == 1
        to_slack(place, again=True)
        assert to_slack(place) == "nothing was sent: it was sent already"
    assert len(slack.messages) == 1


def test_what_perhaps_arrived_is_said_beside_what_is_sent(monkeypatch, tmp_path, place):
    (tmp_path / "other").mkdir()
    other = Place(subject(run(run_id="other", name="other.py")), tmp_path / "other")
    (tmp_path / "passed").mkdir()
    passed = Place(subject(run("PASS", run_id="passed", name="passed.py")), tmp_path / "passed")
    slack = Slack(Reply(broken=True))
    with slack_served(monkeypatch, slack):
        with pytest.raises(UnknownDeliveryError):
            to_slack(place)
        with pytest.raises(UnknownDeliveryError, match="does not hold: perhaps it was sent"):
            to_slack(place, passed)
        with pytest.raises(UnknownDeliveryError, match="the message was sent: perhaps it was sent"):
            to_slack(place, other)
    assert len(slack.messages) == 1


def test_two_places_are_two_deliveries(monkeypatch, place):
    for _ in range(2):  # another server, so another address
        slack = Slack()
        with slack_served(monkeypatch, slack):
            to_slack(place)
        assert len(slack.messages) == 1


def test_of_several_only_what_is_new_is_sent(monkeypatch, tmp_path, place):
    (tmp_path / "other").mkdir()
    other = Place(subject(run(run_id="other", name="other.py")), tmp_path / "other")
    slack = Slack()
    with slack_served(monkeypatch, slack):
        to_slack(place)
        to_slack(place, other)
        to_slack(other, place)
    assert [message["text"].split(":")[0] for message in slack.messages] == [
        "failover.py",
        "other.py, simulated world, seed 7",
    ]


def test_another_event_of_the_same_run_is_sent(monkeypatch, place):
    slack = Slack()
    with slack_served(monkeypatch, slack):
        to_slack(place)
        to_slack(Place(subject(run("PASS"), recovered=True), place.directory), on=["recovery"])
    assert len(slack.messages) == 2


def test_a_condition_that_does_not_hold_sends_nothing(monkeypatch, place):
    slack = Slack()
    passed = Place(subject(run("PASS")), place.directory)
    with slack_served(monkeypatch, slack):
        assert to_slack(passed) == "nothing was sent: the condition `failure` does not hold"
        assert to_slack(place, on=["recovery"]).endswith("`recovery` does not hold")
    assert slack.messages == []
    assert not (place.directory / FOLDER).exists()


HOLDER = """
import sys
from pathlib import Path
from battle.notifications.deliveries import claimed
from tests.battle.notifications.samples import subject
claim = claimed(Path(sys.argv[1]), "slack", subject())
claim.write("sending")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(place):
    """Another process that is sending."""
    path = path_of(place.directory, "slack", "somewhere", place.subject)
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_what_another_process_is_sending_is_left_to_it(place, holder):
    path, process = holder
    assert claimed(path, "slack", place.subject) == "busy"
    assert claimed(path, "slack", place.subject, again=True) == "busy"
    process.kill()
    process.wait()
    assert claimed(path, "slack", place.subject) == "unknown"  # it died while it sent
    assert obstacle(path) == "unknown"
    claim = claimed(path, "slack", place.subject, again=True)
    assert isinstance(claim, Claim)
    claim.close()


def test_a_record_that_is_torn_may_have_been_sent(place):
    path = path_of(place.directory, "slack", "somewhere", place.subject)
    path.parent.mkdir()
    path.write_text('{"channel": "sl')
    assert claimed(path, "slack", place.subject) == "unknown"


def test_the_record_does_not_show_the_destination(monkeypatch, place):
    with slack_served(monkeypatch, Slack()) as service:
        to_slack(place)
    (record,) = (place.directory / FOLDER).iterdir()
    assert SLACK_PATH.rpartition("/")[2] not in record.read_text() + record.name
    assert service.url not in record.read_text()


def test_what_cannot_be_noted_is_not_sent(monkeypatch, place):
    (place.directory / FOLDER).write_text("a file")
    slack = Slack()
    with slack_served(monkeypatch, slack), pytest.raises(BattleError, match="so nothing is sent"):
        to_slack(place)
    assert slack.messages == []


def test_a_comment_needs_no_record(monkeypatch, place):
    github = GitHub()
    with github_served(monkeypatch, github):
        channel = channel_of("github", Options())
        assert notify(channel, [place], ()).startswith("the comment was created")
        assert notify(channel, [place], ()).startswith("the comment says this already")
    assert len(github.comments) == 1
    assert not (place.directory / FOLDER).exists()


def test_a_comment_that_is_there_is_updated_whatever_the_condition(monkeypatch, place):
    github = GitHub()
    green = Place(subject(run("PASS", run_id="later")), place.directory)
    with github_served(monkeypatch, github):
        channel = channel_of("github", Options())
        assert notify(channel, [green], ["failure"]).startswith("there is no comment to update")
        notify(channel, [place], ["failure"])
        notify(channel, [green], ["failure"])
    assert [one["body"].splitlines()[0] for one in github.comments] == ["**✅ PASS: OK to ship.**"]


def test_the_webhook_gets_signed_json(monkeypatch, place):
    monkeypatch.setenv("BATTLE_WEBHOOK_SECRET", "planted")
    with served(OK) as service:
        monkeypatch.setenv("BATTLE_WEBHOOK_URL", f"{service.url}/hook")
        assert notify(channel_of("webhook", Options()), [place], ()) == "the event was sent"
    (received,) = service.received
    assert received.headers["x-battle-signature-256"] == webhook.signature(received.body, "planted")
    assert received.headers["x-battle-event"] == "failure"
    body = received.json()
    assert body["event_id"] == received.headers["x-battle-event-id"] == place.subject.event_id
    assert body["subjects"][0]["runs"][0]["reasons"] == list(place.subject.runs[0].reasons)


def test_a_webhooks_body_is_as_its_schema_says():
    of = suite(run(), run("PASS"), run("INCONCLUSIVE", run_id=None, status="not run"))
    jsonschema.validate(
        msgspec.json.decode(webhook.payload(message_of([of]), [of])),
        msgspec.json.decode(webhook.json_schema()),
    )


def test_a_dry_run_says_what_would_be_sent_and_why_not(monkeypatch, place):
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    with slack_served(monkeypatch, Slack()) as service:
        channel = channel_of("slack", Options(), dry_run=True)
        text, obstacle = preview(channel, [place], ())
        assert obstacle is None
        to_slack(place)
        assert len(service.received) == 1
        assert preview(channel, [place], ()) == (text, "it was sent already")
    assert text.startswith("POST https://hooks.slack.com/***\n")
    assert SLACK_PATH not in text
    assert msgspec.json.decode(text.partition("\n\n")[2]) == service.received[0].json()
