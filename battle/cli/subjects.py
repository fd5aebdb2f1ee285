"""What RUN means to `battle notify`: a run or a suite, with the verdicts that came before."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from battle.cli.suites import directory_of, read_suite, suite_at
from battle.defaults import DEFAULT_HISTORY, DEFAULT_OUT
from battle.history.place import require_place
from battle.notifications.event import JudgedRun, Subject
from battle.notifications.notify import Place
from battle.notifications.reading import (
    Judgement,
    judged_run,
    judgements_below,
    moment,
    previous_verdict,
    run_subject,
)
from battle.run.directory import find_run
from battle.suite.results import SuiteReport, SuiteRun, verdict_of


class Found(msgspec.Struct, frozen=True):
    """Subjects with their directories, and the directories of all their runs by the runs' ids."""

    places: tuple[Place, ...]
    directories: dict[str, Path]


def subjects_of(texts: Sequence[str], out: Path = DEFAULT_OUT, history: Path | None = None) -> Found:
    """What each RUN means, each run once: one that is also in a suite that is given is shown there alone.

    Earlier verdicts are those of the history and of the results.

    Raises:
        BattleError: there is no such run or suite, or it cannot be read; or the history is no directory.
    """
    if history is not None:
        require_place(history)
    meant = {text: suite_at(text, out) for text in texts}
    suites = {one: suite_subject(read_suite(one), one, history) for one in meant.values() if one is not None}
    in_suites = {path for suite in suites.values() for path in suite.directories.values()}
    directories = dict.fromkeys(suite or find_run(text, out) for text, suite in meant.items())
    found = [
        suites[directory] if directory in suites else _of_run(directory, history)
        for directory in directories
        if directory not in in_suites
    ]
    return Found(
        tuple(place for one in found for place in one.places),
        {run_id: path for one in found for run_id, path in one.directories.items()},
    )


def _of_run(run_dir: Path, history: Path | None) -> Found:
    run = judged_run(run_dir)
    passed = run.verdict == "PASS"
    previous = (
        previous_verdict(_earlier(run_dir.parent, history, [run]), run, run.started_at) if passed else None
    )
    subject = run_subject(run, previous)
    return Found((Place(subject, run_dir),), {} if run.run_id is None else {run.run_id: run_dir})


def suite_subject(report: SuiteReport, suite_dir: Path, history: Path | None = None) -> Found:
    """A suite as what a notification is about. Raises BattleError."""
    directories: dict[str, Path] = {}
    runs = [_run_of_suite(run, report, suite_dir, directories) for run in report.runs]
    subject = Subject(
        kind="suite",
        id=report.suite_id,
        title=f"suite {report.selection}, {report.world} world",
        verdict=report.verdict,
        verdict_text=report.verdict_text,
        headline=report.headline,
        started_at=report.started_at,
        runs=tuple(runs),
        recovered=report.verdict == "PASS"
        and _did_not_pass(_earlier(suite_dir.parent.parent, history, runs), runs, report.started_at),
    )
    return Found((Place(subject, suite_dir),), directories)


def _run_of_suite(
    run: SuiteRun, suite: SuiteReport, suite_dir: Path, directories: dict[str, Path]
) -> JudgedRun:
    run_dir = directory_of(run, suite_dir)
    if run_dir is not None and run_dir.is_dir():
        judged = judged_run(run_dir, run.scenario)
        if judged.run_id is not None:
            directories[judged.run_id] = run_dir
        return judged
    return JudgedRun(
        run_id=None if run.directory is None else Path(run.directory).name,
        name=run.scenario,
        command=None,
        scenario=run.scenario,
        world=suite.world,
        gateway=suite.gateway,
        seed=run.seed,
        started_at=None,
        verdict=verdict_of([run]),
        status=run.status_text,
        headline=run.headline,
        reasons=run.reasons,
        warnings=run.warnings,
    )


def _earlier(out: Path, history: Path | None, runs: Sequence[JudgedRun]) -> list[Judgement]:
    """The verdicts in the history, if there is one, and those among the results, which may be a copy of one run."""
    return [*judgements_below(out), *_in_history(history, {run.scenario for run in runs})]


def _in_history(history: Path | None, scenarios: Collection[str]) -> Iterator[Judgement]:
    directory = history or DEFAULT_HISTORY
    if history is None and not directory.is_dir():
        return
    from battle.history.store import read

    for scenario in scenarios:
        for row in read(directory, scenario=scenario, metrics=()):
            at = moment(row.started_at)
            if at is not None:
                yield Judgement(row.run_id, (row.scenario, row.world, row.gateway), at, row.verdict)


def _did_not_pass(judgements: list[Judgement], runs: Sequence[JudgedRun], before: str | None) -> bool:
    """Whether one of the runs had another verdict than PASS before this suite began."""
    return any(previous_verdict(judgements, run, before) not in (None, "PASS") for run in runs)
