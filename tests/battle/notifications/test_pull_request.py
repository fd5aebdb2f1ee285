"""One comment on the pull request, whatever happens on the way to it; against a server that behaves as GitHub's."""

import json

import pytest

from battle.errors import BattleError
from battle.notifications.github import Marker, marker_in
from battle.notifications.pull_request import (
    Commenter,
    PullRequest,
    github_limited,
    number_in,
    pull_request_of,
)
from battle.outgoing import Answer, DeliveryError, Policy, Secret, UnknownDeliveryError
from tests.battle.local_service import Reply, served
from tests.battle.notifications.services import TOKEN, FastClock, GitHub, github_served

LIST, POST = "GET /issues/7/comments", "POST /issues/7/comments"


def put(service, text="hello", *, event="e1", started="2026-12-01T02:00:00+00:00", name="battle", **more):
    marker = Marker(name, started, event)
    target = PullRequest(
        api=service.url, repository="owner/name", number=7, token=Secret(more.pop("token", TOKEN))
    )
    commenter = Commenter(
        target, clock=more.pop("clock", FastClock()).clock, policy=more.pop("policy", Policy())
    )
    return commenter.put(f"{text}\n{marker}", marker, **more)


@pytest.fixture
def github():
    return GitHub()


@pytest.fixture
def service(github, monkeypatch):
    with github_served(monkeypatch, github) as service:
        yield service


def test_a_second_time_updates_the_comment_that_is_there(github, service):
    github.add("Nice work!", kind="User", association="MEMBER")
    assert put(service, "first").startswith("the comment was created: https://github.com/")
    assert put(service, "second", event="e2").startswith("the comment was updated: https://")
    assert [one["body"].partition("\n")[0] for one in github.comments] == ["Nice work!", "second"]
    assert github.requests == [LIST, POST, LIST, LIST, "PATCH /issues/comments/2"]


def test_the_same_again_changes_nothing(github, service):
    put(service)
    del github.requests[:]
    assert put(service).startswith("the comment says this already")
    assert github.requests == [LIST]


def test_the_comment_is_found_on_the_last_page(github, service):
    github._page = 2
    for number in range(5):
        github.add(f"talk {number}")
    put(service, "first")
    put(service, "second", event="e2")
    assert [one["body"].partition("\n")[0] for one in github.comments][5:] == ["second"]
    assert github.requests[:4] == [LIST, LIST, LIST, POST]


def test_the_next_page_is_not_asked_of_another_host(github, service, monkeypatch):
    github._page = 1
    github.add("a")
    github.add("b")
    with served() as elsewhere:
        github.url = elsewhere.url
        with pytest.raises(DeliveryError, match="on another host"):
            put(service)
        assert elsewhere.received == []


def test_each_name_has_a_comment_of_its_own(github, service):
    put(service, name="fast")
    put(service, name="soak")
    assert len(github.comments) == 2


def test_a_comment_of_a_newer_run_stays(github, service):
    put(service, "newer", started="2026-12-01T03:00:00+00:00")
    said = put(service, "older", event="e0", started="2026-12-01T02:59:59.5+00:00")
    assert said.startswith("the comment is of a newer run")
    assert github.comments[0]["body"].startswith("newer")


def test_nobody_else_can_write_our_comment(github, service):
    forged = str(Marker("battle", "2999-01-01T00:00:00+00:00", "forged"))
    github.add(forged, kind="User", association="CONTRIBUTOR")
    put(service, "ours")
    assert [marker_in(one["body"]).event_id for one in github.comments] == ["forged", "e1"]


def test_without_create_only_a_comment_that_is_there_is_updated(github, service):
    assert put(service, create=False) == "there is no comment to update, and nothing to report"
    assert github.comments == []
    put(service)
    assert put(service, "green", event="e2", create=False).startswith("the comment was updated")


def test_of_two_processes_at_once_one_comment_stays(github, service):
    theirs = f"theirs\n{Marker('battle', '2026-12-01T01:00:00+00:00', 'e0')}"
    github.on_post = [theirs]
    assert put(service, "ours").startswith("the comment was updated")
    assert [one["body"].partition("\n")[0] for one in github.comments] == ["ours"]


