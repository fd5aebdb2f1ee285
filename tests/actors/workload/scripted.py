"""A load generator, a server that follows a script, and the log the generator left, in either world."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from battle.actors.addresses import Address
from battle.actors.chain.model import ChainModel
from battle.actors.roles import Begin, WorkloadRole
from battle.actors.spec.base import Spec
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant, Workload
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import minutes, ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.jsonrpc import Call, encode_result, read_calls
from battle.actors.workload.generator import run_workload
from battle.actors.world.cluster import Exit, Node
from battle.actors.world.interfaces import Control, Stream, World
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.world import LiveWorld
from battle.actors.world.simulated.cluster import SimulatedCluster
from battle.actors.world.simulated.simulation import simulate
from battle.store.events import AnyEvent, GeneratorSampled, RequestEnded
from battle.store.segment import FLUSH_INTERVAL_NS, BlockFlushed, SegmentWriter, open_segment, segment_path
from tests.actors.http_peers import HttpServerPeer

CHAIN = Chain(seed=5)
MODEL = ChainModel(CHAIN)
BEGIN_NS = seconds(1)

Script = Callable[[World, Stream, HttpRequest], Awaitable[None]]
"""What a server does with a request."""


class ServerRole(Spec, frozen=True):
    address: str


class ServerNode(Protocol):
    """Whatever can be the node that a workload talks to."""

    async def run(self, world: World, role: ServerRole, control: Control) -> None: ...


class Server:
    """Answers each request as `script` says; counts what it saw."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.requests: list[HttpRequest] = []
        self.received_ns: list[int] = []

    async def run(self, world: World, role: ServerRole, control: Control) -> None:
        """Be a node."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.serve, world, role.address)
            control.ready()

    async def serve(
        self,
        world: World,
        address: Address,
        task_status: "trio.TaskStatus[Address]" = trio.TASK_STATUS_IGNORED,
    ) -> None:
        async def handle(stream: Stream) -> None:
            self.connections += 1
            client = HttpServerPeer(stream)
            while (request := await client.next_request()) is not None:
                self.requests.append(request)
                self.received_ns.append(world.now_ns())
                await self.script(world, stream, request)

        await world.serve(address, handle, task_status)


def call_of(request: HttpRequest) -> Call:
    call = read_calls(request.body)
    assert isinstance(call, Call)
    return call


def right_answer(world: World, request: HttpRequest, *, behind: int = 0) -> bytes:
    """The body that a truthful node answers, or one that is some blocks behind."""
    call = call_of(request)
    assert isinstance(call.id, msgspec.Raw)
    head = MODEL.head_at(world.now_ns()) - behind
    return encode_result(call.id, MODEL.answer(call.method, call.params, head))


async def truthful(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.write(encode_response(200, right_answer(world, request)))


def answering(status: int, body: bytes, **more: Any) -> Script:
    """A server that gives everybody the same response."""

    async def script(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(status, body, **more))

    return script


class Log(msgspec.Struct):
    """What a generator logged, and how its node ended."""

    events: list[AnyEvent]
    exit: Exit | None = None

    @property
    def requests(self) -> list[RequestEnded]:
        return [event for event in self.events if isinstance(event, RequestEnded)]

    @property
    def samples(self) -> list[GeneratorSampled]:
        return [event for event in self.events if isinstance(event, GeneratorSampled)]

    def total(self, field: str) -> int:
        return sum(getattr(sample, field) for sample in self.samples)


def read_log(path: Path) -> list[AnyEvent]:
    decode = msgspec.json.Decoder(AnyEvent | BlockFlushed).decode
    events = map(decode, path.read_bytes().splitlines())
    return [event for event in events if not isinstance(event, BlockFlushed)]


def constant(method: Any = "eth_blockNumber", rate: float = 10, **more: Any) -> HttpConstant:
    """A small workload: ten requests in a second, if nothing else is said."""
    fields: dict[str, Any] = {"duration": seconds(1), "timeout": ms(500), "name": "load"}
    return HttpConstant(method, rate=rate, **(fields | more))


def role_for(spec: Workload, address: Address, path: str = "/", **more: Any) -> WorkloadRole:
    """One of one shards, if nothing else is said."""
    fields: dict[str, Any] = {
        "index": 0,
        "shard": 0,
        "seed": 1,
        "chain": CHAIN,
        "endpoint": Endpoint(address, path),
    }
    return WorkloadRole(spec, **(fields | more))


Interfere = Callable[[SimulatedCluster, Node, Node | None], Awaitable[None]]
"""Something that happens to the generator and the server after the load was told to begin."""


async def nothing_happens(cluster: SimulatedCluster, load: Node, server: Node | None) -> None:
    await trio.lowlevel.checkpoint()


def run_load(
    run_dir: Path,
    spec: Workload,
    server: ServerNode | None,
    *,
    begin: Begin | None = None,
    interfere: Interfere = nothing_happens,
    seed: int = 1,
    **role: Any,
) -> Log:
    """Run a workload against a server, or against nobody, and return what its node logged."""

    async def boot(world: World, given: Spec, control: Control) -> None:
        if isinstance(given, WorkloadRole):
            await run_workload(world, given, control)
        else:
            assert server is not None
            assert isinstance(given, ServerRole)
            await server.run(world, given, control)

    exits: list[Exit] = []

    async def main(cluster: SimulatedCluster) -> None:
        address = cluster.reserve("server")

        mailbox = Mailbox("load")

        async def run_node(task_status: "trio.TaskStatus[Node]") -> None:
            exits.append(await cluster.run_node("load", 1, load, mailbox.open(), task_status))

        load = role_for(spec, address, seed=seed, **role)
        async with trio.open_nursery() as servers:
            server_node = None
            if server is not None:
                untold = Mailbox("server").open()
                server_node = await servers.start(cluster.run_node, "server", 1, ServerRole(address), untold)
            async with trio.open_nursery() as loads:
                node = await loads.start(run_node)
                mailbox.ref.tell_nowait(begin or Begin(BEGIN_NS))
                await interfere(cluster, node, server_node)
            servers.cancel_scope.cancel()

    simulate(main, run_dir=run_dir, seed=seed, boot=boot, limit_ns=minutes(10))
    return Log(read_log(segment_path(run_dir, "load", 1)), *exits)


class LiveControl:
    """The control channel of a node without a coordinator: the load begins a moment after it is ready."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mailbox = Mailbox("load")
        self.inbox = self._mailbox.open()
        self.is_ready = trio.Event()

    def ready(self) -> None:
        self.is_ready.set()
        self._mailbox.ref.tell_nowait(Begin(self._world.now_ns() + ms(20)))


