"""A client that talks to one provider over WebSocket, and what the provider logged of it."""

from contextlib import asynccontextmanager

import msgspec

from battle.actors.chain.model import ChainModel
from battle.actors.roles import ApplyFault
from battle.actors.spec.chain import Chain
from battle.actors.units import ms
from battle.actors.wire.websocket.endpoints import connect_websocket
from battle.store.events import FaultActed
from tests.actors.provider.stage import play
from tests.actors.wire.websocket.stage import Recorder

QUICK = Chain(start_height=500, block_time=ms(100))
MODEL = ChainModel(QUICK)


class WsClient(Recorder):
    """A WebSocket client of a provider that speaks JSON-RPC."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def post(self, method, *params):
        self.calls += 1
        body = {"jsonrpc": "2.0", "id": f"w0-{self.calls}", "method": method, "params": params}
        self.websocket.send(msgspec.json.encode(body))
        return f"w0-{self.calls}"

    async def ask(self, method, *params):
        """The answer to one call, wherever it comes among the messages."""
        call_id = self.post(method, *params)
        await self.until(lambda: any(one.get("id") == call_id for one in self.decoded))
        return next(one for one in self.decoded if one.get("id") == call_id)

    async def subscribe(self, kind="newHeads", *more):
        return (await self.ask("eth_subscribe", kind, *more))["result"]

    @property
    def decoded(self):
        return [msgspec.json.decode(message) for message in self.messages]

    def notified(self, subscription):
        notes = [one["params"] for one in self.decoded if one.get("method") == "eth_subscription"]
        return [note["result"] for note in notes if note["subscription"] == subscription]

    def numbers(self, subscription):
        return [int(head["number"], 16) for head in self.notified(subscription)]

    async def heads(self, subscription, count):
        await self.until(lambda: len(self.notified(subscription)) >= count)
        return self.numbers(subscription)


@asynccontextmanager
async def client_of(stage, provider):
    client = WsClient()
    client.websocket = await connect_websocket(stage.client, provider.address, **client.callbacks())
    try:
        yield client
    finally:
        client.websocket.abort()


def talk(world, script, **spec):
    """Runs `script(stage, provider, client)`."""

    async def with_client(stage, provider):
        async with client_of(stage, provider) as client:
            return await script(stage, provider, client)

    return play(world, with_client, chain=QUICK, **spec)


def of(provider, kind):
    return [event for event in provider.log if isinstance(event, kind)]


def acted(provider):
    return [(one.fault_id, one.action) for one in of(provider, FaultActed)]


def apply(provider, fault):
    provider.tell(ApplyFault("f1", fault))
