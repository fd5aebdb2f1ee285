"""`battle judge`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.analysis.findings import EXIT_STATUS
from battle.analysis.reports.files import (
    Reading,
    read_run,
    render,
    write_reading,
)
from battle.analysis.reports.schema import Report
from battle.analysis.reports.sections.load import slo_section
from battle.cli.options import Out, RunArg, Strict
from battle.cli.summary import passed_checkers, verdict_lines
from battle.cli.tables import block_lines
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.run.directory import HEADER, find_run
from battle.scenario.author_checkers import checker_problems
from battle.scenario.data.files import converted, read_data
from battle.scenario.run_header import read_header
from battle.scenario.scenario import Scenario
from battle.scenario.slo.language import SloTextError, slos_of
from battle.scenario.slo.slo import Slo
from battle.scenario.slo_validation import scope_problems, statement_problems
from battle.store import typed
from battle.store.manifest import RUN_HEADER_BYTES_MAX
from battle.store.regular import read_regular


def command(
    run: RunArg,
    slo: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="An SLO, such as `p95_latency_ms<300 during fault`. May be repeated."
        ),
    ] = None,
    slo_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SLOs in a TOML, YAML or JSON file.")
    ] = None,
    checker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A checker of your own, `module:function` or `file.py:function`. May be repeated. "
            "Replaces the scenario's.",
        ),
    ] = None,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the reports into `judged/` in the run's directory.")
    ] = False,
) -> None:
    """Judge RUN again from its log alone, by its own SLOs and checkers or by others."""
    raise typer.Exit(
        judge_command(run, slo or [], slo_file, checker, out, strict=strict, as_json=json, write=write)
    )


JUDGED = "judged"
"""The directory in a run's own for reports by `--write`: those of the run itself stay as they are."""


class SloFile(msgspec.Struct, forbid_unknown_fields=True):
    """What a file of SLOs holds: the same fields as a scenario."""

    slo: Slo | str | list[Slo | str] = []
    workload_slos: dict[str, Slo] = {}


def judge_command(
    run: str,
    texts: Sequence[str],
    file: Path | None,
    checkers: Sequence[str] | None,
    out: Path,
    *,
    strict: bool,
    as_json: bool,
    write: bool,
) -> int:
    """Judge a run again and print what came of it; the exit status is the verdict. Writes only with `write`."""
    slos = [*_read(list(texts), "--slo"), *([] if file is None else _from_file(file))]
    _refuse(problem for slo in slos for problem in (*slo.problems(), *statement_problems(slo)))
    _refuse(checker_problems(checkers or ()))
    run_dir = find_run(run, out)
    if slos and (scenario := _scenario_of(run_dir)) is not None:
        _refuse(problem for slo in slos for problem in scope_problems(scenario, slo))
    reading = read_run(run_dir, other_slos=slos or None, strict=strict, own_checkers=checkers)
    report = reading.report
    print(render(report, "json") if as_json else "\n".join(_lines(report)))
    if write:
        _write(reading, run_dir / JUDGED)
    return EXIT_STATUS[report.verdict]


def _lines(report: Report) -> Iterator[str]:
    yield from verdict_lines(report)
    yield from passed_checkers(report)
    for block in slo_section(report).blocks:
        yield ""
        yield from block_lines(block)


def _read(stated: Slo | str | Sequence[Slo | str], source: str) -> Sequence[Slo]:
    try:
        return slos_of(stated)
    except SloTextError as error:
        raise BattleError(f"{source}: {error}") from None


def _from_file(path: Path) -> Sequence[Slo]:
    file = read_data(path)
    if isinstance(file.data, list):
        file = msgspec.structs.replace(file, data={"slo": file.data})
    held = converted(file, SloFile)
    named = [msgspec.structs.replace(slo, workload=name) for name, slo in held.workload_slos.items()]
    slos = [*_read(held.slo, str(path)), *named]
    if not slos:
        raise BattleError(f"{path} contains no SLO")
    return slos


def _refuse(problems: Iterable[str]) -> None:
    if found := "; ".join(dict.fromkeys(problems)):
        raise BattleError(found)


def _scenario_of(run_dir: Path) -> Scenario | None:
    """What the run was of; None when its header does not say, or says it in words of another version."""
    try:
        header = read_header(read_regular(run_dir / HEADER, RUN_HEADER_BYTES_MAX))
        return typed.convert(header.scenario, Scenario)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _write(reading: Reading, directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
        write_reading(reading, directory)
    except OSError as error:
        raise BattleError(f"{directory} cannot be written: {error.strerror}") from None
