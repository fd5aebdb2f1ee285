"""What a node says of itself and its peers, whatever its chain: whether it is syncing, and how far it is. Pure."""

from battle.actors.spec.providers import NodeSoftware

PEERS = 50
"""With how many other nodes each node is connected; as many as geth has at most by default."""

_SYNCED_WITHIN_BLOCKS: dict[NodeSoftware, int] = {"geth": 0, "erigon": 0, "nethermind": 8}
"""How far behind the newest block it has heard of a node may be and call itself synced."""


def is_syncing(software: NodeSoftware, head: int, newest: int) -> bool:
    """Whether a node whose head is at `head`, and which has heard of a block at `newest`, says that it is syncing."""
    return newest - head > _SYNCED_WITHIN_BLOCKS[software]
