"""Did everything live that no fault was meant to kill?"""

import re
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet

GATEWAY_NODE = "gateway"

_WRAPPING = re.compile(r"^(?:NodeCrashed: )?(?:exit status \d+: )?(?:(?:GeneratorError|TraceError): )?")
"""What a reason has around the words of whoever crashed: the author knows nothing of our exceptions."""


def nodes_lived(log: Log, slos: SloSet) -> Finding:
    """FAIL when the gateway under test crashed by itself; INCONCLUSIVE when a part of the test bench did."""
    started = log.rows("nodes_started")
    crashed = [row for row in log.rows("node_crashes") if not row.induced]
    induced = sum(row.crashes for row in log.rows("node_crashes") if row.induced)
    gateway = [row for row in crashed if row.node == GATEWAY_NODE and not row.bench]
    if crashed:
        began_ns = load_began_ns(log)
        lost = [
            _not_back_text(row)
            for row in log.rows("gateway_ends")
            if row.next_failure and row.back_ns is None
        ]
        summary = sentence(lost or [crash_text(row, began_ns) for row in gateway or crashed])
    elif not started:
        summary = "no node's start is in the log"
    else:
        by_fault = f"; faults crashed nodes {plural(induced, 'time')}" if induced else ""
        summary = f"no unplanned crash{by_fault}"
    return Finding(
        checker="nodes_lived",
        verdict="FAIL" if gateway else "INCONCLUSIVE" if crashed or not started else "PASS",
        summary=summary,
        query="SELECT * FROM actor_lifecycle WHERE change IN ('crashed', 'escalated') ORDER BY at_ns",
        ids=tuple(row.node for row in crashed)[:EVIDENCE_IDS_MAX],
    )


NODES_LIVED = PlacedChecker(place=20, checker=nodes_lived, rests_on_bench=False)


def _not_back_text(row: Any) -> str:
    """Of an end of the gateway, a row of the query `gateway_ends`, after which it did not start again."""
    crash = f"it crashed ({unwrapped(row.reason or 'no reason given')})"
    after = crash if row.fault_id is None else row.fault_id
    return f"the gateway did not come up again after {after}: {unwrapped(row.next_failure)}"


def lost_with_gateway(log: Log) -> dict[str, int]:
    """What fell due for each workload while a gateway that crashed by itself was down: the load starts again with it.

    Nothing where a node of the load crashed too: then nobody knows whose doing it was.
    """
    crashed = [row for row in log.rows("node_crashes") if not row.induced and not row.bench]
    if not any(row.node == GATEWAY_NODE for row in crashed) or any(is_load(row) for row in crashed):
        return {}
    return {row.workload: row.dropped for row in log.rows("generator_health") if row.dropped}


def gateway_listens(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when the gateway had been ready and refused connections while its process lived: it has closed its socket.

    What it refuses after it was started again, until it is ready, belongs to what ended it.
    """
    if not any(row.node == GATEWAY_NODE for row in log.rows("nodes_started")):
        return None  # it runs elsewhere, or never came up
    (row,) = log.rows("refused_while_up")
    summary = "no connection to the gateway was refused while it was ready"
    if row.refused:
        began_ns = load_began_ns(log)
        summary = (
            f"the gateway had been ready, its process was running and refused {plural(row.refused, 'connection')}, "
            f"the first {at_text(row.first_ns, began_ns)}, the last {at_text(row.last_ns, began_ns)}: "
            "it did not listen"
        )
    return Finding(
        checker="gateway_listens",
        verdict="FAIL" if row.refused else "PASS",
        severity="harm" if row.refused else None,
        summary=summary,
        query="SELECT * FROM requests WHERE failure = 'refused' ORDER BY ended_ns",
        ids=tuple(row.ids or ()),
    )


GATEWAY_LISTENS = PlacedChecker(place=90, checker=gateway_listens, rests_on_bench=False)


def is_gateway(row: Any) -> bool:
    """Whether a row of the query `node_crashes` is about the gateway, or about who supervises it."""
    return bool(row.node == GATEWAY_NODE or row.first_actor == "gateways")


def is_load(row: Any) -> bool:
    """Whether a row of the query `node_crashes` is about the load generator, or about who supervises it."""
    return bool(row.node.startswith("load-") or row.first_actor == "workloads")


def crash_text(row: Any, began_ns: int | None) -> str:
    """Who crashed, when and why: "load-main.0 crashed at 2.1 s (your generator raised KeyError ...)"."""
    who = row.node if row.first_actor == row.node else f"{row.first_actor} on {row.node}"
    often = "" if row.crashes == 1 else f", {row.crashes} times in all"
    why = unwrapped(row.first_reason or "no reason given")
    return f"{who} crashed {at_text(row.first_at_ns, began_ns)} ({why}){often}"


def unwrapped(reason: str) -> str:
    """The words of whoever crashed, without what carried them here."""
    return _WRAPPING.sub("", reason, count=1)
