"""Does the gateway hold more and more? What leaks grows steadily while the load does not."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.fault_growth import (
    Episode,
    ResourceNeed,
    Step,
    Steps,
    episodes,
    steps,
    unexplained,
)
from battle.analysis.verdict.checkers.nodes import GATEWAY_NODE
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet

SAMPLES_MIN = 5
"""In each fifth of the load, or its mean says little: of loads shorter than about half a minute only a steep growth
is reported, as a warning."""

STEEP_SAMPLES_MIN = 2
"""In each fifth of such a load."""

STEEP = 5
"""Growth is steep at so many times a bound's least, when what there was has become three times as much."""

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


MEMORY = "rss_bytes"

BYTES_PER_NEED = 10**6
"""What a gateway may go on to hold in memory for each request that was on its way at once: an allocator keeps it."""


class Bound(NamedTuple):
    """A growth beyond both is a leak: as a ratio, and in the resource's unit."""

    ratio: float
    least: float
    unit_text: str


BOUNDS = {
    # A pool may take a few more connections and their tasks, an allocator keeps what a peak needed.
    "open_fds": Bound(1.5, 10, "open files"),
    "tasks": Bound(1.5, 20, "tasks"),
    MEMORY: Bound(1.2, 16_000_000, "MB of memory"),
}


