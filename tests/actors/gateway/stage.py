"""A stage for the gateway's shell: scripted providers, a client, and the log as a list, in either world.

    async def main(stage):
        a = await stage.provider("a", answer("0x1"))
        gateway = await stage.gateway(EmbeddedGateway(), a)
        response = await gateway.ask(call(1))

Everything runs in one process. A provider plays its script's steps one per request, the last one for ever.
"""

from collections.abc import Awaitable, Callable
from time import perf_counter_ns

import msgspec
import trio

from battle.actors.gateway.server import run_gateway
from battle.actors.roles import GatewayRole, Upstream
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_request, encode_response, request_head
from battle.actors.world.interfaces import Stream
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.world import LiveWorld
from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.determinism import deterministic_scheduling
from battle.actors.world.simulated.network import Network
from battle.actors.world.simulated.node import SimulatedNode
from battle.store.events import BreakerChanged, BreakerRejected, GatewayAttemptEnded, LatencyBenchmarked
from tests.actors.http_peers import HttpClientPeer, HttpServerPeer

LIMIT_SECONDS = 600
BLOCK_TIME = seconds(2)

Step = Callable[["Provider", HttpRequest, Stream], Awaitable[bool]]


class Log(list):
    """An event log that tests can read while it is written."""

    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]

    @property
    def attempts(self):
        return self.of(GatewayAttemptEnded)

    @property
    def story(self):
        """Who was tried, why, and what came of it."""
        return [(it.provider, it.reason, it.failure) for it in self.attempts]

    @property
    def changes(self):
        return [(it.provider, it.from_state, it.to_state, it.reason) for it in self.of(BreakerChanged)]

    @property
    def rejected(self):
        return [(it.provider, it.request_id) for it in self.of(BreakerRejected)]

    @property
    def benchmarks(self):
        return {(it.moment, it.provider, it.method): it for it in self.of(LatencyBenchmarked)}


class Provider:
    """A scripted upstream. `requests` is what it was asked; `stop` makes it refuse connections."""

    def __init__(self, world, name, steps) -> None:
        self.world = world
        self.name = name
        self.steps = list(steps)
        self.requests: list[HttpRequest] = []
        self.connections = 0
        self.address = ""
        self._scope = trio.CancelScope()

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        with trio.CancelScope() as self._scope:
            await self.world.serve(self.address, self._handle, task_status=task_status)

    def stop(self) -> None:
        self._scope.cancel()

    async def _handle(self, stream) -> None:
        self.connections += 1
        connection = HttpServerPeer(stream)
        while (request := await connection.next_request()) is not None:
            self.requests.append(request)
            step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
            if not await step(self, request, stream):
                return


# Steps: each answers one request; true when the connection goes on.


def _results(body: bytes, value) -> bytes:
    asked = msgspec.json.decode(body, type=list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw])
    calls = asked if isinstance(asked, list) else [asked]
    answers = [b'{"jsonrpc":"2.0","id":%b,"result":"%b"}' % (bytes(it["id"]), value) for it in calls]
    return b"[%b]" % b",".join(answers) if isinstance(asked, list) else answers[0]


def answer(value=b"0x1", *, after=0, keep_alive=True):
    async def step(provider, request, stream):
        if after:
            await provider.world.sleep_until(provider.world.now_ns() + after)
        stream.write(encode_response(200, _results(request.body, value), keep_alive=keep_alive))
        return keep_alive

    return step


def reply(status, body=b"{}", headers=None):
    async def step(provider, request, stream):
        stream.write(encode_response(status, body, headers=headers))
        return True

    return step


def rpc_error(code, message=""):
    async def step(provider, request, stream):
        call_id = bytes(msgspec.json.decode(request.body, type=dict[str, msgspec.Raw])["id"])
        words = msgspec.json.encode(message)
        body = b'{"jsonrpc":"2.0","id":%b,"error":{"code":%d,"message":%b}}' % (call_id, code, words)
        stream.write(encode_response(200, body))
        return True

    return step


async def hang(provider, request, stream):
    await trio.sleep_forever()


async def close(provider, request, stream):
    return False


async def reset(provider, request, stream):
    stream.abort()
    return False


def say(data):
    """Write these bytes, whatever they are, and close."""

    async def step(provider, request, stream):
        stream.write(data)
        return False

    return step


