"""Does the gateway hold more and more? What leaks grows steadily while the load does not."""

from typing import Any, NamedTuple

from battle.judgement.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.judgement.nodes import GATEWAY_NODE
from battle.judgement.slo import Demands
from battle.judgement.words import sentence

SAMPLES_MIN = 5
"""In each fifth of the load, or its median says little: loads shorter than about half a minute are not judged."""

LOAD_GROWTH_MAX = 1.2
"""A load that grew more than this may need more of everything."""

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

    INCONCLUSIVE when a node of the test bench grew like that. Growth is judged by the medians of the five fifths of
    the load after its first tenth: each well above the one before, and the last above the first by a `Bound`. Does
    not apply when neither nodes nor connections were sampled.
    """
    growth, connections = log.rows("system_growth"), log.rows("open_connections")
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
    bound = BOUNDS[row.resource]
    if not row.steady or row.samples < SAMPLES_MIN or _load_grew(row):
        return False
    first, last = row.medians[0], row.medians[-1]
    return bool(last > first * bound.ratio and last - first > bound.least)


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
    first, last = (row.medians[at] * scale for at in (0, -1))
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
    what = "files, tasks, memory" if growth else "connections"
    return f"no steady growth of {what}{' or connections' if growth and connections else ''}"
