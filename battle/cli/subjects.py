"""What RUN means to `battle notify`: a run or a suite, with the verdicts that came before."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.notifications.event import JudgedRun, Subject
from battle.notifications.notify import Place
from battle.notifications.reading import (
    REPORT_BYTES_MAX,
    Judgement,
    judged_run,
    judgements_below,
    previous_verdict,
    report_of,
    run_subject,
)
from battle.run.directory import find_run
from battle.store.regular import read_regular
from battle.suite.results import SuiteReport, SuiteRun, verdict_of
from battle.suite.runner import SUITES

SUITE_FILE = "suite.json"


class Found(msgspec.Struct, frozen=True):
    """Subjects with their directories, and the directories of all their runs by the runs' ids."""

    places: tuple[Place, ...]
    directories: dict[str, Path]


def subjects_of(texts: Sequence[str], out: Path = DEFAULT_OUT) -> Found:
    """What each RUN means, once each.

    Raises:
        BattleError: there is no such run or suite, or it cannot be read.
    """
    directories = list(dict.fromkeys(_directory(text, out) for text in texts))
    found = [
        _of_suite(directory) if (directory / SUITE_FILE).is_file() else _of_run(directory)
        for directory in directories
    ]
    return Found(
        tuple(place for one in found for place in one.places),
        {run_id: path for one in found for run_id, path in one.directories.items()},
    )


def _directory(text: str, out: Path) -> Path:
    for candidate in (out / SUITES / text, out / text, Path(text)):
        try:
            if (candidate / SUITE_FILE).is_file() and text != "latest":
                return candidate.resolve()
        except (OSError, ValueError):
            continue  # no path at all
    return find_run(text, out)


def _of_run(run_dir: Path) -> Found:
    report = report_of(run_dir)
    run = judged_run(report, None)
    passed = run.verdict == "PASS"
    previous = previous_verdict(_earlier(run_dir.parent), run, run.started_at) if passed else None
    subject = run_subject(run, previous)
    return Found((Place(subject, run_dir),), {} if run.run_id is None else {run.run_id: run_dir})


def _of_suite(suite_dir: Path) -> Found:
    try:
        data = read_regular(suite_dir / SUITE_FILE, REPORT_BYTES_MAX)
        report = msgspec.json.decode(data, type=SuiteReport)
    except OSError as error:
        raise BattleError(f"{suite_dir / SUITE_FILE} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BattleError(f"{suite_dir / SUITE_FILE} is no report of a suite: {error}") from None
    return suite_subject(report, suite_dir)


def suite_subject(report: SuiteReport, suite_dir: Path) -> Found:
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
        gateway=report.gateway,
        recovered=report.verdict == "PASS"
        and _did_not_pass(_earlier(suite_dir.parent.parent), runs, report.started_at),
    )
    return Found((Place(subject, suite_dir),), directories)


def _run_of_suite(
    run: SuiteRun, suite: SuiteReport, suite_dir: Path, directories: dict[str, Path]
) -> JudgedRun:
    if run.directory is not None:
        run_dir = Path(os.path.normpath(suite_dir / run.directory))
        if run_dir.is_dir():
            judged = judged_run(report_of(run_dir), run.scenario)
            if judged.run_id is not None:
                directories[judged.run_id] = run_dir
            return judged
    return JudgedRun(
        run_id=None if run.directory is None else Path(run.directory).name,
        name=run.scenario,
        typed=True,
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


def _earlier(out: Path) -> list[Judgement]:
    """The verdicts among the results."""
    return list(judgements_below(out))


def _did_not_pass(judgements: list[Judgement], runs: Sequence[JudgedRun], before: str | None) -> bool:
    """Whether one of the runs had another verdict than PASS before this suite began."""
    return any(previous_verdict(judgements, run, before) not in (None, "PASS") for run in runs)
