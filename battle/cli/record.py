"""`battle record`."""

import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from battle.actors.addresses import is_url
from battle.actors.redaction import redacted
from battle.actors.spec.profiles import ProviderProfile
from battle.actors.spec.providers import RealProvider
from battle.errors import BattleError
from battle.recording.measure import measure
from battle.recording.summary import described, profile_of, profile_text
from battle.run.event_loop import until_signalled
from battle.run.secrets import without_names
from battle.run.signals import interrupted_as

REQUESTS = 200
"""Forty seconds at the usual rate: enough for a p99 that means something, and a small part of any free plan."""

REQUESTS_MAX = 100_000

PER_SECOND = 5.0
"""Half of what a provider is asked in a battle by default."""

PER_SECOND_MAX = 1000.0

LIMIT_UP_TO = 20.0
"""Under what free plans allow (25 to 50 calls per second): 60 calls in 3 s, if no limit is met."""


def command(
    provider: Annotated[
        str,
        typer.Option(metavar="URL", help="The provider: http, https, ws or wss; secrets as ${NAME}."),
    ],
    output: Annotated[Path, typer.Option("--out", metavar="FILE", help="The profile.")] = Path(
        "provider.profile.toml"
    ),
    requests: Annotated[int, typer.Option(metavar="N", help="Calls to make.")] = REQUESTS,
    rate: Annotated[float, typer.Option(metavar="PER_SECOND", help="Calls per second.")] = PER_SECOND,
    limit_up_to: Annotated[
        float,
        typer.Option(
            "--limit-up-to",
            metavar="PER_SECOND",
            help="Look for its rate limit, with bursts at up to this rate that end when it refuses; 0: do not.",
        ),
    ] = LIMIT_UP_TO,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="'NAME: VALUE'", help="A header of each call; may be repeated."),
    ] = None,
    ca_file: Annotated[
        str, typer.Option("--ca-file", metavar="FILE", help="Certificates to trust, in PEM.")
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Measure a provider, politely, and write its profile, which mock providers replay.

    Latencies, failures, its rate limit and how late it learns of new blocks. The profile says what is not known.
    """
    named = _provider(provider, header or [], ca_file)
    if not 1 <= requests <= REQUESTS_MAX:
        raise BattleError(f"--requests is a number from 1 to {REQUESTS_MAX:,}, not {requests}")
    if not 0 < rate <= PER_SECOND_MAX:
        raise BattleError(f"--rate is above 0 and up to {PER_SECOND_MAX:g} calls per second, not {rate:g}")
    if not 0 <= limit_up_to <= PER_SECOND_MAX:
        raise BattleError(
            f"--limit-up-to is 0 (no search) or up to {PER_SECOND_MAX:g} calls per second, not {limit_up_to:g}"
        )
    _check_output(output)
    if not quiet:
        print(_plan_text(named, requests, rate, limit_up_to), file=sys.stderr)
    profile = _recorded(named, requests, rate, limit_up_to)
    try:
        output.write_text(profile_text(profile), encoding="utf-8")
    except OSError as error:
        raise BattleError(f"--out {output} cannot be written: {error.strerror}") from None
    print("\n".join(described(profile)))
    print(f"\n  profile  {output}")


def _plan_text(provider: RealProvider, requests: int, rate: float, limit_up_to: float) -> str:
    text = f"{requests} calls to {provider.where}, {rate:g} per second: {requests / rate:.0f} s"
    if limit_up_to <= rate:
        return text
    return f"{text}; then bursts at {limit_up_to:g} per second to find its rate limit (--limit-up-to 0: none)"


def _check_output(output: Path) -> None:
    """Before minutes go by: a profile can be made there, or replaced. Raises BattleError."""
    if not output.parent.is_dir():
        raise BattleError(f"--out {output} cannot be written: there is no directory {output.parent}")
    if os.path.lexists(output) and not output.is_file():
        raise BattleError(f"--out {output} cannot be written: it is no file that could be replaced")
    is_new = not output.exists()
    try:
        with output.open("ab"):
            pass
    except OSError as error:
        raise BattleError(f"--out {output} cannot be written: {error.strerror}") from None
    if is_new:
        output.unlink()


def _provider(url: str, headers: list[str], ca_file: str) -> RealProvider:
    if not is_url(without_names(url), "http", "https", "ws", "wss"):
        raise BattleError(f"--provider is a URL such as https://host/path, not {redacted(url)!r}")
    named: dict[str, str] = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise BattleError("--header is 'NAME: VALUE'")
        named[name.strip()] = value.strip()
    provider = RealProvider("provider", url, headers=named, ca_file=ca_file)
    if problems := [one for one in provider.problems() if "a URL looks like" not in one]:
        raise BattleError(problems[0])
    return provider


def _recorded(provider: RealProvider, requests: int, rate: float, limit_up_to: float) -> ProviderProfile:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with interrupted_as("interrupted: no profile was written"):
        measured = until_signalled(
            partial(measure, provider, requests=requests, per_second=rate, limit_up_to=limit_up_to)
        )
    return profile_of(
        measured.observations,
        provider=provider.where,
        recorded_at=now,
        chain_id=measured.chain_id,
        search=measured.search,
        refused=measured.refused,
    )
