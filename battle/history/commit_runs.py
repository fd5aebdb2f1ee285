"""Runs a scenario as it is at a commit, in the simulated world, and says what came of it.

Each run is made by `battle run` in a worktree of the commit, so that the scenario's files are those of that commit.
The Battle that makes it is the one that runs now. Where that one is itself in the repository (a checkout of Battle),
each commit's own Battle makes its runs: there the gateway under test is a part of it.
"""

import math
import os
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from battle.actors.redaction import redacted
from battle.analysis.findings import EXIT_STATUS, Verdict
from battle.history.repository import SHORT, CheckoutError, Repository, last_line
from battle.store import typed
from battle.store.errors import LogError
from battle.store.helper_process import Ended, outcome_of

RUN_SECONDS = 900.0
"""For one run: an hour of load takes a minute or two in the simulated world. One that hangs is skipped."""

PROGRAM = (sys.executable, "-P", "-m", "battle")
"""-P: no module in the user's directory takes the place of one that Battle needs."""

_OF_CI_JOBS = ("CI", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITLAB_CI")
"""Variables by which a run would annotate a CI job: these runs are not what the job is about."""

_SUFFIXES = (".py", ".toml", ".yaml", ".yml", ".json")


class Order(NamedTuple):
    """What to run at each commit.

    `scenario` is what `battle run` takes, `seeds` those of its runs, `metric` the one whose value is wanted, if any,
    of one `workload` or of all.
    `directory` is the user's working directory, and `out` where the runs are kept.
    """

    scenario: str
    seeds: tuple[int, ...]
    metric: str | None
    directory: Path
    out: Path
    workload: str | None = None


class CommitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of a commit showed, in the order of their seeds.

    `problem` is why the commit cannot be judged, None where it can. `verdict` is FAIL where any run was one, and
    `reason` the first reason for it. `value` is the median of the metric, infinite where it was never reached. `seed`
    is the one that shows it: of the failed run, or the first. `runs` are the directories.
    """

    commit: str
    problem: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    value: float | None = None
    seed: int | None = None
    runs: tuple[Path, ...] = ()


class CannotRun(Exception):
    """A commit cannot be judged; the message is why."""


class _Facts(msgspec.Struct):
    run_id: str


class _Report(msgspec.Struct):
    """What is needed of a report.json."""

    run: _Facts
    verdict: Verdict
    reasons: tuple[str, ...] = ()


def result_of(repository: Repository, commit: str, order: Order) -> CommitResult:
    """What the runs of a commit show; a commit that cannot be run has a `problem`."""
    runs: list[Path] = []
    try:
        with repository.worktree(commit) as worktree:
            directory = place_in(worktree, repository.top, order.directory)
            if directory is None or not directory.is_dir():
                raise CannotRun(f"it has no directory {order.directory.relative_to(repository.top)}")
            place = _Place(repository, worktree, directory, order.out / commit[:SHORT])
            if order.metric is not None:
                return _measured(place, commit, order, runs)
            return _judged(place, commit, order, runs)
    except (CannotRun, CheckoutError) as error:
        return CommitResult(commit=commit, problem=redacted(str(error)), runs=tuple(runs))


class _Place(NamedTuple):
    repository: Repository
    worktree: Path
    directory: Path
    out: Path


def _judged(place: _Place, commit: str, order: Order, runs: list[Path]) -> CommitResult:
    """The first FAIL decides. An INCONCLUSIVE run says nothing, unless another one is a FAIL."""
    unclear = None
    for seed in order.seeds:
        report = _run(place, order, seed, runs)
        reason = report.reasons[0] if report.reasons else None
        if report.verdict == "FAIL":
            return CommitResult(commit=commit, verdict="FAIL", reason=reason, seed=seed, runs=tuple(runs))
        if report.verdict == "INCONCLUSIVE" and unclear is None:
            unclear = f"its verdict is INCONCLUSIVE: {reason or 'no reason is given'}"
    if unclear is not None:
        raise CannotRun(unclear)
    return CommitResult(commit=commit, verdict="PASS", seed=order.seeds[0], runs=tuple(runs))


def _measured(place: _Place, commit: str, order: Order, runs: list[Path]) -> CommitResult:
    values = []
    for seed in order.seeds:
        _run(place, order, seed, runs)
        values.append(_value(runs[-1], str(order.metric), order.workload))
    return CommitResult(
        commit=commit, value=float(statistics.median(values)), seed=order.seeds[0], runs=tuple(runs)
    )


def _value(run_dir: Path, name: str, workload: str | None) -> float:
    """The metric of a run, whatever its verdict. A percentile that was never reached is infinite."""
    from battle.history.run_row import read_row  # DuckDB, which verdicts do not need

    try:
        row = read_row(run_dir)
    except LogError as error:
        raise CannotRun(f"its log cannot be read: {error}") from None
    if not row.trusted:
        why = row.distrusted[0] if row.distrusted else "it did not go to its end"
        raise CannotRun(f"its measurement cannot be trusted: {why}")
    metric = row.metric(name, workload)
    if metric is None or (metric.value is None and not metric.never):
        raise CannotRun(f"its log does not show {name}{f' of {workload}' if workload else ''}")
    return math.inf if metric.value is None else metric.value


def _run(place: _Place, order: Order, seed: int, runs: list[Path]) -> _Report:
    """The report of one run, whose directory is added to `runs`."""
    scenario = scenario_in(place.worktree, place.repository.top, order)
    command = [
        *(*PROGRAM, "run", scenario),
        *("--world", "simulated", "--seed", str(seed), "--out", str(place.out), "--json", "--quiet"),
    ]
    environ = run_environment(place.repository, place.worktree)
    try:
        ended = outcome_of(command, directory=place.directory, environ=environ, seconds=RUN_SECONDS)
    except TimeoutError:
        raise CannotRun(f"its run takes longer than {RUN_SECONDS:g} s") from None
    report = _report(ended)
    runs.append(place.out / report.run.run_id)
    return report


def _report(ended: Ended) -> _Report:
    if ended.status < 0:
        raise CannotRun(f"its run was ended by signal {-ended.status}")
    if ended.status not in EXIT_STATUS.values():
        raise CannotRun(last_line(ended.err).removeprefix("battle: "))
    try:
        return typed.decode(ended.out, _Report)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise CannotRun(last_line(ended.err).removeprefix("battle: ")) from None


def place_in(worktree: Path, top: Path, path: Path) -> Path | None:
    """Where a path of the user's checkout is in a worktree; None: it is outside of the checkout."""
    try:
        return worktree / path.relative_to(top)
    except ValueError:
        return None


def scenario_in(worktree: Path, top: Path, order: Order) -> str:
    """What `battle run` takes for the scenario in a worktree; a file outside of the checkout is always the same."""
    place, colon, variant = order.scenario.partition(":")
    if not place.endswith(_SUFFIXES):
        return order.scenario
    path = order.directory / place
    path = path.parent.resolve() / path.name
    inside = place_in(worktree, top, path)
    if inside is not None:
        path = Path(os.path.relpath(inside, worktree / order.directory.relative_to(top)))
    return f"{path}{colon}{variant}"


def run_environment(repository: Repository, worktree: Path) -> Mapping[str, str]:
    """The variables of a run: modules are imported from the worktree, not from the user's checkout."""
    environ = {name: value for name, value in repository.environ.items() if name not in _OF_CI_JOBS}
    places = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    moved = [str(place_in(worktree, repository.top, Path(entry).resolve()) or entry) for entry in places]
    if own_package() == repository.top / "battle":
        moved.insert(0, str(worktree))
    if moved:
        environ["PYTHONPATH"] = os.pathsep.join(moved)
    return environ


def own_package() -> Path:
    """The directory of the Battle that runs now."""
    return Path(__file__).resolve().parents[1]
