"""A workload over WebSocket and a server that follows a script, with the log as a list, in either world."""

from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import header
from battle.actors.roles import Begin, WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import WsRequests, WsSubscribe
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import ms, seconds
from battle.actors.workload.generator import run_workload
from battle.store.events import GeneratorSampled, NotificationReceived, RequestEnded, SubscriptionChanged
from tests.actors.wire.websocket.stage import Server

CHAIN = Chain(seed=5, start_height=500, block_time=ms(100))
MODEL = ChainModel(CHAIN)
LEAD = ms(20)


def subscribe(connections=1, **more):
    fields: dict[str, Any] = {"duration": ms(500), "connect_over": 0, "timeout": ms(300), "name": "subs"}
    return WsSubscribe(connections=connections, **(fields | more))


def requests(method="eth_chainId", rate=20, **more):
    fields: dict[str, Any] = {"duration": ms(500), "connections": 1, "timeout": ms(300), "name": "asks"}
    return WsRequests(method, rate=rate, **(fields | more))


class Log:
    """What a workload's node logged."""

    def __init__(self, events):
        self.events = events

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def news(self):
        return self.of(NotificationReceived)

    @property
    def requests(self):
        return self.of(RequestEnded)

    @property
    def samples(self):
        return self.of(GeneratorSampled)

    def total(self, field):
        return sum(getattr(sample, field) for sample in self.samples)

    @property
    def changes(self):
        return self.of(SubscriptionChanged)

    def life(self):
        """What happened to connections and subscriptions, without the times."""
        return [(one.connection, one.change, one.subscription) for one in self.changes]

    def details(self, change):
        return [one.detail for one in self.changes if one.change == change]

    def endings(self):
        return [(one.outcome, one.answer, one.failure) for one in self.requests]


class _Control:
    def __init__(self, begin):
        self._mailbox = Mailbox("load")
        self.inbox = self._mailbox.open()
        self._begin = begin

    def ready(self):
        self._mailbox.ref.tell_nowait(self._begin())


async def play(stage, spec, address, *, path="/", begin=None, **role):
    """Run a workload to its end; the last event is its last sample."""
    world = stage.world("load")
    fields: dict[str, Any] = {"index": 0, "shard": 0, "seed": 1, "chain": CHAIN}
    given = WorkloadRole(spec, endpoint=Endpoint(address, path), **(fields | role))
    await run_workload(world, given, _Control(lambda: begin or Begin(world.now_ns() + LEAD)))
    return Log(world.log)


class Script:
    """A server that speaks JSON-RPC as it should; tests change what they want to be wrong.

    `publish` tells all subscriptions of a kind. `sessions` are those of `Server`.
    """

    def __init__(self, stage):
        self.stage = stage
        self.server = Server(stage.world("server"), react=self._react)
        self.world = self.server.world
        self.subscriptions = {}
        self.calls = []
        self.made = 0

    def _react(self, websocket, text):
        call = msgspec.json.decode(text)
        self.calls.append(call)
        method = "on_" + call["method"] if hasattr(self, "on_" + call["method"]) else "on_other"
        getattr(self, method)(websocket, call)

    def on_eth_subscribe(self, websocket, call):
        self.made += 1
        name = f"0x{self.made}"
        self.subscriptions[name] = (websocket, call["params"][0])
        self.result(websocket, call, name)

    def on_eth_unsubscribe(self, websocket, call):
        self.result(websocket, call, self.subscriptions.pop(call["params"][0], None) is not None)

    def on_other(self, websocket, call):
        self.result(websocket, call, self.right(call))

    def right(self, call):
        return MODEL.answer(call["method"], call["params"], MODEL.head_at(self.world.now_ns()))

    def result(self, websocket, call, result):
        websocket.send(msgspec.json.encode({"jsonrpc": "2.0", "id": call["id"], "result": result}))

    def error(self, websocket, call, code=-32000):
        error = {"code": code, "message": "no"}
        websocket.send(msgspec.json.encode({"jsonrpc": "2.0", "id": call["id"], "error": error}))

    def tell(self, websocket, name, result):
        params = {"subscription": name, "result": result}
        body = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        websocket.send(msgspec.json.encode(body))

    def publish(self, result, kind="newHeads"):
        for name, (websocket, wanted) in self.subscriptions.items():
            if wanted == kind:
                self.tell(websocket, name, result)

    async def publish_heads(self):
        """A head at each block's time, to all who have subscribed."""
        height = MODEL.head_at(self.world.now_ns())
        while True:
            height += 1
            await self.world.sleep_until((height - CHAIN.start_height) * CHAIN.block_time)
            self.publish(header(MODEL, height))

    @property
    def websockets(self):
        return [session.websocket for session in self.server.sessions]


@asynccontextmanager
async def serving(stage, script=Script, *, publishing=False):
    """A script at work, and its address."""
    acting = script(stage)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(acting.world.serve, stage.address("server"), acting.server.handle)
        if publishing:
            nursery.start_soon(acting.publish_heads)
        yield acting, address
        nursery.cancel_scope.cancel()


def against(world, script, spec, *, publishing=False, during=None, **role):
    """Play a workload against a script; returns the log and the script."""

    async def main(stage):
        async with serving(stage, script, publishing=publishing) as (acting, address):
            async with trio.open_nursery() as nursery:
                if during is not None:
                    nursery.start_soon(during, stage, acting)
                log = await play(stage, spec, address, **role)
                nursery.cancel_scope.cancel()
            return log, acting

    return world(main)


async def nobody(stage):
    """An address where nobody listens."""
    taken = stage.address("server")
    async with trio.open_nursery() as nursery:
        address = await nursery.start(stage.world("server").serve, taken, trio.lowlevel.checkpoint)
        nursery.cancel_scope.cancel()
    return address


__all__ = [
    "CHAIN",
    "LEAD",
    "MODEL",
    "Log",
    "Script",
    "against",
    "nobody",
    "play",
    "requests",
    "seconds",
    "subscribe",
]
