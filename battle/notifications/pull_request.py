"""The comment on a pull request: found by its marker and updated in place, or else created.

Sending it twice leaves one comment, also from two machines: whoever created one looks again, and if another process
was faster, updates the older one and removes its own.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from battle.errors import BattleError
from battle.notifications.github import Marker, marker_in
from battle.outgoing import (
    DEFAULT_POLICY,
    Answer,
    Clock,
    DeliveryError,
    Policy,
    Request,
    Secret,
    UnknownDeliveryError,
    limited,
    require_https,
    retry_after_s,
    send,
)
from battle.store import typed
from battle.store.regular import read_regular

SERVICE = "GitHub"
API = "https://api.github.com"
API_VERSION = "2022-11-28"

PER_PAGE = 100
PAGES_MAX = 100
"""10,000 comments on one pull request."""

SECONDARY_WAIT_S = 60.0
"""GitHub's advice for a secondary limit that names no time: wait at least a minute."""

EVENT_BYTES_MAX = 16 * 2**20
"""GitHub cuts the payload of an event at 25 MB; those of pull requests take 30 kB."""

_OURS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which pull request of which repository; `token` None is for a dry run."""

    api: str
    repository: str
    number: int
    token: Secret | None

    @property
    def comments_url(self) -> str:
        """Of all its comments."""
        return f"{self.api}/repos/{quote(self.repository)}/issues/{self.number}/comments"

    def comment_url(self, comment_id: int) -> str:
        """Of one comment."""
        return f"{self.api}/repos/{quote(self.repository)}/issues/comments/{comment_id}"


def pull_request_of(environ: Mapping[str, str], number: int | None, token: Secret | None) -> PullRequest:
    """The pull request that `--pr` names, or the one that this job of GitHub Actions runs for.

    Raises:
        BattleError: it is not known which one.
    """
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise BattleError("the environment variable GITHUB_REPOSITORY is not set to OWNER/NAME")
    api = environ.get("GITHUB_API_URL", "").rstrip("/") or API
    require_https(api, "GITHUB_API_URL")
    found = number if number is not None else number_in(environ)
    if found is None:
        raise BattleError("this job runs for no pull request: name one with --pr NUMBER")
    if found < 1:
        raise BattleError(f"--pr is the number of a pull request, not {found}")
    return PullRequest(api=api, repository=repository, number=found, token=token)


def number_in(environ: Mapping[str, str]) -> int | None:
    """The number of the pull request in the event that started the job, or in the ref that it checked out."""
    path = environ.get("GITHUB_EVENT_PATH")
    if path:
        try:
            event = json.loads(read_regular(Path(path), EVENT_BYTES_MAX))
        except (OSError, ValueError, RecursionError):
            event = None  # the ref may say it
        found = _number_in_event(event)
        if found is not None:
            return found
    ref = re.fullmatch(r"refs/pull/(\d{1,15})/(merge|head)", environ.get("GITHUB_REF", ""))
    return None if ref is None else int(ref[1])


def _number_in_event(event: Any) -> int | None:
    if not isinstance(event, dict):
        return None
    issue = event.get("issue")
    candidates = [event.get("pull_request"), issue if _is_pull_request(issue) else None]
    run = event.get("workflow_run")
    if isinstance(run, dict) and isinstance(run.get("pull_requests"), list):
        candidates += run["pull_requests"][:1]
    for one in candidates:
        if isinstance(one, dict) and isinstance(one.get("number"), int):
            return int(one["number"])
    return None


def _is_pull_request(issue: Any) -> bool:
    return isinstance(issue, dict) and "pull_request" in issue


class Comment(msgspec.Struct, frozen=True):
    """A comment with a marker of ours."""

    id: int
    body: str
    marker: Marker
    html_url: str


class Commenter:
    """Speaks with GitHub's REST API."""

    def __init__(
        self, pull_request: PullRequest, *, policy: Policy = DEFAULT_POLICY, clock: Clock | None = None
    ) -> None:
        self._pull_request, self._policy, self._clock = pull_request, policy, clock

    def put(self, body: str, marker: Marker, *, create: bool = True) -> str:
        """Leave one comment with this body, and say in a sentence what was done.

        `create`: also where there is none yet. A comment of a newer run stays as it is.

        Raises:
            DeliveryError: GitHub did not accept it.
        """
        found = self._find(marker.name)
        if found is None:
            if not create:
                return "there is no comment to update, and nothing to report"
            return self._create(body, marker)
        if _is_newer(found.marker, marker):
            return f"the comment is of a newer run, and stays as it is: {found.html_url}"
        if found.body.strip() == body.strip():
            return f"the comment says this already: {found.html_url}"
        self._send("PATCH", self._pull_request.comment_url(found.id), body, repeatable=True)
        return f"the comment was updated: {found.html_url}"

    def _create(self, body: str, marker: Marker) -> str:
        try:
            answer = self._send("POST", self._pull_request.comments_url, body, repeatable=False)
        except UnknownDeliveryError:
            # The answer was lost. If the comment is there, it is ours: its marker names the event.
            found = self._find(marker.name)
            if found is None or found.marker.event_id != marker.event_id:
                raise
            return f"the comment was created: {found.html_url}"
        made = _decoded(answer)
        made_id = made.get("id") if isinstance(made, dict) else None
        first = self._find(marker.name)
        if first is not None and isinstance(made_id, int) and first.id != made_id:
            # Another process was faster: there is to be one comment, the older one.
            if not _is_newer(first.marker, marker):
                self._send("PATCH", self._pull_request.comment_url(first.id), body, repeatable=True)
            self._send("DELETE", self._pull_request.comment_url(made_id), None, repeatable=True)
            return f"the comment was updated: {first.html_url}"
        url = made.get("html_url", "") if isinstance(made, dict) else ""
        return f"the comment was created: {url}"

    def _find(self, name: str) -> Comment | None:
        """Our oldest comment of this name."""
        found = [one for one in self._ours() if one.marker.name == name]
        return min(found, key=lambda one: one.id) if found else None

    def _ours(self) -> Iterator[Comment]:
        url: str | None = f"{self._pull_request.comments_url}?per_page={PER_PAGE}"
        for _ in range(PAGES_MAX):
            if url is None:
                return
            answer = self._send("GET", url, None, repeatable=True)
            page = _decoded(answer)
            for one in page if isinstance(page, list) else []:
                if comment := _comment(one):
                    yield comment
            url = self._next(answer)

    def _next(self, answer: Answer) -> str | None:
        """The next page, as the header `Link` names it (RFC 8288); only where our token may go."""
        for part in answer.headers.get("link", "").split(","):
            found = re.fullmatch(r'\s*<([^>]*)>\s*;.*\brel="?next"?.*', part)
            if found:
                here, there = urlsplit(self._pull_request.api), urlsplit(found[1])
                if (here.scheme, here.netloc) != (there.scheme, there.netloc):
                    raise DeliveryError("GitHub named a next page on another host, which is not followed")
                return found[1]
        return None

    def _send(self, method: str, url: str, body: str | None, *, repeatable: bool) -> Answer:
        token = self._pull_request.token
        assert token is not None
        request = Request(
            service=SERVICE,
            method=method,
            url=url,
            headers=headers(token.reveal(), with_body=body is not None),
            body=b"" if body is None else msgspec.json.encode({"body": body}),
            repeatable=repeatable,
            secrets=(token,),
        )
        try:
            return send(request, policy=self._policy, clock=self._clock, limited=github_limited)
        except DeliveryError as error:
            raise type(error)(_explained(str(error))) from None


