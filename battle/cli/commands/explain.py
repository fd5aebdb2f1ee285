"""`battle explain`: its arguments and options."""

from typing import Annotated

import typer

from battle.cli.commands.options import Out, Run
from battle.defaults import DEFAULT_OUT


def explain(
    run: Run,
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
    from battle.cli.explain import explain_command

    status = explain_command(run, request, out, worst=worst, errors=errors, wrong=wrong, as_json=json)
    raise typer.Exit(status)