def connections_leaked(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when the gateway's files, tasks, memory or WebSocket connections grew all through a load that did not, or
    when each fault left it with more than before.

    INCONCLUSIVE when a node of the test bench grew all through. Growth is judged by the means of the five fifths of
    the load after its first tenth, without the steps that a pool takes when it meets faults for the first time: each
    well above the one before, and the last above the first by a `Bound`. What faults leave is judged as the module
    `fault_growth` says; a large step at a single fault is a warning, for it may be a pool, and of memory, which
    may be a cache as well, no more than noted. So is a steep growth of files or tasks all through a load that was too
    short to be sure. Does not apply when neither nodes nor connections were sampled.
    """
    growth, connections = log.rows("system_growth", step_ns=STEP_NS), log.rows("open_connections")
    if not growth and not connections:
        return None
    grown = [row for row in growth if leaks(row)]
    steady = {row.resource for row in grown if row.node == GATEWAY_NODE}
    stepped = _stepped(log, steady) if growth and not any(_load_grew(row) for row in growth) else {}
    gateway = [_growth_text(row) for row in grown if row.node == GATEWAY_NODE]
    gateway += [_steps_text(name, found) for name, found in stepped.items() if found.repeated]
    gateway += [_connections_text(row) for row in _heaps(connections)]
    bench = [_growth_text(row) for row in grown if row.node != GATEWAY_NODE]
    single = {name: _steps_text(name, found) for name, found in stepped.items() if not found.repeated}
    unsure = [] if set(single) == {MEMORY} else list(single.values())
    unsure += [f"{_growth_text(row)}: let the load last longer to be sure" for row in growth if _steep(row)]
    said = gateway or bench or unsure
    return Finding(
        checker="connections_leaked",
        verdict="FAIL" if gateway else "INCONCLUSIVE" if bench else "PASS",
        severity="warning" if said is unsure and said else None,
        summary=sentence(said or [_calm(growth, connections), *single.values()]),
        query="SELECT node, at_ns, open_fds, tasks, rss_bytes FROM system_samples ORDER BY node, at_ns",
        ids=tuple(dict.fromkeys([*(row.node for row in grown), *([GATEWAY_NODE] if stepped else [])]))[
            :EVIDENCE_IDS_MAX
        ],
    )


CONNECTIONS_LEAKED = PlacedChecker(place=200, checker=connections_leaked, rests_on_bench=True)


def _stepped(log: Log, known: set[str]) -> dict[str, Steps]:
    """By resource, what the gateway held more of after faults; without the resources `known` to leak."""
    found: dict[str, Steps] = {}
    for row in log.rows("fault_samples", node=GATEWAY_NODE):
        faults = episodes(
            (one["started_ns"], one["ended_ns"], one["kind"], one["target"], one["fault_id"])
            for one in row.faults
        )
        bound, left = BOUNDS[row.resource], steps(row.samples, faults)
        if row.resource in known or not any(step.rise > bound.least for step in left):
            continue
        until_ns = row.samples[-1][0]
        needs, providers = _needs(log, faults, until_ns)
        memory = row.resource == MEMORY
        leak = unexplained(
            left,
            needs,
            least=bound.least,
            ratio=bound.ratio,
            per_need=BYTES_PER_NEED
            if memory
            else 1 + providers,  # a client's connection, and one to each provider
            bounded=not memory,
            until_ns=until_ns,
        )
        if leak is not None:
            found[row.resource] = leak
    return found


def _needs(log: Log, faults: Sequence[Episode], until_ns: int) -> tuple[dict[Episode, ResourceNeed], int]:
    """What clients asked for around each episode, and the number of providers."""
    bounds = (0, *(episode.from_ns for episode in faults), max(until_ns, faults[-1].to_ns) + 1)
    rows = log.rows("gateway_needs", starts_ns=bounds[:-1], ends_ns=bounds[1:])
    before = accumulate((row.peak for row in rows), max)
    needs = {
        episode: ResourceNeed(so_far, row.peak, row.waiting, row.connected)
        for episode, row, so_far in zip(faults, rows[1:], before, strict=False)
    }
    return needs, rows[0].providers or 0


def leaks(row: Any) -> bool:
    """Whether a row of the query `system_growth` shows a leak."""
    if row.samples < SAMPLES_MIN or _load_grew(row) or row.steps_ratio > STEPS_RATIO_MAX:
        return False
    return _grows(row.settled, BOUNDS[row.resource])


def _steep(row: Any) -> bool:
    """Whether files or tasks of the gateway grew steeply all through a load that was too short to be sure."""
    if row.node != GATEWAY_NODE or row.resource == MEMORY or _load_grew(row):
        return False
    short = STEEP_SAMPLES_MIN <= row.samples < SAMPLES_MIN
    bound = BOUNDS[row.resource]
    return short and _grows(row.means, bound._replace(ratio=3, least=STEEP * bound.least))


def _grows(means: Sequence[float], bound: Bound) -> bool:
    first, last = means[0], means[-1]
    least = min(after - before for before, after in pairwise(means))
    steady = least >= (last - first) * STEADY_RATIO_MIN
    return steady and last > first * bound.ratio and last - first > bound.least


def _load_grew(row: Any) -> bool:
    return bool(row.last_requests > LOAD_GROWTH_MAX * row.first_requests)


def _heaps(connections: list[Any]) -> list[Any]:
    """Where the gateway's connections to providers heap up; from the logs of the providers when it reports none."""
    side = "gateway" if any(row.side == "gateway" for row in connections) else "provider"
    return [
        row
        for row in connections
        if row.side == side
        and row.open_at_end - row.open_early > max(CONNECTIONS_GROWTH_MIN, 0.5 * row.open_early)
    ]


def _growth_text(row: Any) -> str:
    first, last = (_amount(row.resource, row.means[at]) for at in (0, -1))
    return f"{row.node} went steadily from {first} to {last} {BOUNDS[row.resource].unit_text}"


def _steps_text(resource: str, found: Steps) -> str:
    """ "gateway had 26 open files before kill-a.1, 130 after it, and 228 after kill-a.2: it keeps more each time"."""
    first, last = found.steps[0], found.steps[-1]
    before, after = _amount(resource, first.before), _amount(resource, first.after)
    held = f"gateway had {before} {BOUNDS[resource].unit_text} before {_faults_text(first)}, {after} after it"
    if not found.repeated:
        store = "cache" if resource == MEMORY else "pool"
        return f"{held}, and kept them: repeat the fault to see whether that is a leak or a {store}"
    more = len(found.steps) - 2
    between = f", more after each of {plural(more, 'fault')} between" if more else ""
    return f"{held}{between}, and {_amount(resource, last.after)} after {_faults_text(last)}: it keeps more each time"


def _faults_text(step: Step) -> str:
    ids = step.episode.fault_ids
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {plural(len(ids) - 1, 'other fault')}"


def _amount(resource: str, value: float) -> str:
    return f"{value * (1e-6 if resource == 'rss_bytes' else 1):,.0f}"


def _connections_text(row: Any) -> str:
    return (
        f"the gateway had {row.open_at_end:,} WebSocket connections to {row.name} open at the end of the load, "
        f"after {row.open_early:,} early in it"
    )


def _calm(growth: list[Any], connections: list[Any]) -> str:
    if growth and all(row.samples < SAMPLES_MIN for row in growth):
        return "the load was too short to see a slow leak: that takes about 30 s"
    if growth and any(_load_grew(row) for row in growth):
        return "the load grew, so growth of the nodes was not judged"
    if growth and any(row.steps_ratio > STEPS_RATIO_MAX for row in growth):
        return "the faults changed too often to separate a leak from what each change needs"
    what = "files, tasks, memory" if growth else "connections"
    return f"no steady growth of {what}{' or connections' if growth and connections else ''}"
