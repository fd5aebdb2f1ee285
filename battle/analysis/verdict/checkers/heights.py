"""Did the newest block go back for a client? Clients that ask over HTTP see it as those that subscribe do."""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet
from battle.scenario.slo.staleness import Staleness

_LIMIT = "max_height_regression_blocks"


def reads_monotonic(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when the answers to a client's requests about the newest block went back to an older one.

    A client is one user of a closed loop, and one node of any other workload. What went back by no more blocks than
    the scenario's `Staleness` tolerates, or while a fault made providers see an older chain, or another one, and
    until that has settled, is reported and does not fail. With a real provider the finding is a warning: the nodes of
    real chains are not at the same block at the same moment. An SLO `max_height_regression_blocks` decides instead,
    over all of them.

    Does not apply when no answer names its block.
    """
    rows = height_rows(log, slos.staleness)
    if not rows:
        return None
    bad = [row for row in rows if row.unexplained and not slos.decide(_LIMIT, row.workload)]
    is_real = bool(log.rows("real_providers"))
    return Finding(
        checker="reads_monotonic",
        verdict="FAIL" if bad and not is_real else "PASS",
        severity=None if not bad else "warning" if is_real else "harm",
        summary=sentence([_regressed(row, slos) for row in bad or rows]),
        query="SELECT * FROM height_regressions ORDER BY fault_id IS NOT NULL, blocks DESC",
        ids=tuple(one["request_id"] for row in bad for one in row.worst)[:EVIDENCE_IDS_MAX],
    )


READS_MONOTONIC = PlacedChecker(place=150, checker=reads_monotonic, rests_on_bench=False)


def height_rows(log: Log, tolerated: Staleness) -> list[Any]:
    """A row for each workload some answer of which says a height."""
    return log.rows(
        "heights_of_clients", blocks=tolerated.blocks, settle_ns=tolerated.settle, limit=EVIDENCE_IDS_MAX
    )


def _regressed(row: Any, slos: SloSet) -> str:
    if not row.went_back:
        return f"workload {row.workload}: the heights of {plural(row.answers, 'answer')} never went back"
    decided = slos.decide(_LIMIT, row.workload)
    if row.unexplained:
        times, blocks, why = row.unexplained, row.unexplained_blocks_max, "no fault made providers lag"
    else:
        times, blocks = row.went_back, row.blocks_max
        only_blocks = row.blocks_max <= slos.staleness.blocks
        why = (
            "which staleness tolerates" if only_blocks else "while a fault made providers lag, or soon after"
        )
    first = row.worst[0]
    return (
        f"workload {row.workload}: the newest block went back {plural(times, 'time')} in "
        f"{plural(row.answers, 'answer')}, by {plural(blocks, 'block')} at most ({first['request_id']} got "
        f"{first['height']} after {first['told_height']}), {why}"
        + (" (the SLO max_height_regression_blocks decides)" if decided else "")
    )
