"""Chains for tests, and short ways to ask them."""

import msgspec
from hypothesis import strategies as st

from battle.actors.chain import oracle as oracle
from battle.actors.chain.model import ChainModel
from battle.actors.spec.chain import Chain

CHAIN = Chain(seed=7, chain_id=5, start_height=1000, history=1000)
"""All of it is there, from block 0 on."""
MODEL = ChainModel(CHAIN)
HEAD = 1200

PERSON = "0x" + "12" * 20
HASH = "0x" + "34" * 32

heights = st.integers(0, HEAD)


def ask(method, *params, head=HEAD, model=MODEL):
    return model.answer(method, list(params), head)


def block(height, full=True, head=HEAD):
    return ask("eth_getBlockByNumber", hex(height), full, head=head)


def as_json(data) -> bytes:
    return msgspec.json.encode(data)


def judge(*arguments, **more) -> oracle.Judgement:
    """What an answer is worth, without the rest of what the oracle says of it."""
    return oracle.judge(*arguments, **more).answer
