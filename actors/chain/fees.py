"""What gas costs: eth_gasPrice and eth_feeHistory, from the blocks."""

from typing import Any

from battle.actors.chain.facts import Facts
from battle.actors.chain.headers import GAS_LIMIT, HIGHEST_BASE_FEE_WEI, LOWEST_BASE_FEE_WEI

MAX_FEE_BLOCKS = 128
"""How far a fee history reaches; a request for more gets this much, as real nodes do."""

_TIP_WEI = 2 * 10**9
assert LOWEST_BASE_FEE_WEI + _TIP_WEI > HIGHEST_BASE_FEE_WEI, "the price is enough for any block to come"


def gas_price(facts: Facts, height: int) -> int:
    """The price that gets a transaction into one of the next blocks, in wei."""
    return facts.base_fee_wei(height) + _TIP_WEI


def history(facts: Facts, count: int, newest: int, percentiles: list[float] | None) -> dict[str, Any]:
    """The answer of eth_feeHistory for `count` blocks up to `newest`."""
    oldest = newest - min(count, MAX_FEE_BLOCKS, newest + 1) + 1
    chosen = [facts.blocks.at(height) for height in range(oldest, newest + 1)]
    answer: dict[str, Any] = {
        "oldestBlock": hex(oldest),
        "baseFeePerGas": [hex(facts.base_fee_wei(height)) for height in range(oldest, newest + 2)],
        "gasUsedRatio": [block.gas_used / GAS_LIMIT for block in chosen],
    }
    if percentiles:
        answer["reward"] = [[hex(block.tip_at(share)) for share in percentiles] for block in chosen]
    return answer
