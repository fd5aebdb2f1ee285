"""`battle suite`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.world.interfaces import WorldName
from battle.analysis.findings import EXIT_STATUS
from battle.cli.exit_status import INTERRUPTED, WRONG_USE
from battle.cli.notify import Link
from battle.cli.options import AddTo, Otlp, Out, Prometheus, Seed, Strict, TraceShare, World
from battle.cli.suite_notifier import Notifier
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.errors import BattleError, UnloadableError
from battle.history.place import require_place
from battle.monitoring.beside_run import observers_of
from battle.monitoring.settings import TRACE_SHARE, Settings, check
from battle.run.observer import Observer
from battle.scenario.discovery import Skipped, skipped_lines
from battle.scenario.gateways import named_gateway
from battle.scenario.loader import (
    Candidate,
    Found,
    Unloadable,
    found_at,
    listed,
    load_scenario,
)
from battle.suite.files import render_json
from battle.suite.results import SuiteReport, SuiteRun
from battle.suite.runner import SuiteOrder, run_suite
from battle.suite.selection import FAST, FULL, left_out, selected
from battle.suite.table import progress_line, suite_lines


def command(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Scenarios, or files and directories of them, instead of the shipped ones.",
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Scenarios tagged `fast` (default).")] = False,
    full: Annotated[bool, typer.Option("--full", help="Scenarios tagged `fast`, `slow` or `soak`.")] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Scenarios with this tag. May be repeated."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="TAG", help="No scenarios with this tag. May be repeated."),
    ] = None,
    world: World = "live",
    seed: Seed = DEFAULT_SEED,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenarios' own."),
    ] = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", help="Repeat the suite N times with increasing seeds.")
    ] = 1,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    history: AddTo = None,
    json: Annotated[bool, typer.Option("--json", help="Print suite.json instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
    otlp: Otlp = None,
    prometheus: Prometheus = None,
    trace_share: TraceShare = TRACE_SHARE,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            "--notify",
            metavar="CHANNEL",
            help="Send the verdict at the end: slack, github, email, webhook. May be repeated.",
        ),
    ] = None,
    notify_on: Annotated[
        list[str] | None,
        typer.Option("--notify-on", metavar="CONDITION", help="As --on of `battle notify`."),
    ] = None,
    link: Link = None,
) -> None:
    """Run many scenarios one after the other, and judge them together."""
    choice = Choice(tuple(paths or ()), fast, full, tuple(tag or ()), tuple(skip or ()))
    settings = Settings(otlp=otlp, prometheus=prometheus, trace_share=trace_share)
    check(settings)
    notifier = Notifier(notify or (), notify_on or (), link, history)
    status = suite_command(
        choice,
        world,
        seed,
        gateway,
        repeat,
        out,
        notifier,
        history=history,
        strict=strict,
        as_json=json,
        quiet=quiet,
        observers=observers_of(settings),
    )
    raise typer.Exit(status)


class Choice(msgspec.Struct, frozen=True):
    """Which scenarios the command line asks for."""

    places: tuple[str, ...]
    fast: bool
    full: bool
    tags: tuple[str, ...]
    skip: tuple[str, ...] = ()


def suite_command(
    choice: Choice,
    world: WorldName,
    seed: int,
    gateway: str | None,
    repeat: int,
    out: Path,
    notifier: Notifier,
    *,
    history: Path | None = None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    observers: tuple[Observer, ...] = (),
) -> int:
    """Run the scenarios, print what came of them, and answer with the exit status."""
    selection, tags = _tags(choice)
    if repeat < 1:
        raise BattleError(f"--repeat must be at least 1, not {repeat}")
    if gateway is not None:
        named_gateway(gateway, EmbeddedGateway())  # a wrong name is reported before anything is run
    if history is not None:
        require_place(history)
    found = _found(choice.places)
    skipped = [one for one in found if isinstance(one, Skipped)]
    candidates = [one for one in found if not isinstance(one, Skipped)]
    chosen = selected(candidates, tags, skipped, choice.skip)
    order = SuiteOrder(
        selection=selection,
        world=world,
        seed=seed,
        repeat=repeat,
        gateway=gateway,
        out=out,
        strict=strict,
        history=history,
        left_out=left_out(candidates, tags, choice.skip) if choice.places else None,
        skipped=tuple(skipped_lines(skipped)),
        observers=observers,
    )
    report, suite_dir = run_suite(
        chosen, order, on_run=_progress(len(chosen) * repeat, quiet=quiet), on_warning=_warn
    )
    print(render_json(report) if as_json else "\n".join(suite_lines(report, suite_dir)))
    notifier.notify(report, suite_dir)
    return exit_status(report)


def _warn(scenario: str, warning: str) -> None:
    print(f"battle: warning: {scenario}: {warning}", file=sys.stderr, flush=True)


def _tags(choice: Choice) -> tuple[str, Sequence[str]]:
    """The suite's name, and the tags its scenarios carry; none at all means every scenario."""
    if choice.fast + choice.full + bool(choice.tags) > 1:
        raise BattleError(
            "--fast, --full and --tag exclude one another; give several tags with several --tag"
        )
    if choice.tags:
        return "-".join(choice.tags), choice.tags
    if choice.full:
        return "full", FULL
    return ("given", ()) if choice.places and not choice.fast else ("fast", FAST)


def _found(places: Sequence[str]) -> list[Found]:
    """What there is to choose from: the shipped scenarios, or those that were named."""
    if not places:
        return [Candidate(name, scenario) for name, scenario in listed()]
    return [one for place in places for one in _found_at(place)]


def _found_at(place: str) -> Iterator[Found]:
    """What a place holds. A file that cannot be loaded does not take their turn from the others."""
    if Path(place).exists():
        yield from found_at(Path(place))
        return
    try:
        yield Candidate(place, load_scenario(place))
    except UnloadableError as error:
        yield Unloadable(place, str(error))


def _progress(total: int, *, quiet: bool) -> Callable[[SuiteRun], object]:
    done = 0

    def report_run(run: SuiteRun) -> None:
        nonlocal done
        done += 1
        if not quiet:
            print(progress_line(done, total, run), file=sys.stderr, flush=True)

    return report_run


def exit_status(report: SuiteReport) -> int:
    """The exit status of the suite."""
    if report.interrupted:
        return INTERRUPTED
    wrong = any(run.status == "wrong scenario" for run in report.runs)
    return WRONG_USE if wrong else EXIT_STATUS[report.verdict]
