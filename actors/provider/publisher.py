"""Publishes to all subscribers of a provider: heads, logs and pending transactions, at each block's time."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from battle.actors.chain import notifications
from battle.actors.chain.logs import LogPattern
from battle.actors.chain.model import ChainModel
from battle.actors.provider.chain_view import ChainView
from battle.actors.provider.head_publication import head_publication
from battle.actors.provider.service import Service
from battle.actors.provider.ws_subscriptions import SessionSubscriptions, Subscription
from battle.actors.spec.faults.behaviour import HeadFault, WrongChain
from battle.actors.spec.faults.websocket import SessionFault
from battle.actors.world.interfaces import Timer
from battle.store.events import FaultActed, HeadPublished

_encode = msgspec.json.Encoder().encode

LogsFor: TypeAlias = Callable[[LogPattern], list[dict[str, Any]]]


class Publisher:
    """Notifies the sessions of one provider of what is new on the chain as the provider sees it.

    It works only while somebody has subscribed: what was published before a subscription is nobody's. Logs
    `HeadPublished` for each head that it publishes, and `FaultActed` for what faults do to that.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._world = service.world
        self._draws = service.world.draws(f"publisher:{service.spec.name}")
        self._sessions: dict[SessionSubscriptions, None] = {}
        self._published = 0
        """The height up to which all has been published."""
        self._late: list[tuple[dict[str, Any], str | None]] = []
        self._felt: dict[str, None] = {}
        """The faults known to have held back a block, or put another chain's in its place."""
        self._silenced: dict[str, set[SessionSubscriptions]] = {}
        self._timer: Timer | None = None

    def add(self, session: SessionSubscriptions) -> None:
        """A session has its first subscription."""
        if not self._sessions:
            self._published = self._service.view().head
            self._await_block()
        self._sessions[session] = None

    def remove(self, session: SessionSubscriptions) -> None:
        """A session has no subscription any more, or is over."""
        self._sessions.pop(session, None)
        if not self._sessions and self._timer is not None:
            self._timer.cancel()
            self._late.clear()

    def view_changed(self, before: ChainView, reorg_id: str | None) -> None:
        """A fault has begun or ended: what the provider saw was `before`. `reorg_id` names a reorg that has begun."""
        if not self._sessions:
            return
        after = self._service.view()
        self._reorganise(before.model, after.model, reorg_id)
        self._publish_up_to(after)

    # Heads.

    def _await_block(self) -> None:
        due_ns = self._service.next_head_ns(self._world.now_ns())
        self._timer = self._world.call_at(due_ns, self._on_block)

    def _on_block(self) -> None:
        self._publish_up_to(self._service.view())
        for one in self._service.behaviour.in_force:
            if isinstance(one.fault, HeadFault | WrongChain) and one.fault_id not in self._felt:
                self._felt[one.fault_id] = None
                self._acted(one.fault_id, "replaced" if isinstance(one.fault, WrongChain) else one.fault.does)
        self._await_block()

    def _publish_up_to(self, view: ChainView) -> None:
        """A provider that lagged publishes what it has missed at once; one that falls back publishes nothing."""
        for height in range(self._published + 1, view.head + 1):
            self._published = height
            self._publish_block(view.model, height)

    def _publish_block(self, model: ChainModel, height: int) -> None:
        header = notifications.header(model, height)
        publication = head_publication(height, self._service.behaviour.in_force, self._draws)
        late, self._late = self._late, []
        match publication.change:
            case "missed":
                self._acted(publication.fault_id, "missed")
                late, self._late = [], late
            case "reordered" if not late:  # two late ones in a row would be in order again
                self._late.append((header, publication.fault_id))
            case "duplicated":
                self._publish_head(header)
                self._publish_head(header, publication.fault_id, "duplicated")
            case _:
                self._publish_head(header)
        for older, fault_id in late:
            self._publish_head(older, fault_id, "reordered")
        self._notify_logs(lambda pattern: notifications.logs_of_block(model, pattern, height))
        self._notify("newPendingTransactions", notifications.pending_transactions(model, height))

    def _publish_head(
        self, header: dict[str, Any], fault_id: str | None = None, action: str | None = None
    ) -> None:
        at_ns = self._world.now_ns()  # before it is sent: no client can have it earlier
        notified = self._notify("newHeads", [header])
        if not notified:
            return
        self._world.log.append(
            HeadPublished(
                at_ns=at_ns,
                provider=self._service.spec.name,
                number=int(header["number"], 16),
                hash=header["hash"],
                parent_hash=header["parentHash"],
                subscriptions=notified,
                fault_id=fault_id,
            )
        )
        if fault_id is not None and action is not None:
            self._acted(fault_id, action, at_ns=at_ns)

    def _reorganise(self, before: ChainModel, after: ChainModel, reorg_id: str | None) -> None:
        for header in notifications.reorg_heads(before, after, self._published):
            self._publish_head(header, reorg_id, "reorganised")
        self._notify_logs(lambda pattern: notifications.reorg_logs(before, after, self._published, pattern))

    # Notifying.

    def _notify(self, kind: str, results: Iterable[Any]) -> int:
        """Notify all subscriptions of a kind; returns how many there were that got it."""
        listeners = [one for session in self._sessions for one in session.subscriptions_of(kind)]
        if not listeners:
            return 0
        texts = [_encode(result) for result in results]
        return sum([self._send(one, texts) for one in listeners])

    def _notify_logs(self, logs_for: LogsFor) -> None:
        for session in [*self._sessions]:
            for one in session.subscriptions_of("logs"):
                assert one.pattern is not None
                self._send(one, [_encode(log) for log in logs_for(one.pattern)])

    def _send(self, subscription: Subscription, texts: list[bytes]) -> bool:
        """Whether it may be sent; a stalled provider says nothing."""
        in_force = self._service.behaviour.in_force
        stalls = [one for one in in_force if isinstance(one.fault, SessionFault) and one.fault.stalls]
        if stalls and texts:
            self._note_silenced(stalls[0].fault_id, subscription.session)
        if stalls:
            return False
        for text in texts:
            subscription.notify(text)
        return True

    def _note_silenced(self, fault_id: str, session: SessionSubscriptions) -> None:
        silenced = self._silenced.setdefault(fault_id, set())
        if session not in silenced:
            silenced.add(session)
            self._acted(fault_id, "silenced", session.name)

    def _acted(
        self, fault_id: str | None, action: str, connection: str | None = None, at_ns: int | None = None
    ) -> None:
        assert fault_id is not None
        self._world.log.append(
            FaultActed(
                at_ns=self._world.now_ns() if at_ns is None else at_ns,
                fault_id=fault_id,
                node=self._world.node,
                action=action,
                transport="ws",
                connection=connection,
            )
        )
