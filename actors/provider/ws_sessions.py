"""All WebSocket sessions of one provider, and what faults do to its service and to them."""

from itertools import count

from battle.actors.provider.chain_view import InForce
from battle.actors.provider.publisher import Publisher
from battle.actors.provider.service import Service
from battle.actors.provider.ws_session import WebSocketSession
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.behaviour import Reorg
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.websocket.endpoints import UpgradeTo
from battle.actors.world.interfaces import Stream


class Sessions:
    """The WebSocket sessions of a provider; they are numbered from 1."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._publisher = Publisher(service)
        self._numbers = count(1)
        self._open: dict[WebSocketSession, None] = {}

    def accept(self, request: HttpRequest, stream: Stream, upgrade: UpgradeTo) -> WebSocketSession | None:
        """Answer a handshake; None when it was refused, and the stream closed."""
        session = WebSocketSession(self._service, self._publisher, str(next(self._numbers)), stream)
        if not session.accept(request, upgrade):
            return None
        self._open[session] = None
        return session

    async def keep(self, session: WebSocketSession) -> None:
        """Wait until the session is over."""
        try:
            await session.wait_closed()
        finally:
            session.close()
            del self._open[session]

    def take(self, message: ApplyFault | RevertFault) -> None:
        """A fault of behaviour, or of WebSockets, begins or ends."""
        service = self._service
        before = service.view()
        reorg_id = None
        if isinstance(message, RevertFault):
            service.behaviour = service.behaviour.reverted(message.fault_id)
        else:
            service.behaviour = service.behaviour.under(message)
            reorg_id = message.fault_id if isinstance(message.fault, Reorg) else None
        service.filters.view_changed(before, service.view())
        self._publisher.view_changed(before, reorg_id)
        for session in [*self._open]:
            if isinstance(message, RevertFault):
                session.revert(message.fault_id)
            else:
                session.apply_fault(InForce(message.fault_id, message.fault), at_start=False)
