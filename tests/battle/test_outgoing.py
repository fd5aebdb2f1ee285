"""Requests to other people's services, against a real server on this machine."""

import logging
import os
import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from battle.errors import BattleError
from battle.outgoing import (
    ANSWER_BYTES_MAX,
    Answer,
    Clock,
    DeliveryError,
    Policy,
    Request,
    Secret,
    UnknownDeliveryError,
    backoff_s,
    masked,
    optional_secret,
    require_https,
    retry_after_s,
    secret,
    send,
)
from tests.battle.local_service import OK, Reply, served

TOKEN = "xoxb-planted"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


class Waits:
    """A clock that does not wait: it keeps for how long it was asked to."""

    def __init__(self):
        self.waited = []
        self.clock = Clock(lambda: sum(self.waited), lambda: 1_000.0, self.waited.append, lambda: 1.0)


def post(url, **more):
    return Request(service="Slack", method="POST", url=url, body=b"{}", **more)


def test_what_is_accepted_at_once_is_sent_once():
    waits = Waits()
    with served(Reply(201, b"made", {"X-Mark": "7"})) as service:
        answer = send(post(service.url + "/a", headers={"content-type": "text/plain"}), clock=waits.clock)
    assert (answer.status, answer.text, answer.headers["x-mark"]) == (201, "made", "7")
    (received,) = service.received
    assert (received.method, received.path, received.body) == ("POST", "/a", b"{}")
    assert received.headers["content-type"] == "text/plain"
    assert waits.waited == []


def test_a_limit_and_a_failure_of_the_server_are_waited_for():
    waits = Waits()
    replies = [Reply(429, headers={"Retry-After": "7"}), Reply(500), Reply(503), OK]
    with served(*replies) as service:
        assert send(post(service.url), clock=waits.clock).status == 200
    assert len(service.received) == 4
    assert waits.waited == [7.0, 2.0, 4.0]


def test_attempts_are_bounded():
    waits = Waits()
    with served(Reply(500, b"oh\nno")) as service, pytest.raises(DeliveryError) as caught:
        send(post(service.url), clock=waits.clock, policy=Policy(attempts=3))
    assert len(service.received) == 3
    assert str(caught.value) == "Slack did not accept it after 3 attempts: it answered with status 500: oh no"
    assert not isinstance(caught.value, UnknownDeliveryError)


def test_a_wait_beyond_the_total_time_ends_at_once():
    waits = Waits()
    limit = Reply(429, b"ratelimited", {"Retry-After": "3600"})
    with (
        served(limit) as service,
        pytest.raises(DeliveryError, match=r"within 150 s .it asks to wait 3,600 s"),
    ):
        send(post(service.url), clock=waits.clock)
    assert (len(service.received), waits.waited) == (1, [])


def test_what_the_service_will_never_accept_is_not_repeated():
    waits = Waits()
    with (
        served(Reply(400, b"invalid_blocks")) as service,
        pytest.raises(DeliveryError, match="400: invalid_blocks"),
    ):
        send(post(service.url), clock=waits.clock)
    assert len(service.received) == 1


def test_a_redirect_is_not_followed():
    with served() as other, served(Reply(302, headers={"Location": other.url})) as service:
        with pytest.raises(DeliveryError, match="redirect"):
            send(post(service.url), clock=Waits().clock)
        assert other.received == []


@pytest.mark.parametrize("reply", [Reply(slow=True), Reply(broken=True), Reply(504)])
def test_what_may_have_arrived_is_not_sent_again(reply):
    waits = Waits()
    with served(reply, OK) as service, pytest.raises(UnknownDeliveryError, match="may or may not"):
        send(post(service.url), clock=waits.clock, policy=Policy(answer_s=0.03))
    assert len(service.received) == 1


@pytest.mark.parametrize("reply", [Reply(slow=True), Reply(broken=True), Reply(504)])
def test_what_may_have_arrived_is_sent_again_where_that_does_no_harm(reply):
    waits = Waits()
    with served(reply, OK) as service:
        assert (
            send(post(service.url, repeatable=True), clock=waits.clock, policy=Policy(answer_s=0.03)).status
            == 200
        )
    assert len(service.received) == 2


def test_a_service_that_is_down_is_asked_again():
    with served() as service:
        url = service.url
    waits = Waits()
    with pytest.raises(
        DeliveryError, match=r"after 3 attempts: it cannot be reached: Connection refused"
    ) as caught:
        send(post(url), clock=waits.clock, policy=Policy(attempts=3))
    assert waits.waited == [1.0, 2.0]
    assert not isinstance(caught.value, UnknownDeliveryError)


