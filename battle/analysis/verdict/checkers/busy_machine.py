"""Was the machine too busy for the test bench? Then what was late is not known to be the gateway's doing."""

from typing import NamedTuple

from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.formatting import duration_text, percent_text, plural
from battle.scenario.slo.windows import Window

LAG_MAX_NS = 50_000_000
"""An event loop of the bench that is later than this answers or reads late by as much as a late generator sends."""

STEAL_MAX_RATIO = 0.1
"""A hypervisor that takes more than this part of a second's CPU time keeps processes waiting for as long as
`LAG_MAX_NS` and more, the gateway's among them. A few percent are the rule on shared machines."""

SAMPLE_NS = 10**9
"""A sample of a node is about the second before it."""


class BusyMachine(NamedTuple):
    """When the machine was busy, in words and windows; `late_ns`: how late that made things at worst."""

    cause: str
    windows: tuple[Window, ...]
    late_ns: int


def busy(log: Log) -> BusyMachine | None:
    """When event loops of the bench were late, and when a hypervisor took the CPU; None: never."""
    lags = log.rows("bench_lag", lag_ns=LAG_MAX_NS)
    steals = log.rows("machine_steal", steal_ratio=STEAL_MAX_RATIO)
    if not lags and not steals:
        return None
    began_ns = load_began_ns(log)
    worst: list[str] = []
    late_ns: list[int] = []
    if lags:
        last = max(lags, key=lambda row: row.loop_lag_ns)
        worst.append(
            f"{last.node} was {duration_text(last.loop_lag_ns)} late {at_text(last.at_ns, began_ns)}"
        )
        late_ns.append(last.loop_lag_ns)
    if steals:
        most = max(steals, key=lambda row: row.steal_ratio)
        taken = percent_text(round(most.steal_ratio, 3))
        worst.append(f"its hypervisor took {taken} of the CPU time (steal) {at_text(most.at_ns, began_ns)}")
        late_ns.append(round(most.steal_ratio * SAMPLE_NS))
    seconds = {row.at_ns // SAMPLE_NS for row in (*lags, *steals)}
    what_to_do = (
        "run again on a machine whose CPUs are not shared" if steals else "run again without other load"
    )
    return BusyMachine(
        f"the machine was busy in {plural(len(seconds), 'second')}: {' and '.join(worst)}; {what_to_do}",
        (
            *((max(row.at_ns - SAMPLE_NS - row.loop_lag_ns, 0), row.at_ns) for row in lags),
            *((max(row.began_ns, 0), row.at_ns) for row in steals),
        ),
        max(late_ns),
    )
