"""`battle slo suggest` and `export`."""

import sys
from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer

from battle.analysis.findings import EXIT_STATUS
from battle.cli.history import report_problem
from battle.cli.options import History
from battle.defaults import DEFAULT_HISTORY
from battle.errors import BattleError, ScenarioError
from battle.formatting import plural
from battle.history.selection import Selection, chosen
from battle.history.suggestion import (
    DEFAULT,
    Setting,
    SuggestedSlo,
    Usable,
    suggested,
    toml_lines,
    usable_runs,
)
from battle.monitoring.openslo import openslo
from battle.monitoring.prometheus_rules import prometheus_rules
from battle.scenario.author_code import importable
from battle.scenario.loader import load_scenario
from battle.scenario.slo.metrics import METRICS
from battle.scenario.validation import all_problems

command = typer.Typer(
    help="Suggest SLOs from the history, and export SLOs to monitoring systems.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@command.callback()
def slo() -> None:
    """Suggest SLOs from the history, and export SLOs to monitoring systems."""


@command.command("suggest")
def slo_suggest(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario's name.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Only this metric. May be repeated."),
    ] = None,
    coverage: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of runs that shall meet the target.")
    ] = DEFAULT.coverage,
    confidence: Annotated[
        float, typer.Option(metavar="SHARE", help="Confidence that they will.")
    ] = DEFAULT.confidence,
    world: Annotated[
        str | None, typer.Option("--world", metavar="WORLD", help="Runs of this world: live or simulated.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="NAME", help="Runs of this gateway.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Runs of this branch.")
    ] = None,
    history: History = DEFAULT_HISTORY,
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Suggest SLOs for SCENARIO that runs like those of the history meet. Exit status: 3 not enough runs."""
    for name, share in (("--coverage", coverage), ("--confidence", confidence)):
        if not 0.5 <= share <= 0.999:
            raise BattleError(f"{name} is a share between 0.5 and 0.999, such as 0.95, not {share:g}")
    for name in metric or ():
        if name not in METRICS:
            raise BattleError(f"there is no metric {name!r}; the metrics are: {', '.join(METRICS)}")
    selection = Selection(scenario, world, gateway, branch)
    rows = chosen(history, selection, None, report_problem)
    if not rows:
        raise BattleError(f"{history} has no run of {scenario!r}; add some with `battle history add RUN`")
    setting = Setting(coverage, confidence)
    usable = usable_runs(rows)
    found = suggested(usable.rows, setting, metric or ())
    if json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _print(usable, found, setting)
    raise typer.Exit(0 if any(one.target is not None for one in found) else EXIT_STATUS["INCONCLUSIVE"])


def _print(usable: Usable, found: tuple[SuggestedSlo, ...], setting: Setting) -> None:
    """The targets on stdout, to paste, with how they came about as comments; without any, why on stderr."""
    good = [one for one in found if one.target is not None]
    reasoning = list(_reasoning(usable, found, setting))
    if good:
        print("\n".join(f"# {line}".rstrip() for line in reasoning))
        print("\n".join(toml_lines(good)))
        return
    print(f"battle: no SLO can be suggested: {_why_none(usable, found, setting)}", file=sys.stderr)
    for line in reasoning:
        print(f"  {line}", file=sys.stderr)


def _why_none(usable: Usable, found: tuple[SuggestedSlo, ...], setting: Setting) -> str:
    missing = [one.missing for one in found if one.missing]
    if not found:
        missing = [setting.runs - len(usable.rows)]
    if not missing:
        return "no metric has a target that these runs would meet"
    enough = Setting(0.9, 0.9).runs
    less = f"; with --coverage 0.9 --confidence 0.9 {enough} are enough" if setting.runs > enough else ""
    return f"{plural(min(missing), 'run')} missing{less}"


def _reasoning(usable: Usable, found: tuple[SuggestedSlo, ...], setting: Setting) -> Iterator[str]:
    yield (
        f"From {plural(len(usable.rows), 'run')}. With {setting.confidence:.4g} confidence each target is one that "
        f"at least {setting.coverage:.4g} of such runs meet; that takes {plural(setting.runs, 'independent run')}."
    )
    for why, count in usable.left_out.items():
        yield f"Left out: {plural(count, 'run')} {why}."
    for one in found:
        name = one.name if one.workload is None else f"{one.name} of {one.workload}"
        if one.problem is not None:
            yield f"{name}: none: {one.problem}."
        else:
            yield f"{name}: {_why(one)}"


def _why(one: SuggestedSlo) -> str:
    assert one.tolerance is not None
    assert one.margin is not None
    assert one.replay is not None
    which = "the worst" if one.tolerance.rank == 1 else f"number {one.tolerance.rank} from the worst"
    since = f" since its last step ({one.since})" if one.since else ""
    of = "of the same commit" if one.margin.same else "one after the other, of any commits,"
    sign = "-" if METRICS[one.name].at_least else "+"
    return (
        f"{which} of {plural(one.tolerance.runs, 'run')}{since} is {one.tolerance.bound:.4g}, {sign} "
        f"{one.margin.size:.2g} by which two runs {of} differ ({plural(one.margin.pairs, 'pair')}), "
        f"rounded to {one.target:g}. Replay: {one.replay.met} of {one.replay.runs} left-out runs meet what the "
        "others suggest."
    )


Format: TypeAlias = Literal["openslo", "prometheus"]


@command.command("export")
def slo_export(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="A shipped name, or a file; NAME:VARIANT for one of several."
        ),
    ],
    format: Annotated[
        Format, typer.Option("--format", help="OpenSLO v1, or Prometheus recording and alerting rules.")
    ] = "openslo",
) -> None:
    """Print the SLOs of SCENARIO as OpenSLO or as Prometheus rules, over the metrics that a run exports."""
    loaded = load_scenario(scenario)
    with importable(loaded):
        problems = list(dict.fromkeys(all_problems(loaded)))
    if problems:
        raise ScenarioError(scenario, problems)
    print(openslo(loaded) if format == "openslo" else prometheus_rules(loaded), end="")