def test_an_endless_answer_is_cut():
    body = b"x" * (ANSWER_BYTES_MAX + 1)
    with served(Reply(200, body)) as service, pytest.raises(UnknownDeliveryError, match="longer than 16 MiB"):
        send(post(service.url), clock=Waits().clock)


def test_a_secret_is_in_no_message_and_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with served(Reply(404, f"no_service /services/T0/B0/{TOKEN} {TOKEN}".encode())) as service:
        request = post(
            Secret(f"{service.url}/services/T0/B0/{TOKEN}?key=planted-too"), secrets=[Secret(TOKEN)]
        )
        with pytest.raises(DeliveryError) as caught:
            send(request, clock=Waits().clock)
    assert service.received[0].path == f"/services/T0/B0/{TOKEN}?key=planted-too"
    for text in (str(caught.value), repr(caught.value), repr(caught.value.args), repr(request), caplog.text):
        assert TOKEN not in text
        assert "planted" not in text
    assert "no_service" in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_invalid_url_is_not_shown():
    for url in (f"http://[{TOKEN}", f"nohttp://{TOKEN}", f"http://\x00{TOKEN}", ""):
        with pytest.raises(DeliveryError) as caught:
            send(post(Secret(url)), clock=Waits().clock)
        assert TOKEN not in str(caught.value)


def test_the_proxy_of_the_environment_is_used(monkeypatch):
    with served() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert send(post("http://service.invalid/path"), clock=Waits().clock).status == 200
        assert proxy.received[0].path == "http://service.invalid/path"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with served() as service:
            send(post(service.url), clock=Waits().clock)
            assert len(service.received) == 1


@pytest.mark.parametrize("proxy", [f"socks5://user:{TOKEN}@127.0.0.1:1", f"nothing://user:{TOKEN}@x"])
def test_an_unusable_proxy_is_reported_without_its_password(monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(DeliveryError, match="HTTP_PROXY") as caught:
        send(post("http://service.invalid/"), clock=Waits().clock)
    assert TOKEN not in str(caught.value)


def test_retry_after_is_seconds_or_a_date():
    at = datetime(2026, 12, 1, tzinfo=UTC)

    def asked(text):
        return retry_after_s(Answer(429, {"retry-after": text}, b""), at.timestamp())

    assert asked("30") == 30.0
    assert asked(format_datetime(at + timedelta(seconds=90), usegmt=True)) == 90.0
    assert asked(format_datetime(at - timedelta(seconds=90), usegmt=True)) == 0.0
    assert [asked(text) for text in ("", "soon", "-3", "1e9", "9" * 400)] == [0.0] * 5


def test_waits_double_up_to_a_bound_and_are_spread():
    policy = Policy(backoff_first_s=1.0, backoff_max_s=5.0)
    assert [backoff_s(attempt, policy, 1.0) for attempt in (1, 2, 3, 4, 9_999)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff_s(2, policy, 0.0) == 1.0


def test_a_secret_shows_as_stars(monkeypatch):
    monkeypatch.setenv("PLANTED", f" {TOKEN}\n")
    monkeypatch.delenv("MISSING", raising=False)
    value = secret("MISSING", "PLANTED")
    assert value.reveal() == TOKEN
    assert (str(value), repr(value), f"{value}", f"{[value]}") == ("***", "***", "***", "[***]")
    with pytest.raises(TypeError):
        pickle.dumps(value)
    assert optional_secret("MISSING") is None
    with pytest.raises(BattleError, match="the environment variable MISSING or ABSENT is not set"):
        secret("MISSING", "ABSENT")


def test_masking_knows_the_parts_of_a_url():
    url = Secret("https://u:pw9@host/a/b?c=d")
    assert (
        masked("POST /a/b?c=d as pw9, for https://u:pw9@host/a/b?c=d", [url])
        == "POST ***?*** as ***, for ***"
    )


def test_secrets_do_not_travel_in_the_clear():
    for url in ("https://hooks.slack.com/x", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]/"):
        require_https(url, "X")
    with pytest.raises(BattleError, match="X must begin with https://"):
        require_https("http://hooks.slack.com/x", "X")
    for url in ("hooks.slack.com", "", "https://", "ftp://x/", "http://["):
        with pytest.raises(BattleError, match="X is not a URL"):
            require_https(url, "X")
