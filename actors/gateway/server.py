"""The embedded gateway as a role: clients in front, `Caller` behind."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Literal

import trio

from actors.gateway.benchmark import Reading
from actors.gateway.call import Caller
from actors.gateway.inquiry import Inquiry, read_inquiry
from actors.gateway.replies import Reply
from actors.gateway.spec import GatewayRole
from actors.wire.http import HttpLimits, HttpRequest, encode_response
from actors.wire.http_server import HttpServerConnection
from actors.world.control import Control
from actors.world.seam import Stream, World
from store.events import LatencyBenchmarked

_LIMITS = HttpLimits()


async def run_gateway(world: World, role: GatewayRole, control: Control) -> None:
    """Serve clients on `role.address` until cancelled.

    Logs, besides what `Caller` logs, `LatencyBenchmarked`: "before" for each seeded provider, "after" for all
    that was measured.

    Raises:
        OSError: the address is in use or not ours.
    """
    async with trio.open_nursery() as nursery:
        caller = Caller(world, nursery, role)
        _log_readings(world, "before", caller.benchmark.seeded())
        numbers = count(1)

        async def serve(stream: Stream) -> None:
            await ClientConnection(world, caller, stream, numbers).serve()

        try:
            await nursery.start(world.serve, role.address, serve)
            control.ready()
            await trio.sleep_forever()
        finally:
            caller.close()
            _log_readings(world, "after", caller.benchmark.readings(world.now_ns()))


class ClientConnection:
    """One client's connection: a request at a time, each answered before the next is taken."""

    def __init__(self, world: World, caller: Caller, stream: Stream, numbers: Iterator[int]) -> None:
        self._caller = caller
        self._stream = stream
        self._numbers = numbers
        self._keep_alive = True
        self.has_unanswered = False
        self._http = HttpServerConnection(world, stream, _LIMITS, self)

    async def serve(self) -> None:
        """Answer requests until the connection has come to its end."""
        await self._http.run()

    @property
    def takes_more(self) -> bool:
        """Whether the last request has been answered."""
        return not self.has_unanswered

    def on_request(self, request: HttpRequest) -> None:
        """The next request."""
        self.has_unanswered = True
        self._keep_alive = request.keep_alive
        inquiry = read_inquiry(request, next(self._numbers))
        if isinstance(inquiry, Inquiry):
            self._caller.ask(inquiry, self._reply)
        else:
            self._reply(inquiry)

    def on_client_gone(self) -> None:
        """It may only have ended its own side: what is under way goes on, and its answer is sent if it can be."""

    def _reply(self, reply: Reply) -> None:
        self._stream.write(
            encode_response(
                reply.status,
                reply.body,
                content_type=reply.content_type,
                headers=reply.headers,
                keep_alive=self._keep_alive,
            )
        )
        self.has_unanswered = False
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
