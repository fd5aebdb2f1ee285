"""Whether a gateway is ready: it accepts connections, or answers the question that its author asks."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

import msgspec
import trio

from battle.actors.spec.endpoints import Endpoint, Ready
from battle.actors.units import Duration, format_duration
from battle.actors.wire.http.client import Broken, HttpClientConnection
from battle.actors.wire.http.messages import HttpResponse, encode_get, encode_request, request_head_to
from battle.actors.wire.jsonrpc import encode_call, read_answer
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.world.cluster import Probe
from battle.actors.world.interfaces import World
from battle.run.gateway_endpoints import GatewayEndpoints

TRY_SECONDS = 2.0
"""One question may take so long: a gateway that hangs at first is asked again."""

ASK_AGAIN_SECONDS = 0.1
"""Between two questions."""

SHOWN_CHARS = 80
"""Of an error's message."""

_Attempt: TypeAlias = Callable[[World], Awaitable[str | None]]


def probe_of(ready: str | Ready, endpoints: GatewayEndpoints) -> Probe:
    """What finds out why a gateway is not ready; None comes of it when it is. Cancelled, it leaves no connection."""
    if not isinstance(ready, Ready):
        return partial(_tried, partial(_connected, endpoints=(endpoints.http, endpoints.ws)))
    endpoint = endpoints.http
    if ready.port:
        endpoint = Endpoint(endpoints.ports[ready.port], endpoint.path, endpoint.headers, endpoint.tls)
    if ready.path:
        endpoint = msgspec.structs.replace(endpoint, path=ready.path)
    ask = _rpc_answered if ready.method else _status_given
    return partial(_tried, partial(ask, endpoint=endpoint, ready=ready))


async def wait_until_ready(world: World, probe: Probe, timeout: Duration) -> str | None:
    """Ask until it is ready, or for so long: then why it is not."""
    why = [f"no answer within {format_duration(timeout)}"]
    with trio.move_on_after(timeout / 1e9):
        while (problem := await probe(world)) is not None:
            why.append(problem)
            await trio.sleep(ASK_AGAIN_SECONDS)
        return None
    return why[-1]


async def _tried(attempt: _Attempt, world: World) -> str | None:
    try:
        with trio.fail_after(TRY_SECONDS):
            return await attempt(world)
    except OSError as error:
        return error.strerror or str(error)
    except trio.TooSlowError:
        return f"no answer within {TRY_SECONDS:g} s"


async def _connected(world: World, endpoints: Sequence[Endpoint]) -> str | None:
    for endpoint in {one.address: one for one in endpoints}.values():
        (await world.connect(endpoint.address, endpoint.tls)).close()
    return None


async def _status_given(world: World, endpoint: Endpoint, ready: Ready) -> str | None:
    response = await _exchanged(world, endpoint, encode_get(endpoint))
    if isinstance(response, str):
        return f"GET {endpoint.path}: {response}"
    if response.status != ready.status:
        return f"GET {endpoint.path} says HTTP {response.status}, not {ready.status}"
    return None


async def _rpc_answered(world: World, endpoint: Endpoint, ready: Ready) -> str | None:
    request = encode_request(request_head_to(endpoint), encode_call(ready.method, ready.params, 1))
    response = await _exchanged(world, endpoint, request)
    if isinstance(response, str):
        return f"{ready.method}: {response}"
    try:
        answer = read_answer(response.body)
    except Unreadable:
        return f"{ready.method} says HTTP {response.status}, and no JSON-RPC"
    if answer.error is not None:
        return f"{ready.method} says error {answer.error.code}: {answer.error.message[:SHOWN_CHARS]}"
    return (
        None
        if answer.result is not msgspec.UNSET
        else f"{ready.method} says HTTP {response.status}, and no result"
    )


async def _exchanged(world: World, endpoint: Endpoint, request: bytes) -> HttpResponse | Broken:
    """What came of one request on a connection of its own."""
    connection = HttpClientConnection(await world.connect(endpoint.address, endpoint.tls))
    over, results = trio.Event(), list[HttpResponse | Broken]()

    def done(result: HttpResponse | Broken, _: int) -> None:
        results.append(result)
        over.set()

    try:
        connection.exchange(request, done)
        await over.wait()
    finally:
        connection.abort()
    return results[0]
