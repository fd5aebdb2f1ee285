"""newPendingTransactions: every hash once, as far as one remembers. Pure.

What was pending while there was no upstream cannot be asked for afterwards: each failover leaves a gap of
unknown size, which is reported.
"""

from battle.actors.gateway.subscriptions.continuity.core import ContinuityCore
from battle.actors.gateway.subscriptions.continuity.messages import HeadKnown, Notified, PendingTransaction
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration

REMEMBERED_TRANSACTIONS = 16_384
"""Hashes known again; a minute or more of a busy chain, about 150 bytes each."""


class PendingTransactions(ContinuityCore[PendingTransaction]):
    """A shared newPendingTransactions subscription."""

    def __init__(self, settings: Continuity, block_time: Duration) -> None:
        super().__init__(settings, block_time)
        self._seen: dict[str, None] = {}
        self._head = -1

    @property
    def remembered(self) -> int:
        return len(self._seen)

    def _joined(self) -> None:
        pass

    def _left(self) -> None:
        self._gap(None, None, "pending")

    def _heard_of(self, event: Notified[PendingTransaction] | HeadKnown) -> None:
        if isinstance(event, HeadKnown):
            fresh, self._head = event.number > self._head, max(self._head, event.number)
        else:
            fresh = event.item.hash not in self._seen
            if fresh:
                self._take_new(event.item)
        if fresh:
            self._upstream.heard(event.at_ns)

    def _take_new(self, item: PendingTransaction) -> None:
        self._seen[item.hash] = None
        if len(self._seen) > REMEMBERED_TRANSACTIONS:
            del self._seen[next(iter(self._seen))]
        self._ready.append(item)
