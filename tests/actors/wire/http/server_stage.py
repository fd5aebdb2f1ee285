"""A server that echoes, and a client that writes its own bytes."""

from collections.abc import Callable

from battle.actors.spec.limits import HttpLimits
from battle.actors.units import ms
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.http.server import HttpServerConnection

LIMITS = HttpLimits(header_bytes=1000, body_bytes=2000)
HASTY = HttpLimits(header_bytes=1000, body_bytes=2000, request_timeout=ms(200), idle_timeout=ms(400))

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n"


class Server:
    """Echoes bodies. `requests` is what it was asked, `ends` what each connection's answerer and handler saw of its
    end."""

    def __init__(self, stage, limits=LIMITS) -> None:
        self.world = stage.world("server")
        self.limits = limits
        self.requests: list[bytes] = []
        self.ends: list[str] = []

    async def handle(self, stream) -> None:
        echo = Echo(self, stream)
        await HttpServerConnection(self.world, stream, self.limits, echo).run()
        self.ends.append("end")


class Echo:
    """Answers at once, as long as it can."""

    takes_more = True
    has_unanswered = False

    def __init__(self, server, stream) -> None:
        self.server = server
        self.stream = stream

    def on_request(self, request) -> None:
        self.server.requests.append(request.body)
        self.stream.write(encode_response(200, request.body, keep_alive=request.keep_alive))
        if not request.keep_alive:
            self.stream.close()

    def on_client_gone(self) -> None:
        self.server.ends.append("gone")


async def serving(stage, limits=LIMITS):
    server = Server(stage, limits)
    address = await stage.nursery.start(server.world.serve, stage.address("server"), server.handle)
    return server, address


async def all_of(stream) -> bytes:
    """What the server sends until it closes."""
    data = b""
    while chunk := await stream.receive_some():
        data += chunk
    return data


def conversation(script: Callable, limits=LIMITS):
    """A main that runs `script(stage, stream)` on a connection and returns (what it returned, the server)."""

    async def main(stage):
        server, address = await serving(stage, limits)
        stream = await stage.client.connect(address)
        try:
            return await script(stage, stream), server
        finally:
            stream.close()

    return main
