"""Real roles under fire: one node for many inputs, and after each input the question whether it is still well.

    play(simulated, provider_node, inputs)    -> Played

What is asserted after each input: the connection ended or was answered in time, by the rules, with what was owed; a
good request on a new connection gets the right answer; and the node never thought for long. At the end: nothing
is left of it all.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager, suppress
from random import Random
from time import process_time
from unittest.mock import patch

import msgspec
import trio

from battle.actors.chain.model import ChainModel
from battle.actors.gateway.server import run_gateway
from battle.actors.provider.server import run_provider
from battle.actors.roles import GatewayRole, ProviderRole, Upstream
from battle.actors.spec.chain import Chain
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.units import ms, seconds
from battle.actors.world.simulated.node import SimulatedNode
from tests.actors import worlds
from tests.actors.provider.stage import Control
from tests.actors.wire.websocket.stage import (
    HANDSHAKE,
    TEXT,
    close_frame,
    frame,
)
from tests.fuzz import hearing
from tests.fuzz.hearing import PING, Heard
from tests.fuzz.http_inputs import valid
from tests.fuzz.inputs import HalfClose, Input, Reset, Say, Wait

CHAIN = Chain(start_height=500, history=500, block_time=seconds(2))
ADDRESS = "0x" + "ab" * 20

END_WITHIN = 100
"""Seconds from the last thing a client does to the end of its connection: idle connections get 75, requests 10."""

ANSWER_WITHIN = 5
"""Seconds for a good request: the gateway's own deadline."""

THINK_WITHIN = 5.0
"""Seconds of the processor for one input: a node that computes for longer serves nobody meanwhile. Far above what any
input takes, because other work shares the machine."""

VIRTUAL_LIMIT = 10**7
"""Seconds of virtual time, for thousands of inputs that each wait for an idle connection's end."""

WEBSOCKET_EVERY = 25
"""How often the good request comes over a WebSocket as well."""


class CountingLog:
    """A log that keeps nothing, but insists that each event can be written."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.largest_bytes = 0

    def append(self, event) -> None:
        self.counts[type(event).__name__] += 1
        self.largest_bytes = max(self.largest_bytes, len(msgspec.json.encode(event)))


class Node:
    """A node under fire: `address`, and its world."""

    def __init__(self, stage, world) -> None:
        self.stage = stage
        self.world = world
        self.address = ""


async def _start(stage, name, run, make_role):
    """Start a role on a node of its own; returns the node when it listens."""
    world = stage.world(name)
    world.log = CountingLog()
    node = Node(stage, world)
    serve = world.serve

    async def noting_serve(address, handler, task_status):
        class Status:
            def started(self, taken):
                node.address = taken
                task_status.started(taken)

        await serve(address, handler, Status())

    world.serve = noting_serve
    ready = trio.Event()
    control = Control(ready.set)

    async def main():
        if isinstance(world, SimulatedNode):
            world.root_task = trio.lowlevel.current_task()
        await run(world, make_role(stage.address(name)), control)

    stage.nursery.start_soon(main)
    await ready.wait()
    return node


async def provider_node(stage, name="a", **spec):
    """A mock provider."""
    spec = {"latency": 0, **spec}
    return await _start(
        stage, name, run_provider, lambda address: ProviderRole(MockProvider(name, **spec), address, CHAIN)
    )


async def gateway_node(stage):
    """The gateway, with three mock providers behind it."""
    providers = [await provider_node(stage, name, latency=ms(1)) for name in ("a", "b", "c")]
    upstreams = tuple(Upstream(it.world.node, it.address) for it in providers)
    return await _start(
        stage,
        "gateway",
        run_gateway,
        lambda address: GatewayRole(EmbeddedGateway(), address, upstreams, CHAIN.block_time),
    )


# One input.


class Connection:
    """A client's connection that keeps all it hears, and when it ended."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._parts: list[bytes] = []
        self._changed = trio.Event()
        self.ended: str | None = None
        stream.on_data(self._receive, self._lost)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def _receive(self, data, at_ns) -> None:
        self._parts.append(data)
        if not data:
            self.ended = "closed"
        self._wake()

    def _lost(self, how, at_ns) -> None:
        self.ended = how
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition() and self.ended is None:
            await self._changed.wait()

    async def over(self) -> None:
        await self.until(lambda: False)