def test_limits_of_rate_are_waited_for(github, service):
    clock = FastClock(epoch_s=1_000.0)
    github._refusals = [
        Reply(403, b'{"message": "You have exceeded a secondary rate limit."}', {"Retry-After": "9"}),
        Reply(403, b"{}", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1040"}),
        Reply(502, b"bad gateway"),
    ]
    put(service, clock=clock)
    assert clock.waited == [9.0, 31.0, 4.0]
    assert len(github.comments) == 1


def test_a_secondary_limit_without_a_time_is_a_minute():
    said = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes"}'
    assert github_limited(Answer(403, {}, said), 0.0) == 60.0
    assert github_limited(Answer(429, {}, b""), 0.0) == 60.0
    assert (
        github_limited(Answer(403, {}, b'{"message": "Resource not accessible by integration"}'), 0.0) is None
    )
    assert github_limited(Answer(403, {"x-ratelimit-remaining": "0"}, b""), 0.0) is None
    assert github_limited(Answer(500, {}, b""), 0.0) == 0.0
    assert github_limited(Answer(422, {}, b""), 0.0) is None


def test_a_limit_that_lasts_an_hour_is_not_waited_for(github, service):
    github._refusals = [Reply(403, b"{}", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4600"})]
    with pytest.raises(DeliveryError, match=r"within 150 s \(it asks to wait 3,600 s\)"):
        put(service, clock=FastClock(epoch_s=1_000.0))


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (
            Reply(403, b'{"message": "Resource not accessible by integration"}'),
            "permissions: pull-requests: write",
        ),
        (Reply(401, b'{"message": "Bad credentials"}'), "GITHUB_TOKEN is not valid"),
        (Reply(404, b'{"message": "Not Found"}'), "404"),
        (Reply(200, b"<html>"), "GITHUB_API_URL"),
    ],
)
def test_a_refusal_says_what_to_do_and_not_the_token(github, service, reply, hint):
    github._refusals = [reply]
    with pytest.raises(DeliveryError) as caught:
        put(service)
    assert hint in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert len(github.requests) == 1


def test_a_comment_whose_answer_was_lost_is_found_again(github, service):
    github._broken_posts = 1
    assert put(service).startswith("the comment was created: https://")
    assert len(github.comments) == 1


def test_an_answer_that_was_lost_before_the_comment_is_reported(github, service):
    github._refusals = [Reply(200, b"[]"), Reply(broken=True)]
    with pytest.raises(UnknownDeliveryError):
        put(service)
    assert put(service).startswith("the comment was created")  # and tried again by whoever comes next


def test_a_slow_list_is_asked_again(github, service):
    github._refusals = [Reply(slow=True)]
    put(service, policy=Policy(answer_s=0.03))
    assert len(github.comments) == 1


ENVIRON = {"GITHUB_REPOSITORY": "owner/name", "GITHUB_API_URL": "https://ghe.example.org/api/v3/"}


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"pull_request": {"number": 7}}, 7),
        ({"issue": {"number": 8, "pull_request": {}}}, 8),
        ({"issue": {"number": 8}}, 5),
        ({"workflow_run": {"pull_requests": [{"number": 9}]}}, 9),
        ({"workflow_run": {"pull_requests": []}}, 5),
        ({}, 5),
        ([], 5),
    ],
)
def test_the_number_is_in_the_event_or_in_the_ref(tmp_path, event, number):
    (tmp_path / "event.json").write_text(json.dumps(event))
    environ = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REF": "refs/pull/5/merge"}
    assert number_in(environ) == number


def test_an_event_that_cannot_be_read_leaves_the_ref(tmp_path):
    (tmp_path / "event.json").write_text("{")
    for path in (tmp_path / "event.json", tmp_path / "missing", tmp_path):
        assert number_in({"GITHUB_EVENT_PATH": str(path), "GITHUB_REF": "refs/pull/5/head"}) == 5
    assert number_in({"GITHUB_REF": "refs/heads/main"}) is None


def test_the_pull_request_is_that_of_the_job_or_of_the_option():
    found = pull_request_of({**ENVIRON, "GITHUB_REF": "refs/pull/5/merge"}, None, None)
    assert found.comments_url == "https://ghe.example.org/api/v3/repos/owner/name/issues/5/comments"
    assert pull_request_of({"GITHUB_REPOSITORY": "o/n"}, 3, None).api == "https://api.github.com"
    for environ, number, problem in [
        ({}, 1, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_REPOSITORY": "../x/y"}, 1, "GITHUB_REPOSITORY is not set"),
        (ENVIRON, None, "runs for no pull request: name one with --pr"),
        (ENVIRON, 0, "--pr is the number"),
        ({**ENVIRON, "GITHUB_API_URL": "http://ghe.example.org"}, 1, "must begin with https://"),
    ]:
        with pytest.raises(BattleError, match=problem):
            pull_request_of(environ, number, None)
