"""The client's half of a connection, against servers that follow a script of bytes, in both worlds."""

import pytest
import trio

from actors.units import ms
from actors.wire.http import ProtocolError, encode_request, encode_response, request_head
from actors.wire.http_client import HttpClientConnection

REQUEST = encode_request(request_head("a:1"), b"{}")
WHOLE = encode_response(200, b"[1]")


def asking(script, times=1):
    """A main that asks a server whose connections run `script(stage, stream)`; returns the responses."""

    async def main(stage):
        world = stage.world("server")

        async def handle(stream):
            await script(stage, stream)

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        connection = HttpClientConnection(await stage.client.connect(address))
        try:
            return [await connection.exchange(REQUEST) for _ in range(times)]
        finally:
            connection.stream.close()

    return main


def test_responses_come_one_after_another(either_world):
    async def script(stage, stream):
        while await stream.receive_some():
            stream.write(WHOLE)

    responses = either_world(asking(script, times=3))
    assert [(response.status, response.body) for response in responses] == [(200, b"[1]")] * 3


def test_a_response_may_come_in_pieces(either_world):
    async def script(stage, stream):
        await stream.receive_some()
        for byte in WHOLE:
            stream.write(bytes([byte]))
            await stage.sleep(ms(1))

    (response,) = either_world(asking(script))
    assert response.body == b"[1]"


def test_a_body_without_length_ends_with_the_connection(either_world):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(b"HTTP/1.1 200 OK\r\n\r\n[1]")

    (response,) = either_world(asking(script))
    assert (response.body, response.keep_alive) == (b"[1]", False)


@pytest.mark.parametrize("said", [b"", WHOLE[:5], WHOLE[:-1]])
def test_a_connection_that_closes_too_early_is_a_protocol_error(either_world, said):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(said)

    with pytest.raises(ProtocolError, match="closed"):
        either_world(asking(script))


def test_what_is_not_http_is_a_protocol_error(either_world):
    async def script(stage, stream):
        stream.write(b"220 smtp.example.org\r\n")
        await stream.receive_some()

    with pytest.raises(ProtocolError, match="malformed"):
        either_world(asking(script))


def test_a_reset_is_a_broken_resource(either_world):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(WHOLE[:5])
        stream.abort()

    with pytest.raises(trio.BrokenResourceError):
        either_world(asking(script))
