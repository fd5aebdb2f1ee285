"""`battle export`."""

import sys
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer

from battle.cli.options import Out, RunArg
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.monitoring.settings import TRACE_SHARE, Settings, check, require_libraries
from battle.run.directory import find_run

Format: TypeAlias = Literal["prometheus", "json"]
"""What `--format` takes."""


def command(
    run: RunArg,
    otlp: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Send metrics and traces to this OpenTelemetry receiver (OTLP over HTTP)."
        ),
    ] = None,
    grafana: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Add the faults to this Grafana as annotations; the token is in GRAFANA_TOKEN.",
        ),
    ] = None,
    prometheus_remote_write: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send metrics to this Prometheus by remote write."),
    ] = None,
    format: Annotated[
        Format | None, typer.Option(help="Print the metrics as they are at the end of the run.")
    ] = None,
    trace_share: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Share of successful requests exported as traces; failed ones all are."
        ),
    ] = TRACE_SHARE,
    out: Out = DEFAULT_OUT,
) -> None:
    """Export the metrics, traces and faults of RUN to monitoring systems, as they would have been live."""
    if otlp is None and grafana is None and prometheus_remote_write is None and format is None:
        raise BattleError("say where to: --otlp, --grafana, --prometheus-remote-write, or --format to print")
    settings = Settings(
        otlp=otlp, grafana=grafana, remote_write=prometheus_remote_write, trace_share=trace_share
    )
    raise typer.Exit(export_command(run, settings, format, out))


def export_command(run: str, settings: Settings, form: Format | None, out: Out) -> int:
    """Export a run; the exit status is 2 when something was not delivered."""
    check(settings)
    if form is not None:
        require_libraries(["prometheus_client"])
    from battle.monitoring.export import export_finished, identity_of

    run_dir = find_run(run, out)
    pipeline, lost = export_finished(run_dir, settings)
    if form is not None:
        from battle.monitoring.exposition import exposition, samples

        scenario = identity_of(run_dir).scenario
        if form == "prometheus":
            sys.stdout.write(exposition(pipeline.recorder, scenario))
        else:
            print(msgspec.json.format(msgspec.json.encode(samples(pipeline.recorder, scenario))).decode())
    if lost:
        raise BattleError("; ".join(lost))
    return 0
