"""`battle run`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from battle.actors.world.interfaces import WorldName
from battle.analysis.findings import EXIT_STATUS
from battle.analysis.reports.files import render
from battle.api import RunResult, run_scenario
from battle.ci.publish import publish, run_outcome
from battle.cli.exit_status import INTERRUPTED
from battle.cli.options import (
    AddTo,
    BackendOption,
    Otlp,
    Out,
    Prometheus,
    ProvidersOption,
    Seed,
    Strict,
    TraceShare,
    World,
)
from battle.cli.summary import summary_lines
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.errors import RunInterruptedError
from battle.history.place import require_place
from battle.monitoring.beside_run import observers_of
from battle.monitoring.settings import TRACE_SHARE, Settings, check
from battle.run.backend import Backend
from battle.run.observer import Observation, Observer
from battle.scenario.loader import load_scenario


def command(
    scenario: Annotated[
        str, typer.Argument(help="A shipped name, FILE.py[:NAME], or a TOML, YAML or JSON file.")
    ],
    world: World = "live",
    seed: Seed = DEFAULT_SEED,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenario's."),
    ] = None,
    backend: BackendOption = None,
    providers: ProvidersOption = None,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    history: AddTo = None,
    json: Annotated[bool, typer.Option("--json", help="Print report.json instead of the summary.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
    otlp: Otlp = None,
    prometheus: Prometheus = None,
    trace_share: TraceShare = TRACE_SHARE,
) -> None:
    """Run SCENARIO and judge it."""
    settings = Settings(otlp=otlp, prometheus=prometheus, trace_share=trace_share)
    check(settings)
    status = run_command(
        scenario,
        world,
        seed,
        gateway,
        out,
        backend=backend,
        providers=providers,
        history=history,
        strict=strict,
        as_json=json,
        quiet=quiet,
        observers=observers_of(settings),
    )
    raise typer.Exit(status)


def run_command(
    scenario: str,
    world: WorldName,
    seed: int,
    gateway: str | None,
    out: Path,
    *,
    backend: Backend | None = None,
    providers: Path | None = None,
    history: Path | None = None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    observers: Sequence[Observer] = (),
) -> int:
    """Run a scenario, print what came out of it, and answer with the exit status."""
    loaded = load_scenario(scenario)
    if history is not None:
        require_place(history)
    with Observation(observers, _warn) as observation:

        def started(run_dir: Path) -> None:
            if not quiet:
                where = f"{world} world, seed {seed}: {run_dir}"
                print(f"running {loaded.name!r} in the {where}", file=sys.stderr)
            observation.start(run_dir)

        try:
            result = run_scenario(
                loaded,
                world=world,
                seed=seed,
                gateway=gateway,
                backend=backend,
                providers=providers,
                out=out,
                strict=strict,
                history=history,
                progress=not quiet,
                on_start=started,
                on_warning=_warn,
                source=scenario,
            )
        except RunInterruptedError as interruption:
            print(f"battle: {interruption}", file=sys.stderr)
            return INTERRUPTED
        # Before the observers end: the last figures are kept for a while for whoever fetches them.
        print(_rendered(result, as_json=as_json), flush=True)
        publish(run_outcome(result.report, result.run_dir, scenario))
        if result.interrupted:
            observation.hurry()
    return exit_status(result)


def _warn(warning: str) -> None:
    print(f"battle: warning: {warning}", file=sys.stderr, flush=True)


def _rendered(result: RunResult, *, as_json: bool) -> str:
    if as_json:
        return render(result.report, "json")
    return "\n".join(summary_lines(result.report, result.run_dir))


def exit_status(result: RunResult) -> int:
    """The exit status of a run."""
    return INTERRUPTED if result.interrupted else EXIT_STATUS[result.report.verdict]