class Gateway:
    """The gateway under test, and a client for it."""

    def __init__(self, stage, address) -> None:
        self.stage = stage
        self.address = address
        self.head = request_head(address)

    async def connect(self) -> HttpClientPeer:
        return HttpClientPeer(await self.stage.client.connect(self.address))

    async def ask(self, body, request_id=None):
        """One request on a connection of its own."""
        connection = await self.connect()
        try:
            return await connection.exchange(encode_request(self.head, body, request_id))
        finally:
            connection.stream.close()

    async def ask_many(self, count, *, apart=0, first=0):
        """Requests w0-<first> onwards, one after another."""
        responses = []
        for number in range(first, first + count):
            responses.append(await self.ask(call(f"w0-{number}"), b"w0-%d" % number))
            await self.stage.sleep(apart)
        return responses


class _Control:
    def __init__(self, task_status) -> None:
        self.inbox = Mailbox("gateway").open()
        self.ready = task_status.started


class Stage:
    def __init__(self, nursery, make_world, address) -> None:
        self._nursery = nursery
        self._make_world = make_world
        self._address = address
        self.client = make_world("client", Log())
        self.log = Log()
        self._gateway_scope = trio.CancelScope()
        self.sockets = []

    async def finish(self) -> None:
        """Close the WebSockets there are; each takes leave of the other side, which takes a moment."""
        self.stop_gateway()
        if self.sockets:
            await self.sleep(ms(50))
        for websocket in self.sockets:
            websocket.abort()

    async def sleep(self, duration) -> None:
        await self.client.sleep_until(self.client.now_ns() + duration)

    def now_ns(self):
        return self.client.now_ns()

    async def provider(self, name, *steps) -> Provider:
        return await self.add(Provider(self.world(name), name, steps))

    def world(self, name):
        return self._make_world(name, Log())

    async def add(self, provider):
        """Start a provider of any kind: it has a name, and `run` serves its address."""
        provider.address = self._address(provider.name)
        await self.start(provider)
        return provider

    async def start(self, provider) -> None:
        provider.address = await self._nursery.start(provider.run)

    async def gateway(self, spec: EmbeddedGateway, *providers, block_time=BLOCK_TIME) -> Gateway:
        upstreams = tuple(Upstream(provider.name, provider.address) for provider in providers)
        role = GatewayRole(spec, self._address("gateway"), upstreams, block_time)
        world = self._make_world("gateway", self.log)
        self.gateway_world = world
        listening: list[str] = []
        serve = world.serve

        async def noting_serve(address, handler, task_status):
            class Status:
                def started(self, taken):
                    listening.append(taken)
                    task_status.started(taken)

            await serve(address, handler, Status())

        world.serve = noting_serve

        async def run(task_status):
            with self._gateway_scope:
                await run_gateway(world, role, _Control(task_status))

        await self._nursery.start(run)
        return Gateway(self, listening[0])

    def stop_gateway(self) -> None:
        self._gateway_scope.cancel()


def call(call_id=1, method="eth_blockNumber", params=()) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})


def simulated(main, seed=0):
    """Run `main(stage)` in virtual time; returns what it returns."""
    failures: list[BaseException] = []
    root = trio.CancelScope()

    def fail(error):
        failures.append(error or AssertionError("deadlock"))
        root.cancel()

    clock = EventClock(fail)
    network = Network(clock)
    lines = LinesInMemory()
    ports = iter(range(8000, 9000))

    async def run():
        with root:
            root.deadline = LIMIT_SECONDS
            async with trio.open_nursery() as nursery:
                stage = Stage(
                    nursery,
                    lambda name, log: SimulatedNode(network, name, seed, log, lines),
                    lambda name: f"{name}:{next(ports)}",
                )
                result = await main(stage)
                nursery.cancel_scope.cancel()
            return result
        raise failures[0] if failures else AssertionError("the test did not end in time")

    with deterministic_scheduling(seed):
        return trio.run(run, clock=clock)


def live(main, seed=0):
    """Run `main(stage)` on real sockets; returns what it returns."""

    async def run():
        reactor = Reactor(perf_counter_ns())
        lines = LinesInMemory()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(reactor.run)
                stage = Stage(
                    nursery,
                    lambda name, log: LiveWorld(reactor, name, seed, log, lines),
                    lambda name: "127.0.0.1:0",
                )
                with trio.fail_after(20):
                    result = await main(stage)
                    await stage.finish()
                nursery.cancel_scope.cancel()
            return result
        finally:
            reactor.close()

    return trio.run(run, strict_exception_groups=True)