def headers(token: str, *, with_body: bool) -> dict[str, str]:
    """The headers of a request to GitHub."""
    return {
        "accept": "application/vnd.github+json",
        "authorization": f"Bearer {token}",
        "user-agent": "battle-gateway",
        "x-github-api-version": API_VERSION,
        **({"content-type": "application/json"} if with_body else {}),
    }


def github_limited(answer: Answer, epoch_s: float) -> float | None:
    """How long to wait at least, by GitHub's rules for rate limits; None: another attempt makes no sense.

    A 403 or 429 is a limit when it has `retry-after`, or no request is left (then until `x-ratelimit-reset`), or
    says that a secondary limit was exceeded (then a minute). Any other 403 is a missing permission.
    """
    if answer.status not in (403, 429):
        return limited(answer, epoch_s)
    if "retry-after" in answer.headers:
        return retry_after_s(answer, epoch_s)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        return max(1.0, float(reset[:15]) - epoch_s)
    if answer.status == 429 or "secondary rate limit" in answer.text.lower():
        return SECONDARY_WAIT_S
    return None


def _explained(text: str) -> str:
    """What to do about the two refusals that are likely."""
    if "status 403" in text and "rate limit" not in text.lower():
        return f"{text} (the job needs `permissions: pull-requests: write`; jobs of forks do not get it)"
    if "status 401" in text:
        return f"{text} (GITHUB_TOKEN is not valid)"
    return text


def _comment(one: Any) -> Comment | None:
    """Our comment, if it is one. Anybody can write the marker: it counts only from a bot or a maintainer."""
    if not isinstance(one, dict) or not isinstance(one.get("id"), int):
        return None
    user = one.get("user")
    is_person = isinstance(user, dict) and user.get("type", "Bot") != "Bot"
    if is_person and one.get("author_association") not in _OURS:
        return None
    body = one.get("body")
    if not isinstance(body, str) or (marker := marker_in(body)) is None:
        return None
    return Comment(one["id"], body.replace("\r\n", "\n"), marker, str(one.get("html_url", "")))


def _is_newer(theirs: Marker, ours: Marker) -> bool:
    """Whether the comment that is there is of a run that began later."""
    try:
        return datetime.fromisoformat(theirs.started_at) > datetime.fromisoformat(ours.started_at)
    except (ValueError, TypeError):
        return False


def _decoded(answer: Answer) -> Any:
    try:
        return typed.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        raise DeliveryError("GitHub's answer is not JSON: is GITHUB_API_URL right?") from None
