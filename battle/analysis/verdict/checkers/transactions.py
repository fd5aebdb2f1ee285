"""What did the gateway do with transactions? To resend them and not to are both sound: it is said, never judged."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural
from battle.scenario.slo.slo import SloSet


def transactions(log: Log, slos: SloSet) -> Finding | None:
    """PASS with the policy that was seen: whether transactions were sent to providers again, and which failed.

    A transaction has one hash, so the chain takes it once however often it is sent: some gateways resend it, or send
    it to several providers on purpose. Others never send again what a provider may have taken, and their clients get
    an error. What of that is too much is for SLOs with `method` or `workload` to say.

    Does not apply without transactions.
    """
    (row,) = log.rows("transactions", limit=EVIDENCE_IDS_MAX)
    if not row.transactions:
        return None
    return Finding(
        checker="transactions",
        verdict="PASS",
        summary="; ".join(_policy(row)),
        query="SELECT * FROM attempts WHERE method LIKE 'eth_send%' ORDER BY request_id, received_ns",
        ids=(*row.first_not_resent, *row.first_sent_again)[:EVIDENCE_IDS_MAX],
    )


TRANSACTIONS = PlacedChecker(place=140, checker=transactions, rests_on_bench=False)


def _policy(row: Any) -> Iterator[str]:
    if not row.seen:
        yield f"{plural(row.transactions, 'transaction')}: the providers' log has none of their ids"
        return
    if row.sent_again:
        taken = f", and {row.taken_again:,} taken more than once" if row.taken_again else ""
        again = f"{row.sent_again:,} of {plural(row.transactions, 'transaction')}"
        yield f"{again} reached providers more than once (resent, hedged or broadcast){taken}"
    else:
        yield f"{plural(row.transactions, 'transaction')}, none reached providers more than once"
    if row.not_resent:
        yield f"{row.not_resent:,} failed at one provider and {'was' if row.not_resent == 1 else 'were'} not resent"
    elif not row.sent_again:
        yield "none failed at a provider, so it is not known whether the gateway resends"
