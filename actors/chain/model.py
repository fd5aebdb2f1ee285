"""The chain model: what a node that knows the chain up to a head answers to a call. Pure."""

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from battle.actors.chain import pool
from battle.actors.chain.blocks import Block
from battle.actors.chain.branches import Branch
from battle.actors.chain.clock import ChainClock
from battle.actors.chain.facts import Facts, facts_of
from battle.actors.chain.journal import Journal
from battle.actors.chain.methods import METHODS, OTHER_ANSWERS
from battle.actors.chain.parameters import Params, unknown_method
from battle.actors.roles import ChainHistory
from battle.actors.shared_lines import LinesInMemory, SharedLines
from battle.actors.spec.chain import Chain

_BRANCHES_KEPT = 4
"""Views of branches that are kept, with the blocks they built: there is seldom more than one reorg at a time."""

_BRANCH_BLOCKS = 1024
"""A branch that began so long ago is no longer looked at: no reorg lasts as long."""

_MODELS_KEPT = 8
"""Models that `model_of` keeps: a run has one chain, and two models of it."""

ModelUser: TypeAlias = Literal["providers", "workloads"]


class ChainModel:
    """A whole chain, without storage: each answer follows from (chain, method, parameters, head).

    It is coherent as a real chain is: blocks link to their parents, transactions, receipts and logs agree
    with the blocks they stand in, and hashes find what they are the hashes of. Two models of equal `Chain`
    give equal answers.

    A model sees one branch of its chain: the main one, or what `branched` gives. What is sent to the chain in a run,
    and where branches begin, is in the lines that all nodes have in common; without them nobody else knows of it.
    """

    def __init__(
        self, spec: Chain, lines: SharedLines | None = None, history: ChainHistory | None = None
    ) -> None:
        self.spec = spec
        self.clock = ChainClock(spec)
        journal = Journal(LinesInMemory() if lines is None else lines)
        self._facts = self._trunk = facts_of(spec, journal, history)
        self._branches: dict[int, Branch] = {}
        self._branched: dict[int, Facts] = {}

    @property
    def fork_height(self) -> int | None:
        """The height of the first block that the main branch does not have; None on the main branch."""
        return self._facts.branch.fork_height

    def head_at(self, now_ns: int) -> int:
        """The height of the newest block at `now_ns` since the run's epoch."""
        if self.clock.is_steady:
            return self.spec.start_height + now_ns // self.spec.block_time
        return self.clock.head_at(now_ns)

    def highest_at(self, now_ns: int) -> int:
        """The height of the newest block that any provider may have at `now_ns`: one may be ahead of the others."""
        return self.head_at(now_ns) + self.clock.ahead_blocks

    def time_of(self, height: int) -> int:
        """When the block of this height became the newest, in ns since the run's epoch; below 0 for older ones."""
        return self.clock.time_of(height)

    def with_clock(self, clock: ChainClock) -> "ChainModel":
        """The same chain, the time of which is another's to set."""
        timed = copy(self)
        timed.clock = clock
        return timed

    def answer(self, method: str, params: Params, head: int) -> Any:
        """The result of a call as plain data, which is shared: do not change it.

        Raises:
            RpcError: an error is the answer: -32601 for an unknown method, -32602 for wrong parameters,
                -32000 for state that is not known at `head`, -32005 for a log query that is too wide, 3 for a
                call that reverts (`methods.REVERTING_SELECTOR`).
        """
        function = METHODS.get(method)
        if function is None:
            raise unknown_method(method)
        return function(self._facts, params, head)

    def accept(self, params: Params, head: int) -> None:
        """Take the transaction that `eth_sendRawTransaction` brings while `head` is the newest block.

        Raises:
            RpcError: -32602 for wrong parameters, -32000 for what a node does not accept, or knows already.
        """
        pool.accept(self._facts, pool.raw_transaction(params), head)

    def other_answers(self, method: str, params: Params, head: int) -> Sequence[Any]:
        """What is as right as `answer`: nodes get to know one after the other which transactions wait."""
        find = OTHER_ANSWERS.get(method)
        return () if find is None else find(self._facts, params, head)

    def branched(self, fork_height: int) -> "ChainModel":
        """The same chain as a node sees it that follows the branch whose first own block is at `fork_height`."""
        facts = self._branched.get(fork_height)
        if facts is None:
            if len(self._branched) >= _BRANCHES_KEPT:
                self._branched.pop(next(iter(self._branched)))
            facts = self._branched[fork_height] = self._trunk.on_branch(self._branch(fork_height))
        branch = copy(self)
        branch._facts = facts
        return branch

    def fork_named_by(self, block_hash: str, head: int) -> int | None:
        """The fork height of the branch that has a block with this well-formed hash up to `head`; None for the main
        one, and where there is no such block."""
        name = bytes.fromhex(block_hash[2:])
        if self._trunk.branch.height_of(name, head) is not None:
            return None
        recent = (fork for fork in self._trunk.journal.forks() if head - _BRANCH_BLOCKS < fork <= head)
        return next((fork for fork in recent if self._branch(fork).height_of(name, head) is not None), None)

    def _branch(self, fork_height: int) -> Branch:
        """Its hashes are kept: each says the one before."""
        branch = self._branches.get(fork_height)
        if branch is None:
            branch = self._branches[fork_height] = self._trunk.new_branch(fork_height)
            self._trunk.journal.fork(fork_height)
        return branch

    def block_at(self, height: int) -> Block:
        """All facts of the block at `height`, however far the head is; shared: do not change them."""
        return self._facts.blocks.at(height)

    def height_of(self, block_hash: str, head: int) -> int | None:
        """The height of the block with this well-formed hash, when this branch has it up to `head`."""
        return self._facts.height_of_hash(block_hash, head)

    def transaction_hashes(self, height: int) -> list[str]:
        """The hashes of the transactions in the block at `height`."""
        return ["0x" + one.hex() for one in self._facts.transactions.hashes_at(height)]

    def waits_from(self, transaction_hash: str, head: int) -> int | None:
        """The height of the block that was the newest when this transaction began to wait; None when it waits or
        waited nowhere up to `head`."""
        name = bytes.fromhex(transaction_hash[2:])
        sent = self._facts.journal.sent(name)
        if sent is not None:
            return sent.accepted_at
        place = self._facts.transactions.place_of(name, head + 1)
        return None if place is None else place[0] - 1

    def block_hash(self, height: int) -> str:
        """The hash of the block at `height`."""
        return "0x" + self._facts.branch.hash_of(height).hex()

    def token(self, number: int) -> str:
        """The address of one of the contracts that emit logs."""
        return self._facts.accounts.token(number)


def model_of(spec: Chain, lines: SharedLines, history: ChainHistory | None, user: ModelUser) -> ChainModel:
    """The model of a run's chain for one node, with a clock of its own.

    The nodes of a simulation are one process: what one provider has built of the chain, the others need not build
    again, nor keep, and likewise among workloads. But these two share nothing: who checks answers must not believe
    what a provider did to its own model.
    """
    return _model_of(spec, lines, history, user).with_clock(ChainClock(spec))


@lru_cache(_MODELS_KEPT)
def _model_of(spec: Chain, lines: SharedLines, history: ChainHistory | None, _user: ModelUser) -> ChainModel:
    return ChainModel(spec, lines, history)
