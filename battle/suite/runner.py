"""Runs the scenarios of a suite one after the other, whatever becomes of each."""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from battle.actors.world.interfaces import WorldName
from battle.analysis.reports.schema import Report
from battle.api import RunResult, run_scenario
from battle.ci.publish import publish
from battle.errors import BattleError, RunLostError, SetupError, StartError
from battle.run.directory import check_path, fresh_directory, point_latest
from battle.run.observer import Observation, Observer
from battle.scenario.loader import Candidate, Unloadable
from battle.suite.ci_outputs import suite_outcome
from battle.suite.files import write_suite
from battle.suite.results import (
    SCHEMA_VERSION,
    SUITES,
    Status,
    SuiteReport,
    SuiteRun,
    headline_of,
    verdict_of,
)
from battle.suite.selection import LeftOut

_STOPPED = "the suite was interrupted before it started"


class SuiteOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a suite. Round `n` of `repeat` is run with the seed `seed + n`, counted from 0.

    `left_out` are scenarios that the suite does not run, `skipped` are lines about files in which there was none, and
    `history` is as in `run_scenario`.
    """

    selection: str
    world: WorldName
    seed: int
    repeat: int
    gateway: str | None
    out: Path
    left_out: LeftOut | None = None
    skipped: tuple[str, ...] = ()
    strict: bool = False
    history: Path | None = None
    observers: tuple[Observer, ...] = ()


class _Outcome(msgspec.Struct, frozen=True):
    """A run of the suite that is over; `interrupted`: so is the suite."""

    run: SuiteRun
    report: Report | None = None
    interrupted: bool = False


def run_suite(
    candidates: Sequence[Candidate | Unloadable],
    order: SuiteOrder,
    *,
    on_run: Callable[[SuiteRun], object] = lambda run: None,
    on_warning: Callable[[str, str], object] = lambda scenario, warning: None,
) -> tuple[SuiteReport, Path]:
    """Run each scenario, write the combined report, and return it with the suite's directory.

    Failures and crashes of scenarios are results, and so is a file that cannot be loaded. Ctrl-C ends the suite
    early, and what was run until then is reported. `on_run` is called with each run as it ends, and `on_warning` with
    a scenario's name and what is known before its first run and does not forbid it. In CI the service gets its
    annotations, its summary and its report files.

    Raises:
        StartError: `out` cannot be written.
    """
    started = datetime.now(UTC)
    suite_dir = _make_directory(order, started)
    planned = [_planned(one, order.seed + turn) for turn in range(order.repeat) for one in candidates]
    scenarios = {one.name: one for one in candidates}
    ended: list[_Outcome] = []
    interrupted = False
    try:
        for run in planned:
            ended.append(_ended(scenarios[run.scenario], run, order, suite_dir, on_warning))
            on_run(ended[-1].run)
            if ended[-1].interrupted:
                interrupted = True
                break
    except KeyboardInterrupt:  # between two runs, or where a run does not take signals itself
        interrupted = True
    runs = tuple(chain((one.run for one in ended), planned[len(ended) :]))
    report = SuiteReport(
        schema_version=SCHEMA_VERSION,
        suite_id=suite_dir.name,
        selection=order.selection,
        world=order.world,
        gateway=order.gateway,
        seed=order.seed,
        repeat=order.repeat,
        started_at=started.isoformat(timespec="milliseconds"),
        interrupted=interrupted,
        verdict=verdict_of(runs),
        headline="; ".join([headline_of(runs), *_not_run(order)]),
        runs=runs,
        skipped=tuple(_skipped_lines(order)),
        left_out=() if order.left_out is None else order.left_out.forgotten,
    )
    reports = [one.report for one in ended]
    write_suite(suite_dir, report, reports)
    point_latest(suite_dir)
    publish(suite_outcome(report, suite_dir, reports))
    return report, suite_dir


def _not_run(order: SuiteOrder) -> Iterator[str]:
    """What the headline says of scenarios and files that the suite does not run: no PASS is about them."""
    if order.left_out is not None and (text := order.left_out.forgotten_text) is not None:
        yield text
    yield from (line.rstrip(":") for line in order.skipped[:1])


def _skipped_lines(order: SuiteOrder) -> Iterator[str]:
    """Everything that the suite does not run, with the reason."""
    left_out = order.left_out
    texts = [] if left_out is None else [left_out.forgotten_text, left_out.asked_text]
    yield from (text for text in texts if text is not None)
    yield from order.skipped


def _planned(one: Candidate | Unloadable, seed: int) -> SuiteRun:
    """The row of a run before its turn has come; of what cannot be loaded it is the row that stays."""
    if isinstance(one, Unloadable):
        return SuiteRun(scenario=one.name, seed=seed, status="wrong scenario", reasons=(one.why,))
    return SuiteRun(scenario=one.name, seed=seed, status="not run", reasons=(_STOPPED,))


def _make_directory(order: SuiteOrder, started: datetime) -> Path:
    suites = order.out / SUITES
    check_path(order.out)
    try:
        return fresh_directory(suites, f"{started:%Y%m%d-%H%M%S}-{order.selection}-{order.world}")
    except OSError as error:
        raise StartError(f"the suite cannot be written below {suites}: {error.strerror}") from None


def _ended(
    one: Candidate | Unloadable,
    run: SuiteRun,
    order: SuiteOrder,
    suite_dir: Path,
    on_warning: Callable[[str, str], object],
) -> _Outcome:
    if isinstance(one, Unloadable):
        return _Outcome(run)
    began = datetime.now(UTC)
    warn = partial(on_warning, one.name)
    first_round = run.seed == order.seed
    try:
        with Observation(order.observers, warn) as observation:
            result = run_scenario(
                one.scenario,
                world=order.world,
                seed=run.seed,
                gateway=order.gateway,
                out=order.out,
                strict=order.strict,
                history=order.history,
                source=one.name,
                on_start=observation.start,
                on_warning=warn if first_round else _nothing,
            )
            if result.history_problem is not None and not first_round:
                warn(result.history_problem)
            if result.interrupted:
                observation.hurry()
            return _judged(run, began, result, suite_dir)
    except Exception as error:  # whatever it is, the others have a right to their turn
        status, reason = _status_of(error)
        if status == "crashed":
            _keep_traceback(suite_dir, run, error)
        return _Outcome(_changed(run, began, status=status, reasons=(reason,)))


def _nothing(_warning: str) -> None:
    pass


def _judged(run: SuiteRun, began: datetime, result: RunResult, suite_dir: Path) -> _Outcome:
    report = result.report
    ended = _changed(
        run,
        began,
        status=report.verdict,
        reasons=report.reasons,
        warnings=report.warnings,
        headline=report.headline,
        directory=os.path.relpath(result.run_dir, suite_dir),
    )
    return _Outcome(ended, report, result.interrupted)


def _changed(run: SuiteRun, began: datetime, **changes: object) -> SuiteRun:
    took_ns = round((datetime.now(UTC) - began).total_seconds() * 1e9)
    return msgspec.structs.replace(run, took_ns=took_ns, **changes)


def _status_of(error: Exception) -> tuple[Status, str]:
    if isinstance(error, SetupError | RunLostError):
        return "crashed", str(error)
    if isinstance(error, BattleError):
        return "not run", str(error)
    return "crashed", f"{type(error).__name__}: {error}"


def _keep_traceback(suite_dir: Path, run: SuiteRun, error: Exception) -> None:
    """Beside the report: where it crashed is of no use to a reader, and of all use to whoever mends it."""
    name = "".join(char if char.isalnum() else "-" for char in run.scenario)
    text = "".join(traceback.format_exception(error))
    (suite_dir / f"crash-{name}-{run.seed}.txt").write_text(text, encoding="utf-8")