async def exchange(node, one: Input, end_within=END_WITHIN) -> tuple[Connection, bool]:
    """Play the input's steps; returns the connection after its end, and whether the client left of itself."""
    connection = Connection(await node.stage.client.connect(node.address))
    stream = connection.stream
    try:
        for step in one.steps:
            match step:
                case Say(data):
                    stream.write(data)
                case Wait(duration):
                    with trio.move_on_after(duration / 1e9):
                        await connection.over()
                case HalfClose():
                    # The node may have been faster.
                    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                        await stream.send_eof()
                case Reset():
                    stream.abort()
        with trio.move_on_after(end_within) as scope:
            await connection.over()
        assert not scope.cancelled_caught, f"the connection is still there; heard {connection.data[-300:]!r}"
    finally:
        stream.close()
    return connection, one.leaves


def judge(one: Input, connection: Connection) -> Heard:
    heard = hearing.read(connection.data, is_head=one.is_head)
    hearing.check_rules(heard)
    if one.leaves:
        return heard
    assert heard.whole or connection.ended == "reset", f"cut off: {connection.data[-300:]!r}"
    if not heard.responses:
        assert not one.said.strip(b"\r\n"), f"silence ({connection.ended})"
        return heard
    last = heard.responses[-1].status
    assert not one.status or last in one.status, f"status {last} instead of {sorted(one.status)}"
    if last == 101:
        _judge_websocket(one, connection, heard)
    if one.asked is not None:
        hearing.check_owed(one.asked, one.code, heard)
    return heard


def _judge_websocket(one: Input, connection: Connection, heard: Heard) -> None:
    code = heard.close_code
    assert not one.close or code in one.close, f"close code {code} instead of {sorted(one.close)}"
    # Who neither closes nor answers a ping is taken for gone: that is the one end without a word.
    assert code is not None or heard.opcodes(PING), f"an end without a close frame ({connection.ended})"


# Whether the node is well.


class Health:
    """Good requests, whose answers are known."""

    def __init__(self, node) -> None:
        model = ChainModel(CHAIN)
        self._node = node
        self._asked = 0
        self._balance = model.answer("eth_getBalance", [ADDRESS, "0x64"], 500)

    async def check(self) -> None:
        self._asked += 1
        call_id = f"good-{self._asked}"
        params = [ADDRESS, "0x64"]
        body = msgspec.json.encode(
            {"jsonrpc": "2.0", "id": call_id, "method": "eth_getBalance", "params": params}
        )
        right = {"jsonrpc": "2.0", "id": call_id, "result": self._balance}
        heard = await self._hear(valid(body, (b"connection", b"close")), 0)
        assert [it.status for it in heard.responses] == [200], heard
        assert msgspec.json.decode(heard.responses[0].body) == right
        if self._asked % WEBSOCKET_EVERY == 0:
            heard = await self._hear(HANDSHAKE + frame(TEXT, body), 1)
            assert [msgspec.json.decode(it) for it in heard.opcodes(TEXT)] == [right], heard
            assert heard.close_code == 1000

    async def _hear(self, data: bytes, messages: int) -> Heard:
        connection = Connection(await self._node.stage.client.connect(self._node.address))
        try:
            with trio.fail_after(ANSWER_WITHIN):
                connection.stream.write(data)
                if messages:
                    await connection.until(lambda: len(hearing.read(connection.data).frames) >= messages)
                    connection.stream.write(close_frame(1000))
                await connection.over()
        finally:
            connection.stream.close()
        return hearing.read(connection.data)


