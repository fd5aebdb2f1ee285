"""What RUN means where a suite may stand for its runs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from battle.analysis.reports.comparison import BYTES_MAX
from battle.errors import BattleError, plain
from battle.run.directory import LATEST, find_run
from battle.store import typed
from battle.store.regular import read_regular
from battle.suite.results import SUITE_FILE, SUITES, SuiteReport, SuiteRun


class Member(NamedTuple):
    """A run, and how messages name it; `directory` is None for what a suite could not run."""

    title: str
    status: str
    directory: Path | None


def suite_at(text: str, out: Path) -> Path | None:
    """The directory of the suite that `text` means: its id, `suites/latest`, or a directory.

    None: it means something else, as `latest` does: that is the newest run.
    """
    for candidate in (out / SUITES / text, out / text, Path(text)):
        try:
            if text != LATEST and (candidate / SUITE_FILE).is_file():
                return candidate.resolve()
        except (OSError, ValueError):
            continue  # no path at all
    return None


def read_suite(suite_dir: Path) -> SuiteReport:
    """The report of a suite. Raises BattleError: it cannot be read, or it is none."""
    path = suite_dir / SUITE_FILE
    try:
        return typed.decode(read_regular(path, BYTES_MAX), SuiteReport)
    except OSError as error:
        raise BattleError(f"{path} cannot be read: {error.strerror or plain(error)}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BattleError(f"{path} is no report of a suite: {error}") from None


def directory_of(run: SuiteRun, suite_dir: Path) -> Path | None:
    """The directory of a run of a suite, wherever both were copied to; None: it has none."""
    return None if run.directory is None else Path(os.path.normpath(suite_dir.resolve() / run.directory))


def members(suite_dir: Path) -> list[Member]:
    """Each run of a suite, in the order of running. Raises BattleError."""
    return [
        Member(f"{run.scenario}, seed {run.seed}", run.status, directory_of(run, suite_dir))
        for run in read_suite(suite_dir).runs
    ]


def named_runs(texts: Sequence[str], out: Path) -> list[Member]:
    """The runs that the texts mean, a suite for each of its runs; each run once.

    Raises:
        BattleError: there is no such run or suite, or it cannot be read.
    """
    found: dict[object, Member] = {}
    for text in texts:
        suite_dir = suite_at(text, out)
        if suite_dir is None:
            run_dir = find_run(text, out)
            meant = [Member(run_dir.name, "", run_dir)]
        else:
            meant = members(suite_dir)
        for one in meant:
            found.setdefault(one.directory or (suite_dir, one.title), one)
    return list(found.values())
