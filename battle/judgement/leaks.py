"""Does the gateway hold more and more? What leaks grows steadily while the load does not."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from battle.judgement.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.judgement.nodes import GATEWAY_NODE
from battle.judgement.slo import Demands
from battle.judgement.words import sentence

SAMPLES_MIN = 5
"""In each fifth of the load, or its mean says little: loads shorter than about half a minute are not judged."""

LOAD_GROWTH_MAX = 1.2
"""A load that grew more than this may need more of everything."""

STEP_NS = 5 * 10**9
"""A pool has what a new fault makes it need within this time: what waits for a provider that hangs is at its most
when the first attempts time out. A longer one would hide what errors leak all through a fault."""

STEPS_RATIO_MAX = 0.5
"""Where more than half of the samples lie in steps, what grows between them is too little to say what leaks."""

STEADY_RATIO_MIN = 1 / 8
"""Each fifth grows by at least this share of the whole growth: half of an equal share of the four."""

CONNECTIONS_GROWTH_MIN = 5
"""So many more WebSocket connections than early in the load, and half as many again, are a leak: a failover leaves
one more behind for a while."""


class Bound(NamedTuple):
    """A growth beyond both is a leak: as a ratio, and in the resource's unit."""

    ratio: float
    least: float
    unit_text: str


BOUNDS = {
    # A pool may take a few more connections and their tasks, an allocator keeps what a peak needed.
    "open_fds": Bound(1.5, 10, "open files"),
    "tasks": Bound(1.5, 20, "tasks"),
    "rss_bytes": Bound(1.2, 16_000_000, "MB of memory"),
}


def connections_leaked(log: Log, demands: Demands) -> Finding | None:
    """FAIL when the gateway's files, tasks, memory or WebSocket connections grew all through a load that did not.

    INCONCLUSIVE when a node of the test bench grew like that. Growth is judged by the means of the five fifths of
    the load after its first tenth, without the steps that a pool takes when it meets faults for the first time: each
    well above the one before, and the last above the first by a `Bound`. Does not apply when neither nodes nor
    connections were sampled.
    """
    growth, connections = log.rows("system_growth", step_ns=STEP_NS), log.rows("open_connections")
    if not growth and not connections:
        return None
    grown = [row for row in growth if leaks(row)]
    gateway = [_growth_text(row) for row in grown if row.node == GATEWAY_NODE]
    gateway += [_connections_text(row) for row in _heaps(connections)]
    bench = [_growth_text(row) for row in grown if row.node != GATEWAY_NODE]
    return Finding(
        checker="connections_leaked",
        verdict="FAIL" if gateway else "INCONCLUSIVE" if bench else "PASS",
        summary=sentence(gateway or bench) if gateway or bench else _calm(growth, connections),
        query="SELECT node, at_ns, open_fds, tasks, rss_bytes FROM system_samples ORDER BY node, at_ns",
        ids=tuple(dict.fromkeys(row.node for row in grown))[:EVIDENCE_IDS_MAX],
    )


def leaks(row: Any) -> bool:
    """Whether a row of the query `system_growth` shows a leak."""
    if row.samples < SAMPLES_MIN or _load_grew(row) or row.steps_ratio > STEPS_RATIO_MAX:
        return False
    return _grows(row.settled, BOUNDS[row.resource])


def _grows(means: Sequence[float], bound: Bound) -> bool:
    first, last = means[0], means[-1]
    least = min(after - before for before, after in pairwise(means))
    steady = least >= (last - first) * STEADY_RATIO_MIN
    return steady and last > first * bound.ratio and last - first > bound.least


def _load_grew(row: Any) -> bool:
    return bool(row.last_requests > LOAD_GROWTH_MAX * row.first_requests)


def _heaps(connections: list[Any]) -> list[Any]:
    """Where the gateway's connections to providers heap up; told by the providers when it does not tell."""
    side = "gateway" if any(row.side == "gateway" for row in connections) else "provider"
    return [
        row
        for row in connections
        if row.side == side
        and row.open_at_end - row.open_early > max(CONNECTIONS_GROWTH_MIN, 0.5 * row.open_early)
    ]


def _growth_text(row: Any) -> str:
    scale = 1e-6 if row.resource == "rss_bytes" else 1
    first, last = (row.means[at] * scale for at in (0, -1))
    return f"{row.node} went steadily from {first:,.0f} to {last:,.0f} {BOUNDS[row.resource].unit_text}"


def _connections_text(row: Any) -> str:
    return (
        f"the gateway had {row.open_at_end:,} WebSocket connections to {row.name} open at the end of the load, "
        f"after {row.open_early:,} early in it"
    )


def _calm(growth: list[Any], connections: list[Any]) -> str:
    if growth and all(row.samples < SAMPLES_MIN for row in growth):
        return "the load was too short to see a leak in the nodes' samples"
    if growth and any(_load_grew(row) for row in growth):
        return "the load grew, so growth of the nodes was not judged"
    if growth and any(row.steps_ratio > STEPS_RATIO_MAX for row in growth):
        return "the faults changed too often to tell a leak from what each change needs"
    what = "files, tasks, memory" if growth else "connections"
    return f"no steady growth of {what}{' or connections' if growth and connections else ''}"
