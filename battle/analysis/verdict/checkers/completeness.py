"""Is the history the other checkers read all of it?"""

from collections.abc import Iterator
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.nodes import unwrapped
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet


def run_is_complete(log: Log, slos: SloSet) -> Finding:
    """INCONCLUSIVE when the run did not go through all its phases: what follows is about a part of it."""
    problems = list(_unfinished({row.phase: row for row in log.rows("run_phases")}, log.sealed))
    return Finding(
        checker="run_is_complete",
        verdict="INCONCLUSIVE" if problems else "PASS",
        summary=f"the run is partial: {sentence(problems)}" if problems else "the run completed",
        query="SELECT * FROM run_phases ORDER BY at_ns",
    )


RUN_IS_COMPLETE = PlacedChecker(place=10, checker=run_is_complete, rests_on_bench=False)


def _unfinished(phases: dict[str, Any], sealed: bool) -> Iterator[str]:
    if not phases:
        yield "no phase of it is in the log"
        return
    began_ns = phases["load_began"].at_ns if "load_began" in phases else None
    for bad, how in (("interrupted", "it was interrupted"), ("failed", "it failed")):
        if bad in phases:
            why = f" ({unwrapped(phases[bad].detail)})" if phases[bad].detail else ""
            yield f"{how} {at_text(phases[bad].at_ns, began_ns)}{why}"
    if "load_began" not in phases:
        yield "its load never started"
    elif "load_ended" not in phases:
        yield "its load has no end"
    if "ended" not in phases:
        yield "its coordinator died before the end"
    elif not sealed:
        yield "its log was never sealed"


def log_is_whole(log: Log, slos: SloSet) -> Finding:
    """INCONCLUSIVE when events are known to be missing, or are not the run's own.

    The torn end of a node that a fault killed is expected.
    """
    segments = log.rows("log_health")
    damaged = {row.segment: problems for row in segments if (problems := list(_damage(row)))}
    problems = [f"{segment}: {sentence(parts)}" for segment, parts in damaged.items()]
    problems += [f"values were replaced by NULL: {problem}" for problem in log.manifest.problems]
    events = sum(row.events for row in segments)
    whole = f"{plural(events, 'event')} of {plural(len(segments), 'segment')}, none known to be missing"
    return Finding(
        checker="log_is_whole",
        verdict="INCONCLUSIVE" if problems else "PASS",
        summary=f"the log is incomplete: {sentence(problems)}" if problems else whole,
        query="SELECT * FROM segments",
        ids=tuple(damaged)[:EVIDENCE_IDS_MAX],
    )


LOG_IS_WHOLE = PlacedChecker(place=30, checker=log_is_whole, rests_on_bench=False)


def holes(log: Log) -> list[str]:
    """What is known to be missing of the log, a sentence each; not the last moments of a node that died."""
    return [
        f"the log of {row.segment} is incomplete: {sentence(problems)}"
        for row in log.rows("log_health")
        if (problems := list(_missing(row)))
    ]


def _damage(row: Any) -> Iterator[str]:
    yield from _missing(row)
    if not row.present or row.fault_killed or _is_cut(row):
        return
    if row.torn_bytes:
        yield f"its end is torn ({plural(row.torn_bytes, 'byte')})"
    elif not row.closed:
        yield "its writer did not end cleanly"


def _is_cut(row: Any) -> bool:
    return row.expected_bytes is not None and row.bytes != row.expected_bytes


def _missing(row: Any) -> Iterator[str]:
    if not row.present:
        yield "the whole segment is missing"
        return
    yield from _not_its_own(row)
    if row.lost_events:
        yield f"{plural(row.lost_events, 'event')} could not be written"
    if row.damaged_blocks:
        yield f"{plural(row.damaged_blocks, 'damaged block')} left out"
    if row.missing_bytes:
        yield f"{plural(row.missing_events, 'event')} missing ({plural(row.missing_bytes, 'byte')})"
    if row.unknown_events:
        yield f"{plural(row.unknown_events, 'event')} of an unknown type"
    if _is_cut(row):
        yield (
            f"it has {plural(row.bytes, 'byte')}, and had {row.expected_bytes:,} when its node ended: "
            f"{'its end is missing' if row.bytes < row.expected_bytes else 'data was appended to it'}"
        )


def _not_its_own(row: Any) -> Iterator[str]:
    """A segment under another's name, of another run, or of a node that never ran."""
    if row.opened_as is None:
        yield "its first block is missing" if row.bytes else "it is empty"
    elif row.opened_as != row.segment:
        yield f"it is a copy of {row.opened_as}, or that one renamed"
    if row.stray:
        yield "it belongs to another run than the coordinator's segment"
    if not row.expected:
        yield "the coordinator's log does not mention this incarnation"
