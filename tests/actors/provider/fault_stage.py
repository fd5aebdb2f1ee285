"""What a client meets before a fault, under it and after it, and what it may ask."""

import msgspec

from battle.actors.chain.model import ChainModel
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.units import ms
from tests.actors.provider.stage import CHAIN, decoded, play

MODEL = ChainModel(CHAIN)
HEAD = CHAIN.start_height
"""A block takes two seconds: these tests are over before the next one comes, unless they wait for it."""

BUSY = next(height for height in range(HEAD, 0, -1) if MODEL.block_at(height).receipts)
TRANSACTION = MODEL.block_at(BUSY).transactions[0]["hash"]


def call(method, *params):
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


CHAIN_ID = call("eth_chainId")
BLOCK_NUMBER = call("eth_blockNumber")
NEWEST = call("eth_getBlockByNumber", "latest", False)
BALANCE = call("eth_getBalance", "0x" + "12" * 20, "latest")


async def deliver(stage, provider, message):
    provider.tell(message)
    await stage.sleep(ms(10))


def before_under_after(world, fault, *bodies, meet=None, **spec):
    """What the client meets when it asks before the fault, under it and after it, and what the log says of that.

    Returns three lists and the log's fault ids in three lists.
    """
    meet = meet or answer

    async def script(stage, provider):
        met = []
        for message in (None, ApplyFault("f1", fault), RevertFault("f1")):
            if message is not None:
                await deliver(stage, provider, message)
            met.append([await meet(provider, body) for body in bodies])
        log = await provider.logged(3 * len(bodies))
        size = len(bodies)
        return (
            met,
            [[event.fault_id for event in log[at : at + size]] for at in range(0, 3 * size, size)],
            log,
        )

    return play(world, script, **spec)


async def answer(provider, body):
    return decoded(await provider.ask(body))


async def response(provider, body):
    found = await provider.ask(body)
    return found.status, found.headers.get(b"content-type"), found.body


def signs(count, fault_id="f1"):
    return [[None] * count, [fault_id] * count, [None] * count]
