"""Reads what notifications are about: the report beside a run's log, and earlier verdicts among the results."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from battle.analysis.findings import Verdict
from battle.analysis.reports.files import FILES, REPORT_BYTES_MAX, report_of
from battle.analysis.reports.schema import FaultEffect
from battle.analysis.verdict.slo_text import measured_text, target_text
from battle.errors import BattleError
from battle.notifications.event import Figure, JudgedRun, Subject, title_of_run
from battle.scenario.run_header import read_header
from battle.store import typed
from battle.store.manifest import RUN_HEADER_BYTES_MAX
from battle.store.regular import read_regular

RUN_HEADER = "run.json"


def judged_run(run_dir: Path, typed_name: str | None = None) -> JudgedRun:
    """A run as notifications show it; `typed_name` is what was typed to run it, where that is known.

    Raises:
        LogError: the run cannot be judged.
        BattleError: nor can its log be read.
    """
    try:
        report = report_of(run_dir)
    except OSError as error:
        raise BattleError(f"{run_dir} cannot be read: {error.strerror}") from None
    run = report.run
    results = [*report.slos, *(result for one in report.workload_slos for result in one.slos)]
    return JudgedRun(
        run_id=run.run_id,
        name=typed_name or run.scenario,
        command=_command(run_dir),
        scenario=run.scenario,
        world=run.world,
        gateway=run.gateway,
        seed=run.seed,
        started_at=run.started_at,
        verdict=report.verdict,
        status=report.verdict_text,
        headline=report.headline,
        reasons=report.reasons,
        warnings=report.warnings,
        missed=tuple(
            Figure(
                name=result.title,
                measured=measured_text(result) or "not measured",
                target=target_text(result),
            )
            for result in results
            if result.status == "missed"
        ),
        leaked=tuple(_leaked(report.faults)),
        comparison=report.comparison,
    )


def _command(run_dir: Path) -> str | None:
    """How to run it again, as its header says; None for one of an older version."""
    try:
        return read_header(read_regular(run_dir / RUN_HEADER, RUN_HEADER_BYTES_MAX)).command
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _leaked(faults: tuple[FaultEffect, ...]) -> Iterator[tuple[str, int]]:
    """Providers to which attempts went while they were broken, the worst first."""
    counts: dict[str, int] = {}
    for fault in faults:
        if fault.leaked_attempts:
            counts[fault.target] = counts.get(fault.target, 0) + fault.leaked_attempts
    yield from sorted(counts.items(), key=lambda item: -item[1])


def run_subject(run: JudgedRun, previous: str | None) -> Subject:
    """A run alone as what a notification is about; `previous` is the verdict of the run before it."""
    return Subject(
        kind="run",
        id=run.run_id or run.name,
        title=title_of_run(run),
        verdict=run.verdict,
        verdict_text=run.status,
        headline=run.headline,
        started_at=run.started_at,
        runs=(run,),
        recovered=run.verdict == "PASS" and previous is not None and previous != "PASS",
    )


class Judgement(NamedTuple):
    """One earlier verdict: of which run, of what, and when."""

    run_id: str
    key: tuple[str, str, str]
    started_at: datetime
    verdict: str


def key_of(run: JudgedRun) -> tuple[str, str, str]:
    """What makes runs comparable: the scenario, the world and the gateway."""
    return run.scenario, run.world, run.gateway or ""


class _RunHead(msgspec.Struct):
    run_id: str
    scenario: str
    world: str
    gateway: str
    started_at: str


class _Head(msgspec.Struct):
    run: _RunHead
    verdict: Verdict


def judgements_below(out: Path) -> Iterator[Judgement]:
    """The verdicts of the runs in a directory for results, as their report.json say; others are skipped."""
    for path in out.glob(f"*/{FILES['json']}"):
        if path.parent.is_symlink():
            continue  # `latest`, which is one of the others
        try:
            head = typed.decode(read_regular(path, REPORT_BYTES_MAX), _Head)
            at = moment(head.run.started_at)
        except (OSError, msgspec.DecodeError, RecursionError):
            continue
        if at is not None:
            run = head.run
            yield Judgement(run.run_id, (run.scenario, run.world, run.gateway), at, head.verdict)


def moment(text: str | None) -> datetime | None:
    """A moment in RFC 3339, or None where it is none."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def previous_verdict(judgements: list[Judgement], run: JudgedRun, before: str | None) -> str | None:
    """The verdict of the newest run of the same scenario, world and gateway that began before `before`."""
    limit = moment(before)
    if limit is None:
        return None
    earlier = [
        one
        for one in judgements
        if one.key == key_of(run) and one.started_at < limit and one.run_id != run.run_id
    ]
    return max(earlier, key=lambda one: one.started_at).verdict if earlier else None
