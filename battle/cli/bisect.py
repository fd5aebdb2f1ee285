"""`battle bisect`."""

import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.cli.options import Out, Seed, require_threshold
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.errors import BattleError, StartError, plain
from battle.formatting import plural
from battle.history.commit_runs import Order
from battle.history.first_bad import Bisection, first_bad_commit
from battle.history.repository import repository_of
from battle.run.directory import check_path, fresh_directory
from battle.scenario.loader import check_readable
from battle.scenario.slo.metrics import METRICS
from battle.terminal_text import escaped

BISECT = "bisect"
"""Below the directory for results: a directory for each search, with the runs of each commit."""

THRESHOLD = 0.1

SEEDS_MAX = 100
"""Runs of each commit: more take hours."""

UNDECIDED = 3
"""The exit status of a search in which skipped commits hide the first bad one."""


def command(
    scenario: Annotated[
        str, typer.Argument(help="A shipped name, FILE.py[:NAME], or a TOML, YAML or JSON file.")
    ],
    good: Annotated[str, typer.Argument(help="A commit, tag or branch at which it was good.")],
    bad: Annotated[str, typer.Argument(help="A later one at which it is bad, such as HEAD.")],
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Search for where this metric became worse, such as p95_latency_ms. Default: for FAIL.",
        ),
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The metric of this workload. Default: of all requests."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help=f"Smallest change of the metric that counts. Default: {THRESHOLD:g}."
        ),
    ] = None,
    seed: Seed = DEFAULT_SEED,
    seeds: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="Run each commit K times with increasing seeds: any FAIL, or the metric's median, counts.",
        ),
    ] = 1,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Find the commit that made SCENARIO fail, or a metric worse, in the simulated world."""
    _check(metric, workload, threshold, seeds)
    check_readable(scenario)
    directory = Path.cwd()
    repository = repository_of(directory, os.environ)
    first, last = repository.commit(good, "GOOD"), repository.commit(bad, "BAD")
    kept = _directory(out)
    order = Order(scenario, tuple(range(seed, seed + seeds)), metric, directory, kept.absolute(), workload)
    try:
        found = first_bad_commit(repository, first, last, order, threshold or THRESHOLD, _say)
    except KeyboardInterrupt:
        _say(f"interrupted; the runs that were made are below {kept}")
        raise
    finally:
        _remove_if_empty(kept)
    found = msgspec.structs.replace(
        found, directory=str(kept), reproduce=_reproduce(found, repository.top, directory)
    )
    print(_json(found) if json else "\n".join(_lines(found)))
    raise typer.Exit(0 if found.status == "found" else UNDECIDED)


def _check(metric: str | None, workload: str | None, threshold: float | None, seeds: int) -> None:
    if metric is not None and metric not in METRICS:
        raise BattleError(f"--metric: there is no metric {metric!r}, it is one of {', '.join(METRICS)}")
    if metric is None and workload is not None:
        raise BattleError("--workload is of a metric: give --metric too")
    if metric is None and threshold is not None:
        raise BattleError("--threshold is of a metric: give --metric too")
    if threshold is not None:
        require_threshold(threshold)
    if not 1 <= seeds <= SEEDS_MAX:
        raise BattleError(f"--seeds is a number from 1 to {SEEDS_MAX}, not {seeds}")


def _directory(out: Path) -> Path:
    check_path(out)
    try:
        return fresh_directory(out / BISECT, f"{datetime.now(UTC):%Y%m%d-%H%M%S}")
    except OSError as error:
        raise StartError(f"the runs cannot be kept below {out}: {plain(error)}; give another --out") from None


def _remove_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        return  # there are runs in it


def _say(line: str) -> None:
    print(escaped(line), file=sys.stderr, flush=True)


def _reproduce(found: Bisection, top: Path, directory: Path) -> str:
    """Commands that run the first bad commit again, in a worktree of its own."""
    commit = found.first_bad or found.bad
    place = f"../{top.name}-{commit.short}"
    inside = Path(place) / directory.relative_to(top)
    root = os.path.relpath(top, directory)
    run = ["battle", "run", found.scenario, "--world", "simulated", "--seed", str(found.seed)]
    git = ["git", *([] if root == "." else ["-C", root]), "worktree", "add", "--detach", place, commit.hash]
    there = os.path.normpath(Path(root) / inside)
    return f"{shlex.join(git)} && cd {shlex.quote(there)} && {shlex.join(run)}"


def _lines(found: Bisection) -> Iterator[str]:
    yield from _answer_lines(found)
    yield ""
    yield f"  {plural(found.runs, 'run')}, {plural(found.commits, 'commit')} between GOOD and BAD"
    for one in found.skipped:
        yield f"  skipped {one.commit.short} {escaped(one.commit.subject)}: {escaped(one.why)}"
    yield f"  runs       {found.directory}"
    yield f"  reproduce  {found.reproduce}"


def _answer_lines(found: Bisection) -> Iterator[str]:
    if found.first_bad is None:
        yield f"The first bad commit is one of these {len(found.candidates)}, because some cannot be judged:"
        for one in found.candidates:
            yield f"  {one.hash} {one.date} {escaped(one.author)}: {escaped(one.subject)}"
        yield f"  reason   {escaped(found.reason or 'no reason is given')}"
        return
    commit = found.first_bad
    yield f"The first bad commit is {commit.hash}."
    yield f"  author   {escaped(commit.author)}"
    yield f"  date     {commit.date}"
    yield f"  subject  {escaped(commit.subject)}"
    yield f"  reason   {escaped(found.reason or 'no reason is given')}"


def _json(found: Bisection) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
