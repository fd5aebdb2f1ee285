"""What the test bench broke by itself. Findings that rest on it are not put down to the gateway.

The bench is all that is not the gateway: the load generator with the author's own code in it, the mock providers, the
coordinator, and the machine they share. Each trouble has a cause in words, and windows of time in which requests may
have suffered from it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.time_text import load_began_ns
from battle.analysis.verdict.checkers.bench_limits import SEEN_IN_REQUESTS, limit_texts
from battle.analysis.verdict.checkers.busy_machine import busy
from battle.analysis.verdict.checkers.completeness import holes
from battle.analysis.verdict.checkers.nodes import crash_text, is_gateway, is_load
from battle.analysis.verdict.checkers.slow_generator import slow_generators
from battle.analysis.verdict.registry import RESTS_ON_BENCH
from battle.scenario.slo.windows import END_NS, Window

Part: TypeAlias = Literal[
    "load", "providers", "coordinator", "limits", "log", "unread", "generator", "machine"
]

CRASHES: frozenset[Part] = frozenset({"load", "providers", "coordinator", "limits", "log"})
"""Parts that died, met a limit of the machine, or lost what they noted: what rests on them has nothing to rest on. A
busy machine, or a slow generator of the author's, only makes things late."""

DETECTION_NS = 10**9
"""A death is noticed within this time, so what happened just before it may be a part of it."""


class Trouble(NamedTuple):
    """One part of the bench that broke. `lag_ns`: how late it was at worst, of one that only was late."""

    part: Part
    cause: str
    windows: tuple[Window, ...] = ()
    lag_ns: int = 0


def troubles(log: Log) -> tuple[Trouble, ...]:
    """All that broke on the bench by itself, crashes first."""
    return (*_crashes(log), *_limits(log), *_holes(log), *_late(log))


def _crashes(log: Log) -> Iterator[Trouble]:
    began_ns = load_began_ns(log)
    for row in log.rows("node_crashes"):
        if row.induced or (is_gateway(row) and not row.bench):
            continue
        # A dying load node takes along what is under way; the next one sends as before. A provider stays suspect.
        part: Part = "load" if is_load(row) else "coordinator" if row.node == "coordinator" else "providers"
        until_ns = row.first_at_ns + DETECTION_NS if part == "load" else END_NS
        windows = ((max(row.first_at_ns - DETECTION_NS, 0), until_ns),)
        yield Trouble(part, crash_text(row, began_ns), windows)


def _limits(log: Log) -> Iterator[Trouble]:
    """Limits of the machine. Waits for a connection are left out: their late requests are listed one by one."""
    for row in log.rows("bench_limits"):
        if row.limit in SEEN_IN_REQUESTS:
            continue
        for cause in limit_texts(row, load_began_ns(log), 0):
            began_ns = row.first_at_ns - (row.duration_ns or 0) - DETECTION_NS
            until_ns = row.first_at_ns + DETECTION_NS if row.limit == "standstill" else END_NS
            yield Trouble("limits", cause, ((max(began_ns, 0), until_ns),))


def _holes(log: Log) -> Iterator[Trouble]:
    """Attempts whose requests are missing look like a storm of retries. Requests that are there count as they are."""
    for hole in holes(log):
        yield Trouble("log", hole)


def _late(log: Log) -> Iterator[Trouble]:
    for row in log.rows("bench_limits"):
        if row.limit == "unread":
            yield from (Trouble("unread", cause) for cause in limit_texts(row, load_began_ns(log), 0))
    for slow in slow_generators(log):
        yield Trouble("generator", f"workload {slow.workload}: {slow.cause}", slow.windows, slow.late_ns)
    if machine := busy(log):
        yield Trouble("machine", machine.cause, machine.windows, machine.late_ns)


def attributed(findings: Sequence[Finding], broken: Sequence[Trouble]) -> list[Finding]:
    """The findings; of those that rest on a part of the bench that died FAIL becomes INCONCLUSIVE, with the cause.

    A warning stays one: it is no verdict, and names what was seen.
    """
    return [_attributed(finding, broken) for finding in findings]


def _attributed(finding: Finding, broken: Sequence[Trouble]) -> Finding:
    causes = [trouble.cause for trouble in broken if trouble.part in CRASHES]
    if finding.verdict != "FAIL" or not causes or finding.checker not in RESTS_ON_BENCH:
        return finding
    summary = f"{causes[0]}, so this is not attributed to the gateway: {finding.summary}"
    return msgspec.structs.replace(finding, verdict="INCONCLUSIVE", severity=None, summary=summary)


def spared(broken: Sequence[Trouble]) -> dict[str, Any]:
    """The windows in which requests do not count, as parameters of queries."""
    windows = [window for trouble in broken for window in trouble.windows]
    return {
        "spared_starts_ns": tuple(start for start, _ in windows),
        "spared_ends_ns": tuple(end for _, end in windows),
    }
