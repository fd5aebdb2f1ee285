"""One client's WebSocket at a provider: calls and subscriptions over one connection.

Each call is answered when it is due, whatever becomes of those before it, as real nodes do.
"""

from typing import Literal, TypeAlias

import msgspec
import trio

from battle.actors.provider.answerer import ReceivedCall, ReceivedRequest, read_received
from battle.actors.provider.attempt_log import PendingReply, log_attempts
from battle.actors.provider.chain_view import InForce
from battle.actors.provider.publisher import Publisher
from battle.actors.provider.response import Response, refused_handshake, respond_in_message
from battle.actors.provider.response_plan import ResponsePlan
from battle.actors.provider.service import Service
from battle.actors.provider.ws_subscriptions import SessionSubscriptions, Subscription
from battle.actors.spec.faults.websocket import SessionFault
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import (
    LIMIT_EXCEEDED,
    METHOD_CHARACTERS,
    Call,
    Invalid,
    RpcError,
    encode_error,
    encode_result,
)
from battle.actors.wire.websocket.endpoints import (
    Ended,
    KeepAlive,
    UpgradeTo,
    accept_websocket,
)
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.actors.world.interfaces import Stream
from battle.store.events import FaultActed, SubscriptionChanged

MAX_IN_FLIGHT = 128
"""How many requests of one connection may wait for their replies before further ones are refused."""

SUBSCRIBE, UNSUBSCRIBE = "eth_subscribe", "eth_unsubscribe"

PING_CHECK = seconds(1)
"""How often it is looked whether a fault has left pings unanswered."""

_NOTED = 2**62
"""More pings than will ever be ignored: that a fault acted is logged once."""

ConnectionChange: TypeAlias = Literal[
    "connected", "refused", "subscribed", "rejected", "unsubscribed", "closed"
]

_NO_HEADERS: dict[bytes, bytes] = {}


