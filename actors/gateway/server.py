"""The embedded gateway as a role: clients in front, `Caller` behind."""

from collections.abc import Iterable
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
    caller = Caller(world, role)
    server = _Server(world, caller)
    _log_readings(world, "before", caller.benchmark.seeded())
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(world.serve, role.address, server.handle)
            control.ready()
    finally:
        caller.close()
        _log_readings(world, "after", caller.benchmark.readings(world.now_ns()))


class _Server:
    def __init__(self, world: World, caller: Caller) -> None:
        self._world = world
        self._caller = caller
        self._requests = 0

    async def handle(self, stream: Stream) -> None:
        with HttpServerConnection(self._world, stream, _LIMITS) as connection:
            while (request := await connection.next_request()) is not None:
                reply = await self._answer(request)
                stream.write(
                    encode_response(
                        reply.status,
                        reply.body,
                        content_type=reply.content_type,
                        headers=reply.headers,
                        keep_alive=request.keep_alive,
                    )
                )

    async def _answer(self, request: HttpRequest) -> Reply:
        self._requests += 1
        inquiry = read_inquiry(request, self._requests)
        return await self._caller.answer(inquiry) if isinstance(inquiry, Inquiry) else inquiry


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