def run_load_live(run_dir: Path, spec: Workload, server: Server | None, **role: Any) -> Log:
    """The same in the live world: real sockets and real time, but one process."""

    async def main() -> None:
        reactor = Reactor(time.perf_counter_ns())
        sink = open_segment(run_dir, "load", 1)
        writer = SegmentWriter(
            sink, lambda: reactor.call_at(reactor.now_ns() + FLUSH_INTERVAL_NS, writer.flush)
        )
        world = LiveWorld(reactor, "load", 1, writer)
        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.run)
            address = await nursery.start(_serve_live, world, server)
            await run_workload(world, role_for(spec, address, **role), LiveControl(world))
            nursery.cancel_scope.cancel()
        writer.close()
        reactor.close()

    trio.run(main)
    return Log(read_log(segment_path(run_dir, "load", 1)))


async def _serve_live(
    world: World, server: Server | None, task_status: "trio.TaskStatus[Address]" = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve, or only find an address where nobody does."""
    if server is None:
        async with trio.open_nursery() as nursery:
            task_status.started(await nursery.start(world.serve, "127.0.0.1:0", _nobody))
            nursery.cancel_scope.cancel()
    else:
        await server.serve(world, "127.0.0.1:0", task_status)


async def _nobody(_: Stream) -> None:
    raise AssertionError("nobody should have connected")
