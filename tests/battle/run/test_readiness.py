"""When a gateway counts as ready, and the words for why it does not: asked of servers that say one thing."""

from functools import partial

import pytest
import trio

from battle.actors.spec.endpoints import Endpoint, Ready
from battle.actors.units import ms
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.readiness import probe_of, wait_until_ready
from tests.actors.worlds import simulated

RESULT = b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'
ERROR = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"initializing"}}'


async def answering(said, status, body, stream):
    """A server that answers so, and keeps what it is asked."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive_some()
    said.append(head)
    await stream.send_all(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))


async def asked(stage, ready, status=200, body=b"", **fields):
    """What is said of a server that answers so, and what it was asked."""
    world, said = stage.world("server"), list[bytes]()
    async with trio.open_nursery() as nursery:
        address = await nursery.start(
            world.serve, stage.address("server"), partial(answering, said, status, body)
        )
        endpoint = Endpoint(address, "/rpc", {"X-Secret": "s"})
        endpoints = GatewayEndpoints(endpoint, endpoint, {"stats": address})
        why = await probe_of(ready, endpoints)(world)
        nursery.cancel_scope.cancel()
    return why, b"".join(said)


@pytest.mark.parametrize(
    ("ready", "status", "body", "why"),
    [
        ("tcp", 500, b"", None),
        (Ready(path="/healthz"), 200, b"", None),
        (Ready(path="/healthz", status=204), 204, b"", None),
        (Ready(path="/healthz"), 503, b"", "GET /healthz says HTTP 503, not 200"),
        (Ready(path="/healthz", port="stats"), 404, b"", "GET /healthz says HTTP 404, not 200"),
        (Ready(method="eth_chainId"), 200, RESULT, None),
        (Ready(method="eth_chainId"), 200, ERROR, "eth_chainId says error -32000: initializing"),
        (Ready(method="eth_chainId"), 503, b"no", "eth_chainId says HTTP 503, and no JSON-RPC"),
        (Ready(method="eth_chainId"), 200, b"{}", "eth_chainId says HTTP 200, and no result"),
    ],
)
def test_a_server_is_ready_or_it_is_said_why_not(ready, status, body, why):
    async def main(stage):
        found, _ = await asked(stage, ready, status, body)
        assert found == why

    simulated(main)


def test_what_is_asked_has_the_gateways_headers_and_its_path_or_another():
    async def main(stage):
        _, get = await asked(stage, Ready(path="/healthz"))
        assert get.startswith(b"GET /healthz HTTP/1.1\r\n")
        assert b"x-secret: s\r\n" in get
        _, call = await asked(stage, Ready(method="eth_syncing", params=[1]))
        assert call.startswith(b"POST /rpc HTTP/1.1\r\n")
        assert call.endswith(b'"method":"eth_syncing","params":[1]}')

    simulated(main)


def test_waiting_ends_with_the_last_reason():
    async def main(stage):
        world = stage.world("client")
        endpoint = Endpoint("nobody:1")
        probe = probe_of("tcp", GatewayEndpoints(endpoint, endpoint))
        assert await wait_until_ready(world, probe, ms(200)) == "nobody listens on nobody:1"

    simulated(main)
