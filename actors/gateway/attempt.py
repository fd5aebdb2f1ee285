"""One attempt on the wire: a connection, a request, its response, or the name of what went wrong."""

import trio

from actors.gateway.classify import TransportFailure
from actors.gateway.pool import NoConnection, Pool
from actors.wire.http import HttpResponse, ProtocolError
from actors.wire.http_client import HttpClientConnection
from actors.world.seam import World

_ENDED_EARLY = 502
"""The status of the `ProtocolError` for an end of stream; the others are malformed HTTP."""


async def exchange(
    world: World, pool: Pool, request: bytes, deadline_ns: int
) -> HttpResponse | TransportFailure:
    """Send an encoded request over a connection of `pool`, and wait for its response until `deadline_ns`.

    The deadline is a timer that aborts the connection: it costs no cancel scope. A request that meets the end
    of a kept connection before any byte of an answer fails as `closed`: the provider may have died with the
    request in hand, so that is the retry policy's business and not hidden here.
    """
    try:
        connection = pool.take() or await pool.open(deadline_ns)
    except NoConnection as error:
        return error.failure
    timer = world.call_at(deadline_ns, connection.stream.abort)
    kept = False
    try:
        result = await _exchange(connection, request)
        if not isinstance(result, str):
            kept = True
            (pool.give_back if result.keep_alive else pool.retire)(connection)
        return result
    finally:
        timer.cancel()
        if not kept:
            pool.discard(connection)


async def _exchange(connection: HttpClientConnection, request: bytes) -> HttpResponse | TransportFailure:
    try:
        return await connection.exchange(request)
    except trio.ClosedResourceError:
        return "timeout"
    except trio.BrokenResourceError:
        return "reset"
    except ProtocolError as error:
        return "closed" if error.status == _ENDED_EARLY else "protocol"
