"""`battle explain`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.analysis.explain.lines import story_lines
from battle.analysis.explain.reader import read_histories
from battle.analysis.explain.selection import Selection, nothing_selected, selected_requests
from battle.analysis.explain.story import story_of
from battle.cli.options import Out, RunArg
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.run.directory import find_run
from battle.store.database import open_run


def command(
    run: RunArg,
    request: Annotated[
        str | None, typer.Argument(help="A request's id, such as w0-498, as reports and the log name it.")
    ] = None,
    worst: Annotated[
        int | None, typer.Option(metavar="N", help="The N slowest requests, from scheduled time.")
    ] = None,
    errors: Annotated[
        int | None,
        typer.Option(metavar="N", help="N failed requests, one of each kind of failure first."),
    ] = None,
    wrong: Annotated[
        int | None, typer.Option(metavar="N", help="N requests whose answer was wrong or stale.")
    ] = None,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Explain one request of RUN: client, gateway, breakers, providers and faults."""
    status = explain_command(run, request, out, worst=worst, errors=errors, wrong=wrong, as_json=json)
    raise typer.Exit(status)


def explain_command(
    run: str,
    request: str | None,
    out: Path,
    *,
    worst: int | None = None,
    errors: int | None = None,
    wrong: int | None = None,
    as_json: bool = False,
) -> int:
    """Print the story of one request, or of those that are picked."""
    picks: dict[Selection, int | None] = {"worst": worst, "errors": errors, "wrong": wrong}
    asked = [(pick, limit) for pick, limit in picks.items() if limit is not None]
    if len(asked) + (request is not None) != 1:
        raise BattleError("name one request: an id, or one of --worst N, --errors N and --wrong N")
    with open_run(find_run(run, out)) as log:
        ids = [request] if request is not None else selected_requests(log, *asked[0])
        stories = [story_of(history) for history in read_histories(log, ids)] if ids else []
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(stories)).decode())
    elif stories:
        print("\n\n\n".join("\n".join(story_lines(story)) for story in stories))
    else:
        print(nothing_selected(asked[0][0]))
    return 0