class WebSocketSession:
    """Serves one WebSocket until it ends, and logs every call and the life of every subscription."""

    def __init__(self, service: Service, publisher: Publisher, name: str, stream: Stream) -> None:
        self._service = service
        self._world = service.world
        self._publisher = publisher
        self._stream = stream
        self._waiting: dict[PendingReply, None] = {}
        self._waiting_bytes = 0
        self._dropped_by: str | None = None
        self._ignoring: dict[str, int] = {}
        self.session = SessionSubscriptions(name, self._send)
        self.ended = trio.Event()

    def accept(self, request: HttpRequest, upgrade: UpgradeTo) -> bool:
        """Answer the handshake; whether there is a WebSocket now."""
        plan = self._service.handshake_plan(self.session.name)
        if (refusal := refused_handshake(plan)) is not None:
            self._stream.write(refusal.data)
            self._stream.close()
            self._log("refused", detail=f"HTTP status {refusal.status}", fault_id=plan.fault_id)
            return False
        self._websocket = accept_websocket(
            self._world,
            self._stream,
            request,
            upgrade,
            on_message=self._on_message,
            on_ended=self._on_ended,
            limits=self._service.spec.websocket_limits,
            keep_alive=KeepAlive(),
        )
        if self._websocket is None:
            self._log("refused", detail="the handshake is wrong")
            return False
        self._log("connected")
        for one in self._service.behaviour.in_force:
            self.apply_fault(one)
        return True

    async def wait_closed(self) -> None:
        """Wait until it has ended and its stream has been let go."""
        assert self._websocket is not None
        await self._websocket.wait_closed()

    def close(self) -> None:
        """The provider stops in good order."""
        assert self._websocket is not None
        self._websocket.close(1001, "the provider stops")

    # Faults.

    def apply_fault(self, one: InForce, *, at_start: bool = True) -> None:
        """A fault is in force; `at_start`: it was when this connection was made."""
        assert self._websocket is not None
        if not isinstance(one.fault, SessionFault):
            return
        if one.fault.ignores_pings:
            self._websocket.answers_pings = False
            self._ignoring[one.fault_id] = self._websocket.pings_ignored
            self._world.call_at(self._world.now_ns() + PING_CHECK, self._check_pings, one.fault_id)
        if not at_start:
            one.fault.on_connection(_SessionUnder(self, one.fault_id))

    def revert(self, fault_id: str) -> None:
        """A fault ends."""
        assert self._websocket is not None
        self._note_ignored(fault_id)
        self._ignoring.pop(fault_id, None)
        self._websocket.answers_pings = not self._ignoring

    def drop(self, fault_id: str, close_code: int | None) -> None:
        """A fault ends the connection: with this code, or by a reset when there is none."""
        assert self._websocket is not None
        if not self._websocket.is_open:
            return
        self._dropped_by = fault_id
        if close_code is None:
            self._websocket.abort()
        else:
            self._websocket.close(close_code, "dropped")
        self._acted(fault_id, "reset" if close_code is None else "closed")

    def _check_pings(self, fault_id: str) -> None:
        self._note_ignored(fault_id)
        if fault_id in self._ignoring and not self.ended.is_set():
            self._world.call_at(self._world.now_ns() + PING_CHECK, self._check_pings, fault_id)

    def _note_ignored(self, fault_id: str) -> None:
        assert self._websocket is not None
        before = self._ignoring.get(fault_id)
        if before is not None and self._websocket.pings_ignored > before:
            self._ignoring[fault_id] = _NOTED
            self._acted(fault_id, "ignored")

    # Calls.

    def _on_message(self, text: bytes, arrived_ns: int) -> None:
        service, now_ns = self._service, self._world.now_ns()
        request = HttpRequest("POST", "/", _NO_HEADERS, text, keep_alive=True)
        received = read_received(request, service.spec.max_batch_calls)
        if len(self._waiting) >= MAX_IN_FLIGHT:
            self._refuse(received, now_ns, f"too many requests at a time: at most {MAX_IN_FLIGHT}")
            return
        if self.held_bytes > UNCOUNTED_BYTES and service.holds_too_much(self):
            self._refuse(received, now_ns, "too many answers wait here for all clients together")
            return
        plan = service.plan(received)
        response, subscription = self._respond(received, plan, service.head_at(now_ns))
        reply = PendingReply(received.asked, now_ns, now_ns + plan.delay, response)
        self._waiting[reply] = None
        self._waiting_bytes += len(response.data)
        if response.ending != "never":
            self._world.call_at(reply.due_ns, self._send_reply, reply, subscription)

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`: the replies that are not due."""
        return self._waiting_bytes

    def _refuse(self, received: ReceivedRequest, now_ns: int, why: str) -> None:
        error = RpcError(LIMIT_EXCEEDED, why)
        body = self._service.answerer.answer(received, 0, lambda _: error)
        reply = PendingReply(received.asked, now_ns, now_ns, Response(body, "keep"))
        self._send(body)
        log_attempts(self._service, "ws", reply, now_ns)

    def _respond(
        self, received: ReceivedRequest, plan: ResponsePlan, head: int
    ) -> tuple[Response, Subscription | None]:
        asked = received.asked[0]
        call = asked.item
        fails = plan.failure is not None or plan.call_failure(asked.method) is not None
        if received.is_batch or isinstance(call, Invalid) or fails:
            return respond_in_message(self._service.answerer, received, plan, head), None
        if call.method == SUBSCRIBE:
            return self._subscribe(asked, call, plan)
        if call.method == UNSUBSCRIBE:
            return self._unsubscribe(asked, call, plan), None
        return respond_in_message(self._service.answerer, received, plan, head), None

    def _subscribe(
        self, asked: ReceivedCall, call: Call, plan: ResponsePlan
    ) -> tuple[Response, Subscription | None]:
        asked.fault_id = plan.fault_id
        refused_by, refusal = self._refusal()
        try:
            if refusal is not None:
                asked.fault_id = refused_by
                raise RpcError(refusal, "subscriptions are not to be had here")
            subscription = self.session.make(call.params)
        except RpcError as error:
            kind = call.params[0] if isinstance(call.params, list) and call.params else None
            self._log(
                "rejected", kind=str(kind)[:METHOD_CHARACTERS], detail=error.message, fault_id=asked.fault_id
            )
            if asked.fault_id is not None:
                self._acted(asked.fault_id, "refused")
            asked.is_rightly_refused = refusal is None
            return self._failed(asked, call, error), None
        return Response(_result(call, subscription.name), "keep"), subscription

    def _refusal(self) -> tuple[str | None, int | None]:
        """The first fault that refuses subscriptions, and the code of its error; None when none does."""
        for one in self._service.behaviour.in_force:
            if isinstance(one.fault, SessionFault) and (code := one.fault.refusal()) is not None:
                return one.fault_id, code
        return None, None

    def _unsubscribe(self, asked: ReceivedCall, call: Call, plan: ResponsePlan) -> Response:
        asked.fault_id = plan.fault_id
        try:
            ended = self.session.end(call.params)
        except RpcError as error:
            asked.is_rightly_refused = True
            return self._failed(asked, call, error)
        if ended is not None:
            self._log("unsubscribed", subscription=ended.name, kind=ended.kind)
            if not len(self.session):
                self._publisher.remove(self.session)
        return Response(_result(call, ended is not None), "keep")

    def _failed(self, asked: ReceivedCall, call: Call, error: RpcError) -> Response:
        asked.rpc_code = error.code
        return Response(b"" if call.is_notification else encode_error(_id(call), error), "keep")

    def _send_reply(self, reply: PendingReply, subscription: Subscription | None) -> None:
        assert self._websocket is not None
        if reply not in self._waiting:
            return  # the connection ended meanwhile, and this was logged then
        del self._waiting[reply]
        self._waiting_bytes -= len(reply.response.data)
        ending = reply.response.ending
        if ending != "reset" and (reply.response.data or reply.response.is_malformed):
            self._send(reply.response.data)
        log_attempts(self._service, "ws", reply, self._world.now_ns() if ending == "keep" else None)
        if ending in ("reset", "cut"):
            self._websocket.abort()
        elif subscription is not None:
            self._begin(subscription)

    def _begin(self, subscription: Subscription) -> None:
        """From the answer on, never before it, the client gets notifications."""
        for one in self._service.behaviour.in_force:
            if isinstance(one.fault, SessionFault):
                under = _SessionUnder(self, one.fault_id)
                one.fault.on_subscription(under)
                if under.is_dropped:
                    return
        self.session.keep(subscription)
        self._publisher.add(self.session)
        self._log("subscribed", subscription=subscription.name, kind=subscription.kind)

    def _send(self, text: bytes) -> None:
        assert self._websocket is not None
        self._websocket.send(text)

    # The end.

    def _on_ended(self, ended: Ended) -> None:
        for fault_id in [*self._ignoring]:
            self._note_ignored(fault_id)
        self._publisher.remove(self.session)
        for reply in self._waiting:
            log_attempts(self._service, "ws", reply, None)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._world.held.forget(self)
        self._log(
            "closed",
            close_code=ended.code,
            detail=ended.reason or None,
            fault_id=self._dropped_by,
            closed_by=ended.by,
        )
        self.ended.set()

    def _log(
        self,
        change: ConnectionChange,
        *,
        subscription: str | None = None,
        kind: str | None = None,
        close_code: int | None = None,
        detail: str | None = None,
        fault_id: str | None = None,
        closed_by: Literal["us", "peer"] | None = None,
    ) -> None:
        self._world.log.append(
            SubscriptionChanged(
                at_ns=self._world.now_ns(),
                side="provider",
                name=self._service.spec.name,
                connection=self.session.name,
                change=change,
                subscription=subscription,
                kind=kind,
                close_code=close_code,
                detail=detail,
                fault_id=fault_id,
                closed_by=closed_by,
            )
        )

    def _acted(self, fault_id: str, action: str) -> None:
        self._world.log.append(
            FaultActed(
                at_ns=self._world.now_ns(),
                fault_id=fault_id,
                node=self._world.node,
                action=action,
                transport="ws",
                connection=self.session.name,
            )
        )


class _SessionUnder:
    """A `Session`, as one fault acts on it."""

    def __init__(self, session: WebSocketSession, fault_id: str) -> None:
        self.is_dropped = False
        self._session = session
        self._fault_id = fault_id

    def drop(self, close_code: int | None) -> None:
        self.is_dropped = True
        self._session.drop(self._fault_id, close_code)


def _result(call: Call, result: object) -> bytes:
    return b"" if call.is_notification else encode_result(_id(call), result)


def _id(call: Call) -> msgspec.Raw:
    assert isinstance(call.id, msgspec.Raw)
    return call.id
