"""Providers that answer nonsense are measured like any that fails."""

import json
from functools import partial

import pytest
import trio
from trio_websocket import ConnectionClosed, serve_websocket

from battle import RealProvider
from battle.errors import StartError
from battle.recording.measure import measure
from tests.battle.local_service import Reply, served


def measured(url, requests=1):
    return measure(RealProvider("a", url), requests=requests, per_second=100)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"[" * 5000, "HTTP 200 without a JSON-RPC answer"),
        (b"\xff", "HTTP 200 without a JSON-RPC answer"),
        (b'{"jsonrpc":"2.0","id":0,"error":{"code":[1],"message":"no"}}', "rpc_error"),
    ],
)
def test_an_answer_that_is_none_is_a_failure(body, failure):
    says = f"answered none of 1 calls .the first one: {failure}."
    with served(answer=lambda received: Reply(200, body)) as service, pytest.raises(StartError, match=says):
        trio.run(measured, service.url)


def test_a_message_with_an_id_that_is_none_is_nobodys():
    async def node(request):
        socket = await request.accept()
        try:
            while True:
                number = json.loads(await socket.get_message())["id"]
                await socket.send_message('{"jsonrpc":"2.0","id":[0],"result":"0x1"}')
                await socket.send_message(json.dumps({"jsonrpc": "2.0", "id": number, "result": "0x1"}))
        except ConnectionClosed:
            pass

    async def main():
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(serve_websocket, node, "127.0.0.1", 0, None))
            found.append(await measured(f"ws://127.0.0.1:{server.port}", 4))
            nursery.cancel_scope.cancel()

    found = []
    trio.run(main)
    assert [one.failure for one in found[0].observations] == [""] * 4


def test_why_there_was_no_answer_is_said():
    with served() as service:
        https = service.url.replace("http", "https")
        with pytest.raises(
            StartError, match=r"answered none of 1 calls .the first one: it takes no TLS there."
        ):
            trio.run(measured, https)
        with pytest.raises(StartError, match=r"takes no WebSocket .it takes no TLS there."):
            trio.run(measured, https.replace("https", "wss"))
        with pytest.raises(StartError, match=r"takes no WebSocket .HTTP 200."):
            trio.run(measured, service.url.replace("http", "ws"))
    with pytest.raises(StartError, match=r"the first one: connection refused."):
        trio.run(measured, service.url)
    with pytest.raises(StartError, match=r"takes no WebSocket .connection refused."):
        trio.run(measured, service.url.replace("http", "ws"))
