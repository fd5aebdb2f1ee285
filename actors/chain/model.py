"""The chain model: what a node that knows the chain up to a head answers to a call. Pure."""

from copy import copy
from functools import lru_cache
from typing import Any

from battle.actors.chain.blocks import Block
from battle.actors.chain.branches import fork_of
from battle.actors.chain.facts import Facts
from battle.actors.chain.methods import METHODS
from battle.actors.chain.parameters import Params
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import METHOD_NOT_FOUND, RpcError

_BRANCHES_KEPT = 4
"""Views of branches that are kept, with the blocks they built: there is seldom more than one reorg at a time."""

_MODELS_KEPT = 8
"""Models that `model_of` keeps: a run has one chain, and seldom a wrong one beside it."""


class ChainModel:
    """A whole chain, without storage: each answer follows from (chain, method, parameters, head).

    It is coherent as a real chain is: blocks link to their parents, transactions, receipts and logs agree
    with the blocks they stand in, and hashes find what they are the hashes of. Two models of equal `Chain`
    give equal answers.

    A model sees one branch of its chain: the main one, or what `branched` gives.
    """

    def __init__(self, spec: Chain) -> None:
        self.spec = spec
        self._facts = self._trunk = Facts(spec)
        self._branches: dict[int, Facts] = {}

    @property
    def fork_height(self) -> int | None:
        """The height of the first block that the main branch does not have; None on the main branch."""
        return self._facts.branch.fork_height

    def head_at(self, now_ns: int) -> int:
        """The height of the newest block at `now_ns` since the run's epoch."""
        return self.spec.start_height + now_ns // self.spec.block_time

    def time_of(self, height: int) -> int:
        """When the block of this height became the newest, in ns since the run's epoch; below 0 for older ones."""
        return (height - self.spec.start_height) * self.spec.block_time

    def answer(self, method: str, params: Params, head: int) -> Any:
        """The result of a call as plain data, which is shared: do not change it.

        Raises:
            RpcError: an error is the answer: -32601 for an unknown method, -32602 for wrong parameters,
                -32000 for state that is not known at `head`, -32005 for a log query that is too wide, 3 for a
                call that reverts (`methods.REVERTING_SELECTOR`).
        """
        function = METHODS.get(method)
        if function is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        return function(self._facts, params, head)

    def branched(self, fork_height: int) -> "ChainModel":
        """The same chain as a node sees it that follows the branch whose first own block is at `fork_height`."""
        facts = self._branches.get(fork_height)
        if facts is None:
            if len(self._branches) >= _BRANCHES_KEPT:
                self._branches.pop(next(iter(self._branches)))
            facts = self._branches[fork_height] = Facts(self.spec, self._trunk, fork_height)
        branch = copy(self)
        branch._facts = facts
        return branch

    def fork_named_by(self, block_hash: str) -> int | None:
        """The fork height of the branch whose block has this well-formed hash; None for the main one, or no block."""
        return fork_of(self._facts.hashes, block_hash)

    def block_at(self, height: int) -> Block:
        """All facts of the block at `height`, however far the head is; shared: do not change them."""
        return self._facts.blocks.at(height)

    def block_hash(self, height: int) -> str:
        """The hash of the block at `height`."""
        return self._facts.branch.block_hash(height)

    def token(self, number: int) -> str:
        """The address of one of the contracts that emit logs."""
        return self._facts.accounts.token(number)


@lru_cache(_MODELS_KEPT)
def model_of(spec: Chain) -> ChainModel:
    """The model of a chain, one for all providers in this process.

    The nodes of a simulation are one process: what one provider has built of the chain, the others need not build
    again, nor keep. Who checks answers has a model of its own: it must not believe what a provider did to its own.
    """
    return ChainModel(spec)
