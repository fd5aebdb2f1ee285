"""What a node receives: its role at the start, and the messages it takes while it runs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from battle.actors.addresses import Address
from battle.actors.spec.base import Spec
from battle.actors.spec.chain import Chain, Pace
from battle.actors.spec.collection import COLLECTED, Collected
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.faults.behaviour import BehaviourFault
from battle.actors.spec.faults.kinds import KINDS
from battle.actors.spec.faults.process import ProcessFault
from battle.actors.spec.faults.transport import TransportFault
from battle.actors.spec.faults.websocket import WebSocketFault
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.workloads import Workload
from battle.actors.units import Duration, seconds

_HASH_BYTES = 32


class ChainHistory(Spec, frozen=True):
    """The names of all that is on a chain when a run begins, oldest first: 32 bytes for each block, 32 for each
    transaction, and a byte for each block that says how many transactions it has."""

    blocks: bytes
    transactions: bytes
    counts: bytes

    def block_hashes(self) -> list[bytes]:
        """The hash of each block."""
        return _split(self.blocks)

    def transactions_by_block(self) -> Iterator[list[bytes]]:
        """The hashes of each block's transactions."""
        hashes = _split(self.transactions)
        end = 0
        for count in self.counts:
            begin, end = end, end + count
            yield hashes[begin:end]


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[begin : begin + _HASH_BYTES] for begin in range(0, len(hashes), _HASH_BYTES)]


class ProviderRole(Spec, frozen=True, tag="provider"):
    """All a node needs to be a provider. What it does not get of the chain's history it works out itself."""

    spec: MockProvider
    address: Address
    chain: Chain
    history: ChainHistory | None = None


class LinkRole(Spec, frozen=True, tag="link"):
    """All a node needs to be the link before the upstream `name`."""

    name: str
    address: Address
    upstream: Endpoint
    ws_upstream: Endpoint
    requests_per_second: float = 0.0
    """So many calls may go to the upstream; 0: as many as come."""


class Upstream(Spec, frozen=True):
    """A provider as a gateway knows it."""

    name: str
    address: Address


class GatewayRole(Spec, frozen=True, tag="gateway"):
    """All a node needs to be the embedded gateway. The order of `upstreams` is their priority.

    `block_time` is the chain's: how soon a provider that publishes nothing counts as failed follows from it.
    """

    spec: EmbeddedGateway
    address: Address
    upstreams: tuple[Upstream, ...]
    block_time: Duration = seconds(2)


class WorkloadRole(Spec, frozen=True, tag="workload"):
    """All a node needs to be one shard of a workload: it sends every `shards`-th request from `shard` on.

    `seed` is the run's: arrivals and choices follow from it and `index` alone, not from the node's name, so
    that shards agree. `index` numbers the workloads of a run from 0. `canned` lists, per method, the fixed
    answers that some provider of the run may give instead of the chain model's, and `only_canned` the methods of
    which every provider has one. `checks_answers` is off for upstreams that serve another chain than ours.
    `may_be_parted`: a partition between it and the gateway is planned. `provider_header`: a response may say which
    provider it came from. `ahead_blocks`: so far a fault of the plan puts a provider ahead of
    the chain.
    """

    spec: Workload
    index: int
    shard: int
    endpoint: Endpoint
    chain: Chain
    seed: int
    canned: dict[str, list[Any]] = {}
    checks_answers: bool = True
    may_be_parted: bool = False
    only_canned: list[str] = []
    provider_header: bool = True
    history: ChainHistory | None = None
    ahead_blocks: int = 0


Role: TypeAlias = ProviderRole | LinkRole | GatewayRole | WorkloadRole


class NodeSpec(Spec, frozen=True):
    """What a node receives at its start."""

    role: Role
    collect: tuple[Collected, ...] = COLLECTED


NodeFault: TypeAlias = BehaviourFault | TransportFault | WebSocketFault
"""All faults but those of processes, which happen to a node and not in it."""
if not TYPE_CHECKING:  # which cannot know what is in a folder
    NodeFault = Union[(NodeFault, *(kind for kind in KINDS if not issubclass(kind, ProcessFault)))]


class ApplyFault(Spec, frozen=True, tag="apply"):
    """From now on this fault holds. The fault's own times are the plan's business and mean nothing here."""

    fault_id: str
    fault: NodeFault


class RevertFault(Spec, frozen=True, tag="revert"):
    """The fault's hold ends."""

    fault_id: str


class Begin(Spec, frozen=True, tag="begin"):
    """The load's time zero: the moment all schedules count from. To be sent a little ahead of it.

    A node that is started again in the middle of a run gets the same `at_ns`, and in `away_since_ns` the
    moment its predecessor died: what was due from then until now counts as dropped, and is not sent.
    """

    at_ns: int
    away_since_ns: int | None = None
    paces: tuple[Pace, ...] = ()
    """Those of the chain in this run: by them an answer is known for right or stale."""


class ChainPaces(Spec, frozen=True, tag="paces"):
    """How fast the blocks of the chain come about, from when on. To be sent before the first of these moments."""

    paces: tuple[Pace, ...]


Message: TypeAlias = ApplyFault | RevertFault | Begin | ChainPaces
