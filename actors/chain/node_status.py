"""What a node says of itself, its peers and the market, whatever block is asked about. Pure."""

from collections.abc import Callable
from typing import Any

from battle.actors.chain import parameters
from battle.actors.chain.facts import Facts
from battle.actors.chain.keccak import keccak
from battle.actors.chain.parameters import Params, positional
from battle.actors.spec.providers import NodeSoftware

SYNCING = "eth_syncing"

PEERS = 50
"""With how many other nodes each node is connected; as many as geth has at most by default."""

_TIP_WEI = 10**9
_NO_BLOBS_WEI = 1
"""The base fee of blobs on a chain without any: the lowest that there is (EIP-4844)."""

_SYNCED_WITHIN_BLOCKS: dict[NodeSoftware, int] = {"geth": 0, "erigon": 0, "nethermind": 8}
"""How far behind the newest block it has heard of a node may be and call itself synced."""


def is_syncing(software: NodeSoftware, head: int, newest: int) -> bool:
    """Whether a node whose head is at `head`, and which has heard of a block at `newest`, says that it is syncing."""
    return newest - head > _SYNCED_WITHIN_BLOCKS[software]


def sync_progress(head: int, newest: int) -> dict[str, str]:
    """What `eth_syncing` answers at such a node."""
    return {"startingBlock": hex(head), "currentBlock": hex(head), "highestBlock": hex(newest)}


def read_sync_progress(result: Any) -> tuple[int, int] | None:
    """The head, and the newest block, in an answer to `eth_syncing`; None when it is none, or contradicts itself."""
    if not isinstance(result, dict):
        return None
    try:
        began, head, newest = (
            int(result[name], 16) for name in ("startingBlock", "currentBlock", "highestBlock")
        )
    except (KeyError, TypeError, ValueError):
        return None
    return (head, newest) if began <= head < newest else None


def _listening(_facts: Facts, params: Params, _head: int) -> bool:
    positional(params, 0, 0)
    return True


def _peer_count(_facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return hex(PEERS)


def _accounts(_facts: Facts, params: Params, _head: int) -> list[str]:
    """It keeps no keys, as nodes that serve others do not."""
    positional(params, 0, 0)
    return []


def _priority_fee(_facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return hex(_TIP_WEI)


def _blob_base_fee(_facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return hex(_NO_BLOBS_WEI)


def _keccak(_facts: Facts, params: Params, _head: int) -> str:
    return "0x" + keccak(bytes.fromhex(parameters.data(positional(params, 1, 1)[0], "0")[2:])).hex()


NODE_STATUS: dict[str, Callable[[Facts, Params, int], Any]] = {
    "eth_accounts": _accounts,
    "eth_blobBaseFee": _blob_base_fee,
    "eth_maxPriorityFeePerGas": _priority_fee,
    "net_listening": _listening,
    "net_peerCount": _peer_count,
    "web3_sha3": _keccak,
}
"""Each of these methods, by its name."""
