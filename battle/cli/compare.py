"""`battle compare`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer

from battle.analysis.baselines import files
from battle.analysis.baselines.compare import compare, confirmed
from battle.analysis.baselines.decide import Settings
from battle.analysis.baselines.run_snapshot import take
from battle.analysis.baselines.snapshot import Snapshot
from battle.analysis.reports.comparison import FILE, Comparison
from battle.analysis.reports.document import Drawing, Section, Table
from battle.analysis.reports.files import write_reports, write_whole
from battle.analysis.reports.markdown import escaped, render_section
from battle.analysis.reports.sections.comparison import section_of
from battle.ci.publish import comparison_outcome, publish
from battle.cli.options import Baselines, Out, require_threshold
from battle.cli.repetition import repetition_of, run_again
from battle.cli.suites import members, suite_at
from battle.cli.tables import table_lines
from battle.defaults import DEFAULT_BASELINES, DEFAULT_OUT
from battle.errors import BattleError
from battle.run.directory import find_run

Format: TypeAlias = Literal["table", "json", "markdown"]
"""What `--format` takes."""


def command(
    run: Annotated[
        str,
        typer.Argument(
            help="A run id, a directory, or `latest`; a baseline; or a suite, for each of its runs."
        ),
    ],
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|RUN", help="Run or baseline to compare with. Default: the baseline for this run."
        ),
    ] = None,
    threshold: Annotated[float, typer.Option(metavar="SHARE", help="Smallest change that counts.")] = 0.1,
    level: Annotated[float, typer.Option(metavar="PROBABILITY", help="Joint confidence level.")] = 0.95,
    confirm: Annotated[bool, typer.Option("--confirm", help="Re-run to confirm a regression.")] = False,
    format: Annotated[Format, typer.Option(help="How to print it.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Check whether RUN is worse than its baseline. Exit status: 0 no, 1 yes, 3 not enough data."""
    form = "json" if json else format
    settings = Settings(threshold, level)
    raise typer.Exit(compare_command(run, baseline, form, out, dir, settings, confirm=confirm))


REPETITIONS = "repetitions"
"""Below a run's directory: runs that were made to compare it better."""


def compare_command(
    run: str,
    baseline: str | None,
    form: Format,
    out: Path,
    directory: Path,
    settings: Settings,
    *,
    confirm: bool,
) -> int:
    """Print whether a run is worse than its baseline, keep that beside its log, and answer with the exit status."""
    _check(settings)

    def compared(one: str) -> Comparison:
        return _compared(one, baseline, out, directory, settings, confirm=confirm)

    if (suite_dir := suite_at(run, out)) is not None:
        return _compare_suite(suite_dir, form, compared)
    comparison = compared(run)
    print(_rendered(comparison, form))
    return _published(comparison)


def _compared(
    run: str, baseline: str | None, out: Path, directory: Path, settings: Settings, *, confirm: bool
) -> Comparison:
    after, run_dir = _side(run, out, directory)
    before = _before(baseline, after, out, directory)
    comparison = compare(before, after, settings)
    if confirm and comparison.status == "worse":
        comparison = _confirm(comparison, before, after, run_dir, settings)
    if run_dir is not None:
        _keep(comparison, run_dir)
    return comparison


def _published(comparison: Comparison) -> int:
    """Give the comparison to the CI service, and answer with its exit status."""
    publish(comparison_outcome(comparison, lambda: _rendered(comparison, "markdown")))
    return comparison.exit_status


def _compare_suite(suite_dir: Path, form: Format, compared: Callable[[str], Comparison]) -> int:
    """Compare each run of a suite that has a baseline, and answer with the worst exit status: 1 beats 3 beats 0."""
    found: list[Comparison] = []
    for run in members(suite_dir):
        if run.directory is None:
            continue  # it was not run, and the suite is INCONCLUSIVE for it
        try:
            found.append(compared(str(run.directory)))
        except files.NoBaselineError as error:
            print(f"{run.title}, is not compared: {error}", file=sys.stderr)
    if form == "json":
        print(f"[{','.join(map(_json, found))}]")
    else:
        print("\n\n".join(_rendered(one, form) for one in found) or "no run of the suite has a baseline")
    statuses = [_published(one) for one in found]
    return next((status for status in (1, 3) if status in statuses), 0)


def _check(settings: Settings) -> None:
    require_threshold(settings.threshold)
    if not 0.5 <= settings.level < 1:
        raise BattleError(f"--level is a probability from 0.5 to below 1, such as 0.95, not {settings.level}")


def _side(text: str, out: Path, directory: Path) -> tuple[Snapshot, Path | None]:
    """What `text` means, and the run's directory if it is a run and no baseline."""
    if (baseline := files.named(text, directory)) is not None:
        return baseline, None
    run_dir = find_run(text, out)
    return take(run_dir), run_dir


def _before(baseline: str | None, after: Snapshot, out: Path, directory: Path) -> Snapshot:
    if baseline is None:
        return files.baseline_for(after.identity, directory)
    return _side(baseline, out, directory)[0]


def _confirm(
    comparison: Comparison, before: Snapshot, after: Snapshot, run_dir: Path | None, settings: Settings
) -> Comparison:
    if run_dir is None:
        raise BattleError(f"{after.name} is a baseline: --confirm can only repeat a run")
    seeds = [one.seed for snapshot in (before, after) for one in snapshot.runs if one.seed is not None]
    again = run_again(
        repetition_of(run_dir), seed=max(seeds, default=0) + 1, out=run_dir / REPETITIONS, on_start=_announce
    )
    return confirmed(comparison, compare(before, take(again), settings))


def _announce(run_dir: Path) -> None:
    print(f"running again to confirm: {run_dir}", file=sys.stderr)


def _keep(comparison: Comparison, run_dir: Path) -> None:
    """Put the comparison beside the log, and into the run's reports. A run that cannot be written is compared too."""
    try:
        write_whole(run_dir / FILE, _json(comparison) + "\n")
        write_reports(run_dir)
    except OSError as error:
        print(f"the comparison is not in the run's reports: {error}", file=sys.stderr)


def _rendered(comparison: Comparison, form: Format) -> str:
    if form == "json":
        return _json(comparison)
    section = section_of(comparison)
    if form == "markdown":
        rest = render_section(Section(section.title, section.blocks[1:]))
        return f"**{escaped(comparison.headline)}**\n\n{rest}".rstrip()
    lines = [comparison.headline, ""]
    for block in section.blocks[1:]:
        if isinstance(block, Table):
            lines += ["", *table_lines(block), ""]
        elif not isinstance(block, Drawing):
            lines.append(block.text)
    return "\n".join(lines)


def _json(comparison: Comparison) -> str:
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2).decode()
