"""Scripted providers that publish one chain over WebSocket and serve it over HTTP, and a client that subscribes.

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a)
        client = await ws_client(stage, gateway)
        subscription = await client.subscribe("newHeads")

The chain's head is `START` at the run's epoch and advances every `BLOCK`. What a provider does wrong is in its
attributes, and may be changed at any time.
"""

import msgspec
import trio

from battle.actors.spec.gateways import Breaker, EmbeddedGateway, Retry
from battle.actors.spec.limits import HttpLimits
from battle.actors.units import ms
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.websocket.endpoints import (
    CLIENT_LIMITS,
    WebSocket,
    accept_websocket,
    connect_websocket,
)
from battle.store.events import BreakerChanged, GapFilled, SubscriptionChanged

BLOCK = ms(200)
START = 1000
ADDRESSES = ["0x" + "aa" * 20, "0x" + "bb" * 20]
TOPIC = "0x" + "11" * 32


def hash_of(number, branch=0):
    return f"0x{branch:08x}{number:056x}"


def header(number, branch=0):
    return {"number": hex(number), "hash": hash_of(number, branch), "parentHash": hash_of(number - 1, branch)}


def logs_of(number, branch=0):
    """Two in each block: the first at one address, the second at the other."""
    return [
        {
            "address": address,
            "topics": [TOPIC],
            "data": "0x",
            "blockNumber": hex(number),
            "blockHash": hash_of(number, branch),
            "logIndex": hex(index),
            "removed": False,
        }
        for index, address in enumerate(ADDRESSES)
    ]


def matches(log, wanted):
    addresses = wanted.get("address") or ADDRESSES
    return log["address"] in addresses


