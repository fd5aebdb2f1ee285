"""What a provider sees of the chain, and how faults change that and what it says of it. Pure.

The faults of the chain come in a fixed order, whichever was applied first: which chain, which branch of it, how
much of it, what of that is lost, and last what is corrupted. So the order of a plan changes nothing, but for two
faults of one kind: there the later one decides.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import msgspec

from battle.actors.chain.corruption import corrupted, missing
from battle.actors.chain.model import ChainModel
from battle.actors.chain.node_status import SYNCING, is_syncing, sync_progress
from battle.actors.roles import NodeFault
from battle.actors.spec.faults.behaviour import (
    AnswerFault,
    HeadFault,
    MissingData,
    Reorg,
    WrongAnswer,
    WrongChain,
)
from battle.actors.spec.providers import NodeSoftware
from battle.actors.wire.jsonrpc import Call, RpcError
from battle.actors.wire.untrusted_json import reader

_decode = reader()

_OTHER_CHAINS_KEPT = 4
"""Models of wrong chains that are kept: a provider is hardly on more of them at a time."""

_ORDER: tuple[type[AnswerFault], ...] = (WrongChain, Reorg, HeadFault, MissingData, WrongAnswer)


class InForce(msgspec.Struct, frozen=True):
    """A fault while it holds. A reorg that has begun has a height: that of the first block which it replaces."""

    fault_id: str
    fault: NodeFault
    fork_height: int | None = None

    def begun(self, head: int, oldest: int = 0) -> "InForce":
        """The same, begun when `head` was the newest block that the provider saw; as it is if it had begun. Of
        `oldest`, the oldest block that there is, there is only one."""
        if self.fork_height is not None or not isinstance(self.fault, Reorg):
            return self
        return InForce(self.fault_id, self.fault, max(head - self.fault.depth + 1, oldest + 1))


class ChainView(msgspec.Struct, frozen=True):
    """The chain as a provider sees it at one moment: a branch of a chain, up to a head."""

    model: ChainModel
    head: int


AnswerAt: TypeAlias = Callable[[ChainView], Any]
"""The result for a view of the chain; raises `RpcError` where an error is the answer."""


class ChainViewer:
    """Sees the chain through faults."""

    def __init__(self, model: ChainModel, software: NodeSoftware = "geth") -> None:
        self.model = model
        self.software: NodeSoftware = software
        self._other_chains: dict[int, ChainModel] = {}

    def view(self, head: int, faults: Sequence[InForce]) -> ChainView:
        """What a provider sees under `faults`, of which those that are not about that count for nothing."""
        view = ChainView(self.model, head)
        for one in faults:
            view = self.through(one, view)
        return view

    def through(self, one: InForce, view: ChainView) -> ChainView:
        """What one more fault leaves of what is seen."""
        fault = one.fault
        if isinstance(fault, HeadFault):
            seen = max(fault.head_seen(view.head), view.model.spec.oldest_height)
            return ChainView(view.model, seen)
        if isinstance(fault, Reorg):
            assert one.fork_height is not None, "a fault that counts has begun"
            return ChainView(view.model.branched(one.fork_height), view.head)
        if isinstance(fault, WrongChain):
            return ChainView(self._other_chain(fault.chain_id), view.head)
        return view

    def _other_chain(self, chain_id: int) -> ChainModel:
        model = self._other_chains.get(chain_id)
        if model is None:
            if len(self._other_chains) >= _OTHER_CHAINS_KEPT:
                self._other_chains.pop(next(iter(self._other_chains)))
            spec = self.model.spec
            # Another seed as well: a wrong chain that happens to have the right id is still another one.
            other = msgspec.structs.replace(spec, seed=spec.seed + 1, chain_id=chain_id)
            model = self._other_chains[chain_id] = ChainModel(other)
        return model


class ChainAnswer(msgspec.Struct):
    """The answer to a call: a result, or an error in its place; and the fault that decided it, if one did."""

    result: object = None
    error: RpcError | None = None
    fault_id: str | None = None

    def looks_like(self, other: "ChainAnswer") -> bool:
        """Whether a client would see no difference."""
        mine, others = self.error, other.error
        if mine is None or others is None:
            return mine is others and self.result == other.result
        return (mine.code, mine.message) == (others.code, others.message)


def concerns_call(one: InForce, method: str) -> bool:
    """Whether a fault can fall on a call of this method."""
    return not isinstance(one.fault, AnswerFault) or one.fault.concerns(method)


def in_order(faults: Sequence[InForce]) -> tuple[InForce, ...]:
    """The faults of the chain among these, in the order in which they come."""
    return tuple(one for kind in _ORDER for one in faults if isinstance(one.fault, kind))


def answer_under(
    viewer: ChainViewer,
    call: Call,
    head: int,
    faults: Sequence[InForce],
    canned: msgspec.Raw | RpcError | None = None,
    answer_at: AnswerAt | None = None,
) -> ChainAnswer:
    """The answer to `call` under `faults`, which are `in_order`. `canned` takes the place of the chain's answer,
    or what `answer_at` gives for a view.

    The answer is worked out without any fault, then with one more at a time: the last one that changed it has
    decided it, and one that changed nothing leaves no trace.
    """
    view = ChainView(viewer.model, head)
    answered = _AnswersTo(canned, answer_at or partial(_of_chain, viewer.software, call, head))
    chain_answer = answered.at(view)
    is_corrupted = False
    for one in faults:
        seen = viewer.through(one, view)
        if seen is not view:
            view, next_answer = seen, answered.at(seen)
        elif is_corrupted or chain_answer.error is not None or not concerns_call(one, call.method):
            continue  # what is corrupted twice could be right again
        elif isinstance(one.fault, MissingData):
            next_answer = ChainAnswer(missing(call.method, chain_answer.result))
        else:
            next_answer, is_corrupted = ChainAnswer(corrupted(call.method, chain_answer.result)), True
        if not next_answer.looks_like(chain_answer):
            next_answer.fault_id = one.fault_id
            chain_answer = next_answer
    return chain_answer


class _AnswersTo(msgspec.Struct, frozen=True):
    """The answers to one call, for one view after another."""

    canned: msgspec.Raw | RpcError | None
    answer_at: AnswerAt

    def at(self, view: ChainView) -> ChainAnswer:
        canned = self.canned
        if isinstance(canned, RpcError):
            return ChainAnswer(error=RpcError(canned.code, canned.message, canned.data))
        if canned is not None:
            return ChainAnswer(_decode(canned))
        try:
            return ChainAnswer(self.answer_at(view))
        except RpcError as error:
            return ChainAnswer(error=error)


def _of_chain(software: NodeSoftware, call: Call, newest: int, view: ChainView) -> Any:
    """What the chain says; a node that is behind says so, too, when it is asked."""
    result = view.model.answer(call.method, call.params, view.head)
    if call.method == SYNCING and is_syncing(software, view.head, newest):
        return sync_progress(view.head, newest)
    return result
