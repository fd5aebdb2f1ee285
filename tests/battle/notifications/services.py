"""Slack's and GitHub's APIs as they behave, on this machine: what they refuse, and how they say so."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from battle import outgoing
from battle.outgoing import Clock
from tests.battle.local_service import LocalService, Received, Reply, served

SLACK_PATH = "/services/T0PLANTED/B0PLANTED/planted0secret0of0slack0"
TOKEN = "ghs_planted0token0of0github"


class FastClock:
    """Time passes when somebody waits, and only then."""

    def __init__(self, epoch_s: float = 1_800_000_000.0) -> None:
        self.waited: list[float] = []
        self.clock = Clock(
            lambda: sum(self.waited), lambda: epoch_s + sum(self.waited), self.waited.append, lambda: 1.0
        )

    def install(self, monkeypatch: Any) -> "FastClock":
        monkeypatch.setattr(outgoing, "CLOCK", self.clock)
        return self


class Slack:
    """An incoming webhook. `refusals` come first, one for each request; then it judges blocks as Slack does."""

    def __init__(self, *refusals: Reply) -> None:
        self.messages: list[dict[str, Any]] = []
        self._refusals = list(refusals)

    def __call__(self, received: Received) -> Reply:
        if self._refusals:
            return self._refusals.pop(0)
        if received.path != SLACK_PATH:
            return Reply(404, b"no_service")
        try:
            message = received.json()
        except msgspec.DecodeError:
            return Reply(400, b"invalid_payload")
        if problem := block_problem(message):
            print(problem, file=sys.stderr)
            return Reply(400, b"invalid_blocks")
        self.messages.append(message)
        return Reply(200, b"ok")


def block_problem(message: dict[str, Any]) -> str | None:
    """What Slack would not accept of a message: its documented limits of Block Kit."""
    blocks = message.get("blocks", [])
    if not 1 <= len(blocks) <= 50:
        return f"{len(blocks)} blocks"
    for block in blocks:
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        limit = 150 if block["type"] == "header" else 3_000
        if block["type"] not in ("header", "section", "context", "divider"):
            return f"type {block['type']}"
        if block["type"] == "header" and block["text"]["type"] != "plain_text":
            return "a header that is no plain text"
        if block["type"] != "divider" and not texts:
            return f"{block['type']} without a text"
        if len(texts) > 10:
            return "more than 10 elements"
        for text in texts:
            if not 1 <= len(text["text"]) <= limit:
                return f"{len(text['text'])} characters in a {block['type']}"
    if len(msgspec.json.encode(blocks).decode()) > 13_100:
        return "msg_blocks_too_long"
    return None


class GitHub:
    """The comments of one pull request: pages, tokens, limits on size, and limits on rate when they are put in.

    `refusals` come first, one for each request. `broken_posts`: so many comments are created without an answer.
    """

    REPOSITORY = "owner/name"
    NUMBER = 7

    def __init__(self, *refusals: Reply, page: int = 100, broken_posts: int = 0) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.url = ""
        self.on_post: list[str] = []
        self._refusals = list(refusals)
        self._page = page
        self._broken_posts = broken_posts
        self._next_id = 1

    def add(self, body: str, *, kind: str = "Bot", association: str = "NONE") -> dict[str, Any]:
        made = {
            "id": self._next_id,
            "body": body,
            "user": {"login": "somebody", "type": kind},
            "author_association": association,
            "html_url": f"https://github.com/{self.REPOSITORY}/pull/{self.NUMBER}#issuecomment-{self._next_id}",
        }
        self._next_id += 1
        self.comments.append(made)
        return made

    def __call__(self, received: Received) -> Reply:
        parts = urlsplit(received.path)
        self.requests.append(f"{received.method} {parts.path.rpartition(self.REPOSITORY)[2]}")
        if self._refusals:
            return self._refusals.pop(0)
        if received.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, b'{"message": "Bad credentials"}')
        base = f"/repos/{self.REPOSITORY}/issues"
        if parts.path == f"{base}/{self.NUMBER}/comments":
            if received.method == "GET":
                return self._listed(parse_qs(parts.query))
            return self._created(received)
        found = re.fullmatch(rf"{base}/comments/(\d+)", parts.path)
        comment = next((one for one in self.comments if found and one["id"] == int(found[1])), None)
        if comment is None:
            return Reply(404, b'{"message": "Not Found"}')
        if received.method == "DELETE":
            self.comments.remove(comment)
            return Reply(204, b"")
        return self._with_body(comment, received)

    def _listed(self, query: dict[str, list[str]]) -> Reply:
        number, size = int(query.get("page", ["1"])[0]), min(self._page, int(query["per_page"][0]))
        rows = self.comments[(number - 1) * size : number * size]
        headers = {}
        if number * size < len(self.comments):
            url = f"{self.url}/repos/{self.REPOSITORY}/issues/{self.NUMBER}/comments?per_page={size}"
            headers["Link"] = f'<{url}&page=1>; rel="first", <{url}&page={number + 1}>; rel="next"'
        return Reply(200, msgspec.json.encode(rows), headers)

    def _created(self, received: Received) -> Reply:
        for body in self.on_post:
            self.add(body)  # another process was faster
        self.on_post = []
        body = received.json()["body"]
        if len(body) > 65_536:
            return Reply(
                422, b'{"message": "Validation Failed: body is too long (maximum is 65536 characters)"}'
            )
        made = self.add(body)
        if self._broken_posts:
            self._broken_posts -= 1
            return Reply(broken=True)
        return Reply(201, msgspec.json.encode(made))

    def _with_body(self, comment: dict[str, Any], received: Received) -> Reply:
        comment["body"] = received.json()["body"]
        return Reply(200, msgspec.json.encode(comment))


@contextmanager
def slack_served(monkeypatch: Any, slack: Slack) -> Iterator[LocalService]:
    """Slack, and the environment that leads to it."""
    with served(answer=slack) as service:
        monkeypatch.setenv("BATTLE_SLACK_WEBHOOK", service.url + SLACK_PATH)
        yield service


@contextmanager
def github_served(monkeypatch: Any, github: GitHub) -> Iterator[LocalService]:
    """GitHub, and the environment that a job for a pull request has."""
    with served(answer=github) as service:
        github.url = service.url
        monkeypatch.setenv("GITHUB_API_URL", service.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", GitHub.REPOSITORY)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_REF", f"refs/pull/{GitHub.NUMBER}/merge")
        monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
        yield service