def living_objects() -> Counter[str]:
    """How many objects of the actors there are, by type: what a node holds on to shows here."""
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    names = (f"{it.__module__}.{it.__qualname__}" for it in kinds)
    return Counter(name for name in names if name.startswith("actors."))


class Played(msgspec.Struct):
    inputs: int
    statuses: Counter
    closes: Counter
    codes: Counter
    slowest: tuple[float, str]
    log: CountingLog


_CACHES = (
    "battle.actors.chain.",
    "battle.actors.gateway.policy.benchmark._Measure",
    "battle.actors.gateway.policy.retry._Second",
)
"""What may differ from one moment to the next: caches, each with a limit of its own."""


def play(world, make_node, inputs: Iterable[Input], *, end_within=END_WITHIN, warm_up=0) -> Played:
    """Play inputs at one node, one after another; `warm_up` of them before the node's objects are counted."""
    current: list[Input] = []
    played = Played(0, Counter(), Counter(), Counter(), (0.0, ""), CountingLog())

    async def main(stage):
        node = await make_node(stage)
        played.log = node.world.log
        health = Health(node)
        await health.check()
        before = await _settled(node)
        for one in inputs:
            current[:] = [one]
            await _play_one(node, health, one, played, end_within)
            current.clear()
            if played.inputs == warm_up:
                before = await _settled(node)
        after = await _settled(node)
        stray = _STRAY if isinstance(node.world, SimulatedNode) else _LIVE_STRAY
        assert after - before <= stray, f"more than before: {after - before}"

    try:
        with patch.object(worlds, "LIMIT_SECONDS", VIRTUAL_LIMIT):
            world(main)
    except Exception as error:
        if not current:
            raise
        raise AssertionError(f"input {played.inputs + 1}: {current[0]}") from error
    return played


_STRAY = Counter({"battle.actors.world.simulated.clock.EventTimer": 8})
"""What may be there by chance: chains publish and pools are swept, so timers come and go."""


_LIVE_STRAY = Counter({"tasks": 8, "open streams": 8})
"""Connections to providers are kept for a minute, and the whole stage is one process."""


async def _play_one(node, health, one: Input, played: Played, end_within) -> None:
    began = process_time()
    connection, _ = await exchange(node, one, end_within)
    thought = process_time() - began
    heard = judge(one, connection)
    assert thought < THINK_WITHIN, f"{thought:.1f} s of the processor"
    await health.check()
    played.inputs += 1
    played.slowest = max(played.slowest, (thought, one.name))
    played.statuses.update(it.status for it in heard.responses)
    played.closes.update([heard.close_code])
    for text in heard.texts:
        answers = hearing.answers_of(text)
        played.codes.update(int(it["error"]["code"]) for it in answers if "error" in it)


async def _settled(node) -> Counter[str]:
    """What is there when all that was idle or cancelled has run out."""
    counts: Counter[str] = Counter()
    if isinstance(node.world, SimulatedNode):
        await node.stage.sleep(seconds(200))
        living = living_objects().items()
        counts.update({name: it for name, it in living if not name.startswith(_CACHES)})
    else:
        await node.stage.sleep(ms(300))  # too short for more than what is held open
    usage = node.world.usage()
    counts["tasks"] = usage.tasks
    counts["open streams"] = usage.open_fds
    return counts


def made(make: Callable[[Random, str], Input], count: int, seed: int = 0) -> Iterable[Input]:
    """Inputs that depend on the seed and their number alone: each can be made again."""
    return (make(Random(f"{make.__name__}:{seed}:{number}"), f"#{number}") for number in range(count))


@asynccontextmanager
async def connected(node):
    """A connection that is left in good order."""
    connection = Connection(await node.stage.client.connect(node.address))
    try:
        yield connection
    finally:
        connection.stream.close()
