"""A server that stops listening while its connections live on, and listens again later, in both worlds."""

import socket

import pytest
import trio

from battle.actors.units import ms
from tests.actors.worlds import live, simulated

both_worlds = pytest.mark.parametrize(
    "run", [simulated, pytest.param(live, marks=pytest.mark.live)], ids=["simulated", "live"]
)


async def _echo(stream):
    while data := await stream.receive_some():
        stream.write(data)


async def _echoes(stream):
    stream.write(b"x")
    return await stream.receive_some() == b"x"


async def _refused(stage, address):
    try:
        (await stage.client.connect(address)).close()
    except ConnectionRefusedError:
        return True
    return False


async def _serving(stage):
    server = stage.world("server")
    return server, await stage.nursery.start(server.serve, stage.address("server"), _echo)


@both_worlds
def test_a_shut_server_refuses_and_what_was_there_lives_on(run):
    async def main(stage):
        server, address = await _serving(stage)
        async with await stage.client.connect(address) as old:
            assert await _echoes(old)
            server.shut(address)
            seen = [await _refused(stage, address), await _echoes(old)]
            server.reopen(address)
            seen += [await _refused(stage, address), await _echoes(old)]
        async with await stage.client.connect(address) as new:
            return [*seen, await _echoes(new)]

    assert run(main) == [True, True, False, True, True]


@both_worlds
def test_it_can_be_shut_again_and_again_and_twice_is_once(run):
    async def main(stage):
        server, address = await _serving(stage)
        seen = []
        for _ in range(5):
            server.shut(address)
            server.shut(address)
            seen.append(await _refused(stage, address))
            await stage.sleep(ms(1))
            server.reopen(address)
            server.reopen(address)
            async with await stage.client.connect(address) as stream:
                seen.append(await _echoes(stream))
        return seen

    assert run(main) == [True] * 10


@both_worlds
def test_shut_and_open_in_one_breath_is_as_if_nothing_was(run):
    async def main(stage):
        server, address = await _serving(stage)
        await stage.sleep(ms(1))
        server.shut(address)
        server.reopen(address)
        async with await stage.client.connect(address) as stream:
            return await _echoes(stream)

    assert run(main)


@pytest.mark.live
def test_a_shut_server_keeps_its_port_and_loses_whom_it_had_not_accepted():
    async def main(stage):
        server, address = await _serving(stage)
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port))) as unaccepted:  # without a turn for the server
            server.shut(address)
            with pytest.raises(ConnectionResetError):
                unaccepted.recv(1)
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind((host, int(port)))

    live(main)


@both_worlds
def test_a_shut_server_can_be_stopped(run):
    async def main(stage):
        server = stage.world("server")
        async with trio.open_nursery() as nursery:
            address = await nursery.start(server.serve, stage.address("server"), _echo)
            await stage.sleep(ms(1))
            server.shut(address)
            await stage.sleep(ms(1))
            nursery.cancel_scope.cancel()
        return await _refused(stage, address)

    assert run(main)
