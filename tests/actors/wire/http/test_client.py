"""The client's half of a connection, against servers that follow a script of bytes, in both worlds."""

import pytest
import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import ms
from battle.actors.wire.http.client import HttpClientConnection
from battle.actors.wire.http.messages import encode_request, encode_response, request_head

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
            return [await result_of(connection) for _ in range(times)]
        finally:
            connection.close()

    return main


async def result_of(connection):
    """What came of one exchange."""
    send, receive = trio.open_memory_channel(1)
    connection.exchange(REQUEST, lambda result, arrived_ns: send.send_nowait(result))
    with trio.fail_after(10):
        return await receive.receive()


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
def test_a_connection_that_closes_too_early_gives_no_response(either_world, said):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(said)

    assert either_world(asking(script)) == ["closed"]


def test_what_is_not_http_is_no_response(either_world):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(b"220 smtp.example.org\r\n")
        await stream.receive_some()

    assert either_world(asking(script)) == ["protocol"]


def test_a_reset_is_told_from_a_close(either_world):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(WHOLE[:5])
        stream.abort()

    assert either_world(asking(script)) == ["reset"]


@pytest.mark.parametrize(
    ("said", "reusable"),
    [
        (WHOLE, True),
        (encode_response(200, b"[1]", keep_alive=False), False),
        (WHOLE + b"HTTP/1.1", False),
        (WHOLE + WHOLE, False),
    ],
)
def test_only_a_clean_exchange_leaves_a_connection_that_can_be_used_again(either_world, said, reusable):
    async def script(stage, stream):
        await stream.receive_some()
        stream.write(said)
        await stream.receive_some()

    async def main(stage):
        world = stage.world("server")
        address = await stage.nursery.start(
            world.serve, stage.address("server"), lambda stream: script(stage, stream)
        )
        connection = HttpClientConnection(await stage.client.connect(address))
        response = await result_of(connection)
        found = response.body, connection.reusable
        connection.close()
        return found

    assert either_world(main) == (b"[1]", reusable)


def test_what_nobody_asked_for_spends_an_idle_connection(either_world):
    async def main(stage):
        world = stage.world("server")

        async def script(stream):
            await stream.receive_some()
            stream.write(WHOLE)
            await stage.sleep(ms(20))
            stream.write(WHOLE)
            await stream.receive_some()

        address = await stage.nursery.start(world.serve, stage.address("server"), script)
        connection = HttpClientConnection(await stage.client.connect(address))
        await result_of(connection)
        fresh = connection.reusable
        await stage.sleep(ms(50))
        found = fresh, connection.reusable
        connection.close()
        return found

    assert either_world(main) == (True, False)


def test_an_aborted_exchange_has_no_result(either_world):
    async def script(stage, stream):
        await stream.receive_some()

    async def main(stage):
        world = stage.world("server")
        address = await stage.nursery.start(
            world.serve, stage.address("server"), lambda stream: script(stage, stream)
        )
        connection = HttpClientConnection(await stage.client.connect(address))
        results = []
        connection.exchange(REQUEST, lambda result, arrived_ns: results.append(result))
        connection.abort()
        await stage.sleep(ms(20))
        return results

    assert either_world(main) == []


def test_a_server_that_leaves_too_much_unread_is_given_up(either_world):
    async def main(stage):
        world = stage.world("server")

        async def script(stream):
            await stage.sleep(ms(50))

        address = await stage.nursery.start(world.serve, stage.address("server"), script)
        connection = HttpClientConnection(await stage.client.connect(address))
        send, receive = trio.open_memory_channel(1)
        connection.exchange(REQUEST, lambda result, arrived_ns: send.send_nowait(result))
        for _ in range(3):  # more than both kernels and this side keep for it
            connection.stream.write(bytes(WRITE_LIMIT_BYTES))
        with trio.fail_after(10):
            return await receive.receive()

    assert either_world(main) == "unread"


def test_a_result_comes_with_the_moment_its_last_byte_arrived(either_world):
    async def main(stage):
        world = stage.world("server")

        async def script(stream):
            await stream.receive_some()
            stream.write(WHOLE[:-1])
            await stage.sleep(ms(30))
            stream.write(WHOLE[-1:])
            await stream.receive_some()

        address = await stage.nursery.start(world.serve, stage.address("server"), script)
        connection = HttpClientConnection(await stage.client.connect(address))
        send, receive = trio.open_memory_channel(1)
        sent_ns = stage.client.now_ns()
        connection.exchange(REQUEST, lambda result, arrived_ns: send.send_nowait(arrived_ns))
        with trio.fail_after(10):
            arrived_ns = await receive.receive()
        connection.close()
        return arrived_ns - sent_ns, stage.client.now_ns() - arrived_ns

    took_ns, ago_ns = either_world(main)
    assert took_ns >= ms(30)
    assert ago_ns >= 0


async def closing(stage, stream):
    await stream.receive_some()


async def closing_after_a_response(stage, stream):
    await stream.receive_some()
    stream.write(b"HTTP/1.1 200 OK\r\n\r\n[1]")


async def murmuring(stage, stream):
    await stream.receive_some()
    stream.write(WHOLE)
    await stage.sleep(ms(20))
    stream.write(b"HTTP/1.1 408 Request Timeout\r\n")
    await stream.receive_some()


async def babbling(stage, stream):
    await stream.receive_some()
    stream.write(b"220 smtp.example.org\r\n")
    await stream.receive_some()


@pytest.mark.parametrize("script", [closing, closing_after_a_response, murmuring, babbling])
def test_whoever_holds_a_connection_hears_of_its_end_after_the_result(either_world, script):
    async def main(stage):
        heard = []
        address = await stage.nursery.start(
            stage.world("server").serve, stage.address("server"), lambda stream: script(stage, stream)
        )
        stream = await stage.client.connect(address)
        connection = HttpClientConnection(stream, on_end=lambda: heard.append("end"))
        connection.exchange(REQUEST, lambda result, arrived_ns: heard.append("result"))
        await stage.sleep(ms(50))
        found = connection.spent, list(heard)
        connection.close()
        return found

    assert either_world(main) == (True, ["result", "end"])


def test_whoever_holds_a_connection_hears_of_its_end_when_this_side_closed_it(either_world):
    async def main(stage):
        heard = []
        address = await stage.nursery.start(
            stage.world("server").serve, stage.address("server"), lambda stream: closing(stage, stream)
        )
        stream = await stage.client.connect(address)
        connection = HttpClientConnection(stream, on_end=lambda: heard.append("end"))
        connection.close()
        at_once = list(heard)
        await stage.sleep(ms(20))
        return at_once, heard

    assert either_world(main) == ([], ["end"])