class ChainProvider:
    """`sockets` are its WebSockets with their subscriptions; `calls` is what was asked over HTTP."""

    def __init__(self, world, name) -> None:
        self.world = world
        self.name = name
        self.address = ""
        self.sockets = []
        self.calls = []
        self.upgrades = 0
        self.lag = 0
        self.refuses_upgrade: int | None = None
        self.rejects = set()
        self.stalled = False
        self.missed = set()
        self.twice = set()
        self.late = set()
        self.fails_fills = False
        self.silent_answers = False
        self._scope = trio.CancelScope()
        self._published = None

    @property
    def head(self):
        return START + self.world.now_ns() // BLOCK - self.lag

    def subscribed(self, kind):
        return [name for socket in self.sockets for name, it in socket.subscriptions.items() if it[0] == kind]

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._publish_always)
                await self.world.serve(self.address, self._handle, task_status=task_status)

    def stop(self) -> None:
        """All connections end, and new ones are refused."""
        self._scope.cancel()

    async def _publish_always(self):
        last = self.head
        while True:
            await self.world.sleep_until((self.world.now_ns() // BLOCK + 1) * BLOCK)
            for number in range(last + 1, self.head + 1):
                self._publish(number)
            last = max(last, self.head)

    def _publish(self, number):
        if self.stalled or number in self.missed or number in self.late:
            return
        numbers = [number]
        if number - 1 in self.late:
            numbers.append(number - 1)
        if number in self.twice:
            numbers.append(number)
        for each in numbers:
            for socket in list(self.sockets):
                socket.publish(each)

    async def _handle(self, stream) -> None:
        parser = RequestParser(HttpLimits())
        while True:
            while (request := parser.next_request()) is None:
                data = await stream.receive_some()
                if not data:
                    return
                parser.feed(data)
                await trio.lowlevel.checkpoint()
            if request.wants_websocket:
                await self._upgrade(stream, request, parser)
                return
            self.calls.append(msgspec.json.decode(request.body))
            if not self.silent_answers:
                stream.write(encode_response(200, self.answer(request.body)))

    async def _upgrade(self, stream, request, parser):
        self.upgrades += 1
        if self.refuses_upgrade is not None:
            stream.write(encode_response(self.refuses_upgrade, b"no", keep_alive=False))
            return
        socket = _Socket(self)

        def upgrade(receive, lost):
            stream.on_data(receive, lost)
            return parser.after_upgrade

        socket.websocket = accept_websocket(
            self.world, stream, request, upgrade, on_message=socket.take, on_ended=socket.ended
        )
        self.sockets.append(socket)
        try:
            await socket.websocket.wait_closed()
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)

    def answer(self, body):
        asked = msgspec.json.decode(body)
        if isinstance(asked, list):
            return msgspec.json.encode([self.answer_one(call) for call in asked])
        return msgspec.json.encode(self.answer_one(asked))

    def answer_one(self, call):
        said = {"jsonrpc": "2.0", "id": call["id"]}
        method, params = call["method"], call.get("params", [])
        if method == "eth_blockNumber":
            return said | {"result": hex(self.head)}
        if self.fails_fills:
            return said | {"error": {"code": -32000, "message": "no"}}
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            block = header(number) | {"transactions": ["0x1"], "size": "0x1", "uncles": []}
            return said | {"result": block if number <= self.head else None}
        if method == "eth_getLogs":
            heights = range(
                int(params[0]["fromBlock"], 16), min(int(params[0]["toBlock"], 16), self.head) + 1
            )
            found = [log for number in heights for log in logs_of(number) if matches(log, params[0])]
            return said | {"result": found}
        return said | {"result": f"{self.name}:{method}"}


class _Socket:
    def __init__(self, provider) -> None:
        self.provider = provider
        self.websocket: WebSocket | None = None
        self.subscriptions = {}
        self.heard = []

    def ended(self, ended) -> None:
        if self in self.provider.sockets:
            self.provider.sockets.remove(self)

    def take(self, text, arrived_ns) -> None:
        call = msgspec.json.decode(text)
        self.heard.append(call)
        said = {"jsonrpc": "2.0", "id": call["id"]}
        if self.provider.silent_answers:
            return
        if call["method"] == "eth_subscribe":
            if call["params"][0] in self.provider.rejects:
                self.say(said | {"error": {"code": -32000, "message": "not here"}})
                return
            name = f"{self.provider.name}{len(self.heard)}"
            self.subscriptions[name] = call["params"]
            self.say(said | {"result": name})
        elif call["method"] == "eth_unsubscribe":
            self.say(said | {"result": self.subscriptions.pop(call["params"][0], None) is not None})
        else:
            self.say(self.provider.answer_one(call))

    def say(self, value) -> None:
        self.websocket.send(msgspec.json.encode(value))

    def publish(self, number) -> None:
        for name, (kind, *rest) in self.subscriptions.items():
            for result in self._results(kind, rest, number):
                params = {"subscription": name, "result": result}
                self.say({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})

    def _results(self, kind, rest, number):
        if kind == "newHeads":
            return [header(number)]
        if kind == "logs":
            return [log for log in logs_of(number) if matches(log, rest[0])]
        return [hash_of(number, 7)]


async def chain_provider(stage, name, **traits) -> ChainProvider:
    provider = ChainProvider(stage.world(name), name)
    for trait, value in traits.items():
        assert hasattr(provider, trait)
        setattr(provider, trait, value)
    return await stage.add(provider)


def ws_spec(**settings):
    """Settings in which things happen within a few of the stage's blocks."""
    defaults = {
        "retry": Retry(attempt_timeout=ms(500), deadline=ms(2000), budget_floor=1000),
        "breaker": Breaker(open_for=ms(1000), jitter_ratio=0),
    }
    return EmbeddedGateway(**(defaults | settings))


async def ws_gateway(stage, *providers, **settings):
    return await stage.gateway(ws_spec(**settings), *providers, block_time=BLOCK)


class WsPeer:
    """A client. `notes` holds the results it got, by subscription."""

    def __init__(self) -> None:
        self.websocket: WebSocket | None = None
        self.notes = {}
        self.answers = []
        self.ends = []
        self._ids = 0
        self._changed = trio.Event()

    def _take(self, text, arrived_ns) -> None:
        message = msgspec.json.decode(text)
        if isinstance(message, dict) and message.get("method") == "eth_subscription":
            params = message["params"]
            self.notes.setdefault(params["subscription"], []).append(params["result"])
        else:
            self.answers.append(message)
        self._wake()

    def _end(self, ended) -> None:
        self.ends.append(ended)
        self._wake()

    def _wake(self):
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition):
        while not condition():
            await self._changed.wait()

    def send(self, value) -> None:
        self.websocket.send(value if isinstance(value, bytes) else msgspec.json.encode(value))

    async def call(self, method, *params):
        """The whole answer to a call."""
        self._ids += 1
        mine = self._ids
        self.send({"jsonrpc": "2.0", "id": mine, "method": method, "params": params})

        def found():
            return [it for it in self.answers if isinstance(it, dict) and it["id"] == mine]

        await self.until(found)
        return found()[0]

    async def subscribe(self, *params):
        """The subscription's id."""
        answer = await self.call("eth_subscribe", *params)
        return answer["result"]

    async def heads(self, subscription, count):
        """The numbers of the first `count` heads or logs."""
        await self.until(lambda: len(self.notes.get(subscription, ())) >= count)
        return self.numbers(subscription)

    def numbers(self, subscription):
        return [int(it.get("number") or it["blockNumber"], 16) for it in self.notes.get(subscription, ())]

    async def ended(self):
        await self.until(lambda: self.ends)
        return self.ends[0]


async def ws_client(stage, gateway, **options) -> WsPeer:
    peer = WsPeer()
    peer.websocket = await connect_websocket(
        stage.client,
        gateway.address,
        on_message=peer._take,
        on_ended=peer._end,
        limits=CLIENT_LIMITS,
        **options,
    )
    stage.sockets.append(peer.websocket)
    return peer


def unbroken(numbers):
    """Each once, in order, none left out."""
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def gaps(log):
    return [
        (
            it.kind,
            it.reason,
            it.outcome,
            it.filled,
            it.from_provider,
            it.to_provider,
            it.first_number,
            it.last_number,
        )
        for it in log.of(GapFilled)
    ]


def life(log, provider):
    """What became of the gateway's connections to a provider, and of what they carry."""
    return [(it.change, it.kind) for it in log.of(SubscriptionChanged) if it.name == provider]


def breakers(log):
    return [
        (it.provider, it.from_state, it.to_state) for it in log.of(BreakerChanged) if it.transport == "ws"
    ]
