"""The embedded gateway as a role: clients in front, `Dispatcher` behind."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Literal

import trio

from battle.actors.gateway.calls.dispatcher import Dispatcher
from battle.actors.gateway.calls.proxied_request import ProxiedRequest, read_proxied
from battle.actors.gateway.calls.replies import Reply, overloaded
from battle.actors.gateway.policy.benchmark import Reading
from battle.actors.gateway.subscriptions.manager import SubscriptionManager
from battle.actors.gateway.ws_client import WsClient
from battle.actors.roles import GatewayRole
from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.http.server import HttpServerConnection
from battle.actors.wire.websocket.endpoints import WebSocket
from battle.actors.world import interfaces
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.actors.world.interfaces import Control, Stream, World
from battle.store.events import LatencyBenchmarked

_LIMITS = HttpLimits()


async def run_gateway(world: World, role: GatewayRole, control: Control) -> None:
    """Serve clients on `role.address` until cancelled.

    Logs, besides what `Dispatcher` and `SubscriptionManager` log, `LatencyBenchmarked`: "before" for each seeded
    provider, "after" for all that was measured.

    Raises:
        OSError: the address is in use or not ours.
    """
    async with trio.open_nursery() as nursery:
        dispatcher = Dispatcher(world, nursery, role)
        manager = SubscriptionManager(world, nursery, role, dispatcher)
        _log_readings(world, "before", dispatcher.benchmark.seeded())
        numbers, sockets = count(1), count(1)

        def socket() -> WsClient:
            return WsClient(world, dispatcher, manager, role.spec.continuity, numbers, next(sockets))

        async def serve(stream: Stream) -> None:
            await ClientConnection(world, dispatcher, stream, numbers, socket).serve()

        try:
            await nursery.start(world.serve, role.address, serve)
            control.ready()
            await trio.sleep_forever()
        finally:
            manager.close()
            dispatcher.close()
            _log_readings(world, "after", dispatcher.benchmark.readings(world.now_ns()))


class ClientConnection:
    """One client's connection: a request at a time, each answered before the next is taken.

    A client that asks for a WebSocket goes on as what `socket` makes.
    """

    def __init__(
        self,
        world: World,
        dispatcher: Dispatcher,
        stream: Stream,
        numbers: Iterator[int],
        socket: Callable[[], WsClient],
    ) -> None:
        self._dispatcher = dispatcher
        self._socket = socket
        self._client: WsClient | None = None
        self._websocket: WebSocket | None = None
        self._stream = stream
        self._numbers = numbers
        self._keep_alive = True
        self._to_head = False
        self.has_unanswered = False
        self.held_bytes = 0
        """As `Holder.held_bytes`: the request under way."""
        self._held = world.held
        self._http = HttpServerConnection(world, stream, _LIMITS, self)

    async def serve(self) -> None:
        """Answer requests until the connection has come to its end."""
        try:
            await self._http.run()
            if self._websocket is not None:
                await self._websocket.wait_closed()
        finally:
            self._held.forget(self)
            if self._client is not None:
                self._client.leave()

    @property
    def takes_more(self) -> bool:
        """Whether the last request has been answered."""
        return not self.has_unanswered

    def on_request(self, request: HttpRequest) -> None:
        """The next request."""
        if request.wants_websocket:
            self._become_websocket(request)
            return
        self.has_unanswered = True
        self.held_bytes = len(request.body)
        self._keep_alive = request.keep_alive
        self._to_head = request.method == "HEAD"
        if self.held_bytes > UNCOUNTED_BYTES and self._held.is_full(self, interfaces.NODE_HELD_BYTES):
            self._reply(overloaded())
            return
        proxied = read_proxied(request, next(self._numbers))
        if isinstance(proxied, ProxiedRequest):
            self._dispatcher.ask(proxied, self._reply)
        else:
            self._reply(proxied)

    def on_client_gone(self) -> None:
        """It may only have ended its own side: what is under way goes on, and its answer is sent if it can be."""

    def _become_websocket(self, request: HttpRequest) -> None:
        client = self._socket()
        self._websocket = client.accept(self._stream, request, self._http.upgrade)
        if self._websocket is not None:
            self._client = client

    def _reply(self, reply: Reply) -> None:
        self._stream.write(
            encode_response(
                reply.status,
                reply.body,
                content_type=reply.content_type,
                headers=reply.headers,
                keep_alive=self._keep_alive,
                to_head=self._to_head,
            )
        )
        self.has_unanswered = False
        self.held_bytes = 0
        if not self._keep_alive:
            self._stream.close()
        self._http.go_on()


def _log_readings(world: World, moment: Literal["before", "after"], readings: Iterable[Reading]) -> None:
    now_ns = world.now_ns()
    for reading in readings:
        world.log.append(
            LatencyBenchmarked(
                at_ns=now_ns,
                moment=moment,
                provider=reading.provider,
                method=reading.method,
                samples=reading.samples,
                latency_ns=reading.latency_ns,
            )
        )
