"""A provider at work in a test, a client that speaks in bytes, and the log as a list."""

from collections.abc import Callable
from contextlib import asynccontextmanager

import msgspec
import trio

from battle.actors.provider.server import run_provider
from battle.actors.roles import ProviderRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.providers import MockProvider
from battle.actors.system.mailbox import Mailbox, MailboxSpec
from battle.actors.units import ms
from battle.actors.wire.http.client import RESPONSE_LIMITS
from battle.actors.wire.http.messages import encode_request, request_head
from battle.actors.wire.http.parsers import ResponseParser

CHAIN = Chain(start_height=500, history=500)
HEAD = request_head("a:1")
CALL = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'


class Control:
    def __init__(self, ready) -> None:
        self.mailbox = Mailbox("a", MailboxSpec(10))
        self.inbox = self.mailbox.open()
        self.ready = ready


class Client:
    """A connection to the provider that speaks in bytes and reads responses."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self.write = stream.write
        self._parser = ResponseParser(RESPONSE_LIMITS)

    def post(self, body=CALL, request_id=None, headers=None) -> None:
        self.write(encode_request(request_head("a:1", headers=headers), body, request_id))

    async def response(self):
        while (response := self._parser.next_response()) is None:
            data = await self.stream.receive_some()
            if not data:
                return None
            self._parser.feed(data)
        return response

    async def ask(self, body=CALL, request_id=None):
        self.post(body, request_id)
        return await self.response()


class Provider:
    stop: Callable[[], None]
    """Ends its node."""

    def __init__(self, stage, world, address, control) -> None:
        self.stage = stage
        self.address = address
        self.log = world.log
        self.tell = control.mailbox.ref.tell_nowait
        self.disconnect = control.mailbox.end
        self.streams = []

    async def connect(self) -> Client:
        stream = await self.stage.client.connect(self.address)
        self.streams.append(stream)
        return Client(stream)

    async def ask(self, body=CALL, request_id=None):
        client = await self.connect()
        try:
            return await client.ask(body, request_id)
        finally:
            client.stream.close()

    async def logged(self, count):
        """The log, once it has `count` attempts."""
        for _ in range(200):
            if len(self.log) >= count:
                break
            await self.stage.sleep(ms(5))
        assert len(self.log) == count
        return self.log


@asynccontextmanager
async def providing(stage, **spec):
    """A provider `a` at work; without latency unless told otherwise."""
    world = stage.world("a")
    chain = spec.pop("chain", CHAIN)
    role = ProviderRole(MockProvider("a", **{"latency": 0, **spec}), stage.address("a"), chain)
    serve = world.serve
    taken = []

    async def noting_serve(address, handler, task_status):
        class Status:
            def started(self, where):
                taken.append(where)
                task_status.started(where)

        await serve(address, handler, Status())

    world.serve = noting_serve
    ready = trio.Event()
    control = Control(ready.set)
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()

        async def run():
            with scope:
                await run_provider(world, role, control)

        nursery.start_soon(run)
        await ready.wait()
        provider = Provider(stage, world, taken[0], control)
        provider.stop = scope.cancel
        try:
            yield provider
        finally:
            for stream in provider.streams:
                stream.close()
        nursery.cancel_scope.cancel()


def play(world, script, **spec):
    async def main(stage):
        async with providing(stage, **spec) as provider:
            return await script(stage, provider)

    return world(main)


def facts(event, *names):
    return tuple(getattr(event, name) for name in names)


def decoded(response):
    return msgspec.json.decode(response.body)
