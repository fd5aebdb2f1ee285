"""Did the gateway that runs elsewhere lead to the providers of this run at all?"""

from collections.abc import Sequence

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural
from battle.scenario.slo.slo import SloSet


def providers_reached(log: Log, slos: SloSet) -> Finding | None:
    """INCONCLUSIVE when clients sent something to a gateway at a URL and no provider got any of it: whatever was
    tested, it was not this gateway with these providers. None for other gateways, and when nothing was sent."""
    rows = log.rows("providers_reached")
    if not rows or not rows[0].sent:
        return None
    (row,) = rows
    received = row.attempts + row.connections
    summary = f"the providers received {plural(row.attempts, 'request')}"
    if not received:
        addresses = (row.addresses or "").removeprefix("providers: ") or "not logged"
        summary = (
            f"no provider received a request; their addresses were {addresses}: "
            "configure the gateway to use these addresses, with a fixed port= for each provider"
        )
    return Finding(
        checker="providers_reached",
        verdict="PASS" if received else "INCONCLUSIVE",
        summary=summary,
        query="SELECT provider, count(*) FROM attempts GROUP BY ALL",
    )


PROVIDERS_REACHED = PlacedChecker(place=50, checker=providers_reached, rests_on_bench=False)


def without_providers(findings: Sequence[Finding]) -> list[Finding]:
    """The findings; none of them is a FAIL when no provider was reached: something else was tested."""
    if not any(one.checker == "providers_reached" and one.verdict != "PASS" for one in findings):
        return list(findings)
    return [
        msgspec.structs.replace(one, verdict="INCONCLUSIVE", severity=None) if one.verdict == "FAIL" else one
        for one in findings
    ]
