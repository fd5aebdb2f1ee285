"""The places that notifications go to, made from the environment: Slack, GitHub, email, a webhook."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

import msgspec

from battle.errors import BattleError
from battle.notifications import github, slack, webhook
from battle.notifications.condition import Condition
from battle.notifications.email import Envelope, address, digest
from battle.notifications.event import Subject
from battle.notifications.mail_server import MailServer, send_mail, server_of
from battle.notifications.message import Message
from battle.notifications.pull_request import API_VERSION, Commenter, PullRequest, pull_request_of
from battle.outgoing import (
    DeliveryError,
    Request,
    Secret,
    masked,
    optional_secret,
    require_https,
    require_url,
    secret,
    send,
)

ChannelName: TypeAlias = Literal["slack", "github", "email", "webhook"]

CHANNELS: tuple[ChannelName, ...] = get_args(ChannelName)

SLACK_URL = ("BATTLE_SLACK_WEBHOOK", "SLACK_WEBHOOK_URL")
WEBHOOK_URL = "BATTLE_WEBHOOK_URL"
WEBHOOK_SECRET = "BATTLE_WEBHOOK_SECRET"
SMTP_PASSWORD = "BATTLE_SMTP_PASSWORD"
GITHUB_TOKEN = "GITHUB_TOKEN"

NOT_SET = Secret("not set")
"""Stands for a secret in a dry run without one."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line may say of a channel; the environment says the rest."""

    pull_request: int | None = None
    comment: str = "battle"
    recipients: tuple[str, ...] = ()
    sender: str | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: the message, what it is about, and the directories of its runs by their ids."""

    message: Message
    subjects: Sequence[Subject]
    directories: Mapping[str, Path] = {}


class Channel(Protocol):
    """A place that notifications go to.

    `destination` distinguishes two places of one kind; it may be a secret. `default_on` is the condition when none is
    given. `in_place`: it keeps one message and updates it, so nothing must be noted to send nothing twice.
    """

    name: ChannelName
    title: str
    destination: str
    default_on: Condition
    in_place: bool

    def preview(self, notice: Notice) -> str:
        """What would be sent, with the secrets masked."""
        ...

    def deliver(self, notice: Notice, *, create: bool = True) -> str:
        """Send it, and say in a sentence what was done. `create`: also where nothing is to be updated.

        Raises:
            DeliveryError: it did not arrive; `UnknownDeliveryError`: perhaps it did.
        """
        ...


def channel_of(name: ChannelName, options: Options, *, dry_run: bool = False) -> Channel:
    """The channel, with its secrets from the environment; a dry run needs none.

    Raises:
        BattleError: the environment or an option is missing or wrong.
    """
    match name:
        case "slack":
            return _Slack(dry_run=dry_run)
        case "github":
            return _GitHub(options, dry_run=dry_run)
        case "email":
            return _Email(options, dry_run=dry_run)
        case "webhook":
            return _Webhook(dry_run=dry_run)


def _needed(*names: str, dry_run: bool) -> Secret:
    return optional_secret(*names) or (NOT_SET if dry_run else secret(*names))


_SLACK_HINTS = {
    "invalid_blocks": "this is a bug in Battle, please report it with the output of --dry-run",
    "invalid_payload": "this is a bug in Battle, please report it with the output of --dry-run",
    "no_service": "the webhook was removed: make a new one, and put its URL into BATTLE_SLACK_WEBHOOK",
    "no_team": "the workspace does not exist any more, or BATTLE_SLACK_WEBHOOK is not complete",
    "invalid_token": "BATTLE_SLACK_WEBHOOK is not complete: copy the whole URL again",
    "channel_not_found": "the webhook's channel does not exist any more: make a new webhook",
    "channel_is_archived": "the webhook's channel is archived: make a webhook for another one",
    "action_prohibited": "an administrator of the workspace does not allow it",
    "posting_to_general_channel_denied": "only some people may write into that channel",
}


class _Slack:
    name: ChannelName = "slack"
    title = "Slack"
    default_on: Condition = "failure"
    in_place = False

    def __init__(self, *, dry_run: bool) -> None:
        self._url = _needed(*SLACK_URL, dry_run=dry_run)
        if self._url is not NOT_SET:
            require_https(self._url.reveal(), SLACK_URL[0])
        self.destination = self._url.reveal()

    def preview(self, notice: Notice) -> str:
        return _shown(self._request(notice), [self._url], "https://hooks.slack.com/***")

    def deliver(self, notice: Notice, *, create: bool = True) -> str:
        try:
            send(self._request(notice))
        except DeliveryError as error:
            hint = next((hint for code, hint in _SLACK_HINTS.items() if code in str(error)), None)
            raise type(error)(f"{error} ({hint})" if hint else str(error)) from None
        return "the message was sent"

    def _request(self, notice: Notice) -> Request:
        return Request(
            service="Slack",
            method="POST",
            url=self._url,
            headers={"content-type": "application/json; charset=utf-8"},
            body=slack.payload(notice.message),
        )


class _Webhook:
    name: ChannelName = "webhook"
    title = "the webhook"
    default_on: Condition = "always"
    in_place = False

    def __init__(self, *, dry_run: bool) -> None:
        self._url = _needed(WEBHOOK_URL, dry_run=dry_run)
        if self._url is not NOT_SET:
            require_url(self._url.reveal(), WEBHOOK_URL)
        self._secret = optional_secret(WEBHOOK_SECRET)
        self.destination = self._url.reveal()

    def preview(self, notice: Notice) -> str:
        secrets = [self._url] if self._secret is None else [self._url, self._secret]
        return _shown(self._request(notice), secrets, "***")

    def deliver(self, notice: Notice, *, create: bool = True) -> str:
        send(self._request(notice))
        return "the event was sent"

    def _request(self, notice: Notice) -> Request:
        body = webhook.payload(notice.message, notice.subjects)
        headers = {
            "content-type": "application/json",
            "user-agent": "battle-gateway",
            "x-battle-event": notice.message.event,
            "x-battle-event-id": notice.message.event_id,
        }
        if self._secret is not None:
            headers["x-battle-signature-256"] = webhook.signature(body, self._secret.reveal())
        return Request(
            service="the webhook",
            method="POST",
            url=self._url,
            headers=headers,
            body=body,
            secrets=() if self._secret is None else (self._secret,),
        )


class _GitHub:
    name: ChannelName = "github"
    title = "GitHub"
    default_on: Condition = "always"
    in_place = True

    def __init__(self, options: Options, *, dry_run: bool) -> None:
        if not github.NAME.fullmatch(options.comment):
            raise BattleError("--comment takes a name of letters, digits, dots and dashes, up to 60 of them")
        token = _needed(GITHUB_TOKEN, dry_run=dry_run)
        self._comment = options.comment
        self._pull_request = self._found(options, token, dry_run=dry_run)
        where = self._pull_request
        self.destination = f"{where.api} {where.repository} {where.number} {options.comment}"

    @staticmethod
    def _found(options: Options, token: Secret, *, dry_run: bool) -> PullRequest:
        try:
            return pull_request_of(os.environ, options.pull_request, token)
        except BattleError:
            if not dry_run:
                raise
            return PullRequest(api="https://api.github.com", repository="OWNER/NAME", number=0, token=token)

    def preview(self, notice: Notice) -> str:
        body = github.comment_body(notice.message, self._comment)
        url = self._pull_request.comments_url
        return "\n".join([
            f"POST {url}, or PATCH of the comment that is there",
            "accept: application/vnd.github+json",
            "authorization: ***",
            f"x-github-api-version: {API_VERSION}",
            "",
            masked(body, [self._pull_request.token or NOT_SET]),
        ])  # fmt: skip

    def deliver(self, notice: Notice, *, create: bool = True) -> str:
        body = github.comment_body(notice.message, self._comment)
        marker = github.marker_in(body)
        assert marker is not None
        return Commenter(self._pull_request).put(body, marker, create=create)


class _Email:
    name: ChannelName = "email"
    title = "email"
    default_on: Condition = "always"
    in_place = False

    def __init__(self, options: Options, *, dry_run: bool) -> None:
        environ = os.environ
        listed = environ.get("BATTLE_EMAIL_TO", "")
        recipients = options.recipients or tuple(one.strip() for one in listed.split(",") if one.strip())
        sender = options.sender or environ.get("BATTLE_EMAIL_FROM", "")
        if not recipients:
            raise BattleError("an email needs recipients: give --to ADDRESS, or set BATTLE_EMAIL_TO")
        if not sender:
            raise BattleError("an email needs a sender: give --from ADDRESS, or set BATTLE_EMAIL_FROM")
        for one in recipients:
            address(one, "--to")
        address(sender, "--from")
        self._recipients, self._sender = recipients, sender
        self._server = self._server_of(environ, dry_run=dry_run)
        self.destination = " ".join(sorted(recipients))

    @staticmethod
    def _server_of(environ: Mapping[str, str], *, dry_run: bool) -> MailServer | None:
        text = environ.get("BATTLE_SMTP")
        if not text and dry_run:
            return None
        tls, user = environ.get("BATTLE_SMTP_TLS") or None, environ.get("BATTLE_SMTP_USER") or None
        password = optional_secret(SMTP_PASSWORD)
        if password is None and user is not None and dry_run:
            password = NOT_SET
        return server_of(text, tls, user, password)

    def preview(self, notice: Notice) -> str:
        server = "HOST:PORT" if self._server is None else f"{self._server.host}:{self._server.port}"
        lines = [f"SMTP to {server}, with {'STARTTLS' if self._server is None else self._server.tls}", ""]
        mail = self._mail(notice)
        lines += [f"{name}: {value}" for name, value in mail.items()]
        for part in mail.walk():
            if part.get_content_maintype() == "text":
                lines += ["", f"--- {part.get_content_type()}", "", part.get_content().rstrip()]
            elif part.get_content_maintype() == "image":
                size = len(part.get_payload(decode=True))
                lines += ["", f"--- {part.get_content_type()}, {part.get_filename()}, {size:,} bytes"]
        return "\n".join(lines)

    def deliver(self, notice: Notice, *, create: bool = True) -> str:
        assert self._server is not None
        refused = send_mail(self._server, self._mail(notice))
        return "; ".join(["the email was sent", *refused])

    def _mail(self, notice: Notice) -> EmailMessage:
        from battle.notifications.pictures import pictures_of  # DuckDB and the drawing of charts

        envelope = Envelope(
            sender=self._sender,
            recipients=self._recipients,
            written_at=datetime.now(UTC).replace(microsecond=0),
        )
        return digest(notice.message, envelope, pictures_of(notice.message, notice.directories))


def _shown(request: Request, secrets: Sequence[Secret], url: str) -> str:
    """A request as text: its line, its headers, and its body as indented JSON."""
    body = msgspec.json.format(request.body, indent=2).decode()
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\n".join([f"{request.method} {url}", *headers, "", masked(body, secrets)])
