"""Everything goes wrong all the time, drawn from a seed: what clients see must still be what the log says."""

from itertools import pairwise
from random import Random

import pytest
import trio

from battle.actors.spec.gateways import Breaker
from battle.actors.units import ms
from battle.store.events import GapFilled
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import BLOCK, START, chain_provider, ws_client, ws_gateway

STEPS = 150


class Weather:
    """Afflicts the providers, one at a time."""

    def __init__(self, stage, providers, seed) -> None:
        self._stage = stage
        self._providers = providers
        self._random = Random(seed)
        self._down = set()

    async def step(self):
        provider = self._random.choice(self._providers)
        await getattr(self, "_" + self._random.choice(AFFLICTIONS))(provider)
        await self._stage.sleep(self._random.randrange(ms(20), 3 * BLOCK))

    async def _stop(self, provider):
        self._down.add(provider)
        provider.stop()

    async def _heal(self, provider):
        provider.stalled = provider.silent_answers = provider.fails_fills = False
        provider.refuses_upgrade, provider.rejects, provider.lag = None, set(), 0
        if provider in self._down:
            self._down.remove(provider)
            await self._stage.start(provider)

    async def _stall(self, provider):
        provider.stalled = True

    async def _mute(self, provider):
        provider.silent_answers = True

    async def _refuse(self, provider):
        provider.refuses_upgrade = 503

    async def _reject(self, provider):
        provider.rejects = {self._random.choice(["newHeads", "logs"])}

    async def _fail_fills(self, provider):
        provider.fails_fills = True

    async def _lag(self, provider):
        provider.lag = self._random.randrange(1, 4)

    async def _drop(self, provider):
        for socket in list(provider.sockets):
            self._random.choice([socket.websocket.abort, socket.websocket.close])()

    async def _mangle(self, provider):
        now = START + self._stage.now_ns() // BLOCK
        trait = self._random.choice(["missed", "twice", "late"])
        setattr(provider, trait, {now + self._random.randrange(1, 8) for _ in range(3)})

    async def _babble(self, provider):
        for socket in list(provider.sockets):
            socket.websocket.send(self._random.choice(['{"jsonrpc":"2.0","id":1}', "[]", "{", '"x"']))


AFFLICTIONS = [
    "stop", "heal", "heal", "stall", "mute", "refuse", "reject", "fail_fills", "lag", "drop", "mangle", "babble",
]  # fmt: skip


async def churn(stage, gateway, random, clients):
    """Clients come and go meanwhile."""
    for _ in range(STEPS // 2):
        await stage.sleep(random.randrange(ms(20), 4 * BLOCK))
        client = await ws_client(stage, gateway)
        client.send({"jsonrpc": "2.0", "id": 0, "method": "eth_subscribe", "params": ["newHeads"]})
        client.send({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["logs"]})
        clients.append(client)
        if len(clients) > 3:
            random.choice([clients[0].websocket.close, clients[0].websocket.abort])()
            del clients[0]


def holes(numbers):
    return [
        number for earlier, later in pairwise(sorted(set(numbers))) for number in range(earlier + 1, later)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_what_clients_miss_is_what_the_log_says_they_missed(seed):
    async def main(stage):
        providers = [await chain_provider(stage, name) for name in ("a", "b", "c")]
        breaker = Breaker(failure_threshold=3, open_for=ms(700))
        gateway = await ws_gateway(stage, *providers, breaker=breaker)
        steady = await ws_client(stage, gateway)
        heads = await steady.subscribe("newHeads")
        logs = await steady.subscribe("logs")
        weather, random, clients = Weather(stage, providers, seed), Random(-seed), []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(churn, stage, gateway, random, clients)
            for _ in range(STEPS):
                await weather.step()
        for provider in providers:
            await weather._heal(provider)
        await stage.sleep(40 * BLOCK)  # longer than the longest pause between two tries
        now = START + stage.now_ns() // BLOCK
        return steady.numbers(heads), steady.numbers(logs), now, list(stage.log), list(steady.ends)

    heads, logs, now, log, ends = simulated(main, seed=seed)
    assert ends == []
    assert heads == sorted(set(heads)), "nothing twice, nothing out of order: there was no reorg"
    assert heads[-1] >= now - 1, "it goes on"
    assert max(logs.count(number) for number in set(logs)) == 2, "two logs in each block"
    owned_up = {"newHeads": set(), "logs": set()}
    for gap in log:
        if (
            isinstance(gap, GapFilled)
            and gap.outcome in ("partly", "failed")
            and gap.first_number is not None
        ):
            assert gap.last_number is not None
            owned_up[gap.kind].update(range(gap.first_number, gap.last_number + 1))
    assert set(holes(heads)) <= owned_up["newHeads"]
    assert set(holes(logs)) <= owned_up["logs"]
    assert len(heads) > 50
    assert any(isinstance(gap, GapFilled) and gap.filled for gap in log)
