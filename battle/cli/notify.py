"""`battle notify`."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from battle.cli.options import Out
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.notifications.channels import (
    GITHUB_TOKEN,
    SLACK_URL,
    SMTP_PASSWORD,
    WEBHOOK_SECRET,
    WEBHOOK_URL,
    ChannelName,
    Options,
    channel_of,
)
from battle.notifications.condition import Condition, parsed
from battle.outgoing import require_url

On = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="CONDITION",
        help="When to send: failure, regression, recovery, always. May be repeated. "
        "Default: failure for Slack, else always.",
    ),
]

Link = Annotated[
    str | None,
    typer.Option(
        "--link", metavar="URL", help="Where the results are. Default: the job of GitHub or GitLab."
    ),
]


def command(
    channel: Annotated[ChannelName, typer.Argument(help="Where to send it.")],
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs or suites: ids, directories, or `latest`.")
    ],
    on: On = None,
    link: Link = None,
    pr: Annotated[
        int | None,
        typer.Option("--pr", metavar="NUMBER", help="GitHub: the pull request. Default: that of the job."),
    ] = None,
    comment: Annotated[
        str,
        typer.Option(
            "--comment", metavar="NAME", help="GitHub: which comment, where several jobs write their own."
        ),
    ] = "battle",
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="Email: a recipient. May be repeated."),
    ] = None,
    sender: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Email: the sender.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send it although it was, or may have been, sent.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent. Needs no network and no secrets.")
    ] = False,
    out: Out = DEFAULT_OUT,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="DIR",
            help="Where earlier verdicts are. Default: battle_history, if it exists.",
        ),
    ] = None,
    token: Annotated[str | None, typer.Option("--token", hidden=True)] = None,
    password: Annotated[str | None, typer.Option("--password", hidden=True)] = None,
    webhook: Annotated[str | None, typer.Option("--webhook-url", "--url", hidden=True)] = None,
    secret: Annotated[str | None, typer.Option("--secret", hidden=True)] = None,
) -> None:
    """Send the verdict of RUN to Slack, a pull request, by email or to a webhook. Exit status 2: not sent."""
    refuse_secrets(
        {"--token": token, "--password": password, "--webhook-url": webhook, "--secret": secret},
        channel,
        runs,
    )
    options = Options(pull_request=pr, comment=comment, recipients=tuple(to or ()), sender=sender)
    status = notify_command(
        channel, runs, parsed(on or ()), options, out, history, link=link, again=again, dry_run=dry_run
    )
    raise typer.Exit(status)


_VARIABLES: dict[ChannelName, str] = {
    "slack": SLACK_URL[0],
    "github": GITHUB_TOKEN,
    "email": SMTP_PASSWORD,
    "webhook": f"{WEBHOOK_URL} and {WEBHOOK_SECRET}",
}
"""Where the secrets of each channel belong."""

_TOKEN = re.compile(r"^(gh[a-z]_|github_pat_|xox[a-z]-|glpat-)\w{6,}")


def refuse_secrets(given: dict[str, str | None], channel: ChannelName, runs: Sequence[str]) -> None:
    """Refuse a secret as an argument, without showing it: everybody on the machine can read a process list."""
    where = [option for option, value in given.items() if value is not None]
    where += ["an argument" for run in runs if "://" in run or _TOKEN.match(run)]
    if where:
        raise BattleError(
            f"{where[0]} would show a secret to everybody who can list the processes of this machine: put it into "
            f"the environment variable {_VARIABLES[channel]} instead"
        )


def notify_command(
    name: ChannelName,
    runs: Sequence[str],
    conditions: Sequence[Condition],
    options: Options,
    out: Path,
    history: Path | None,
    *,
    link: str | None,
    again: bool,
    dry_run: bool,
) -> int:
    """Send it, or print what would be sent. Raises BattleError when it did not arrive: exit status 2, never 1."""
    from battle.cli.subjects import subjects_of
    from battle.notifications.notify import notify, preview

    channel = channel_of(name, options, dry_run=dry_run)
    shown_link = checked_link(link)
    found = subjects_of(runs, out, history)
    if not dry_run:
        said = notify(
            channel, found.places, conditions, link=shown_link, directories=found.directories, again=again
        )
        print(f"{channel.title}: {said}")
        return 0
    text, obstacle = preview(
        channel, found.places, conditions, link=shown_link, directories=found.directories, again=again
    )
    print(text)
    if obstacle is not None:
        print(f"battle: without --dry-run, {obstacle}", file=sys.stderr)
    return 0


def checked_link(link: str | None) -> str | None:
    """The address of the results: the one given, or that of the job of GitHub Actions or GitLab.

    Raises:
        BattleError: it is none, or it holds a password.
    """
    if link is None:
        return _link_of_job()
    if require_url(link, "--link").username is not None:
        raise BattleError(
            "--link has a user name or a password in it: everybody who gets the message would see it"
        )
    return link


def _link_of_job() -> str | None:
    environ = os.environ
    server, repository, run = (
        environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    link = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    link = link or environ.get("CI_JOB_URL", "")
    try:
        return link if link and require_url(link, "the job's address").username is None else None
    except BattleError:
        return None
