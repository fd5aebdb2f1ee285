"""What a provider sees of the chain, and how faults change that and what it says of it. Pure.

The faults of the chain come in a fixed order, whichever was imposed first: which chain, which branch of it, how
much of it, what of that is lost, and last what is told falsely. So the order of a plan
changes nothing, but for two faults of one kind: there the later one has the last word.
"""

from collections.abc import Sequence

import msgspec

from battle.actors.chain.corruption import missing, mistaken
from battle.actors.chain.model import ChainModel
from battle.actors.roles import ImposedFault
from battle.actors.spec.faults.behaviour import (
    MissingData,
    Reorg,
    StaleHead,
    WrongAnswer,
    WrongChain,
)
from battle.actors.wire.jsonrpc import Call, RpcError
from battle.actors.wire.untrusted_json import reader

_decode = reader()

_OTHER_CHAINS_KEPT = 4
"""Models of wrong chains that are kept: a provider is hardly on more of them at a time."""

_ORDER: tuple[type[ImposedFault], ...] = (WrongChain, Reorg, StaleHead, MissingData, WrongAnswer)


class InForce(msgspec.Struct, frozen=True):
    """A fault while it holds. A reorg that has begun has a height: that of the first block which it replaces."""

    fault_id: str
    fault: ImposedFault
    fork_height: int | None = None

    def begun(self, head: int) -> "InForce":
        """The same, begun when `head` was the newest block that the provider saw; as it is if it had begun."""
        if self.fork_height is not None or not isinstance(self.fault, Reorg):
            return self
        return InForce(self.fault_id, self.fault, max(head - self.fault.depth + 1, 1))


class Sight(msgspec.Struct, frozen=True):
    """The chain as a provider sees it at one moment: a branch of a chain, up to a head."""

    model: ChainModel
    head: int


class Seer:
    """Sees the chain through faults."""

    def __init__(self, model: ChainModel) -> None:
        self.model = model
        self._other_chains: dict[int, ChainModel] = {}

    def sight(self, head: int, faults: Sequence[InForce]) -> Sight:
        """What a provider sees under `faults`, of which those that are not about that count for nothing."""
        sight = Sight(self.model, head)
        for one in faults:
            sight = self.through(one, sight)
        return sight

    def through(self, one: InForce, sight: Sight) -> Sight:
        """What one more fault leaves of what is seen."""
        fault = one.fault
        if isinstance(fault, StaleHead):
            return Sight(sight.model, max(sight.head - fault.blocks, 0))
        if isinstance(fault, Reorg):
            assert one.fork_height is not None, "a fault that counts has begun"
            return Sight(sight.model.branched(one.fork_height), sight.head)
        if isinstance(fault, WrongChain):
            return Sight(self._other_chain(fault.chain_id), sight.head)
        return sight

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


class Told(msgspec.Struct):
    """What a call is told: a result, or an error in its place; and the fault that decided it, if one did."""

    result: object = None
    error: RpcError | None = None
    fault_id: str | None = None

    def is_as(self, other: "Told") -> bool:
        """Whether a client would see no difference."""
        mine, others = self.error, other.error
        if mine is None or others is None:
            return mine is others and self.result == other.result
        return (mine.code, mine.message) == (others.code, others.message)


def in_order(faults: Sequence[InForce]) -> tuple[InForce, ...]:
    """The faults of the chain among these, in the order in which they come."""
    ranked = [(_ORDER.index(type(one.fault)), one) for one in faults if type(one.fault) in _ORDER]
    return tuple(one for _, one in sorted(ranked, key=lambda pair: pair[0]))


def tell(
    seer: Seer,
    call: Call,
    head: int,
    faults: Sequence[InForce],
    canned: msgspec.Raw | RpcError | None = None,
) -> Told:
    """What `call` is told under `faults`, which are `in_order`. `canned` takes the place of the chain's answer.

    The answer is worked out without any fault, then with one more at a time: the last one that changed it has
    decided it, and one that changed nothing leaves no trace.
    """
    sight = Sight(seer.model, head)
    told = _answered(sight, call, canned)
    lied = False
    for one in faults:
        seen = seer.through(one, sight)
        if seen is not sight:
            sight, next_told = seen, _answered(seen, call, canned)
        elif lied or told.error is not None:
            continue  # what is told falsely twice could be true again
        elif isinstance(one.fault, MissingData):
            next_told = Told(missing(call.method, told.result))
        else:
            next_told, lied = Told(mistaken(call.method, told.result)), True
        if not next_told.is_as(told):
            next_told.fault_id = one.fault_id
            told = next_told
    return told


def _answered(sight: Sight, call: Call, canned: msgspec.Raw | RpcError | None) -> Told:
    if isinstance(canned, RpcError):
        return Told(error=RpcError(canned.code, canned.message, canned.data))
    if canned is not None:
        return Told(_decode(canned))
    try:
        return Told(sight.model.answer(call.method, call.params, sight.head))
    except RpcError as error:
        return Told(error=error)
