"""What to ask: parameters for each method, made so that the answer is known and the trail inside. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.wire.correlation import embedded

_RECENT_BLOCKS = 100
"""How far back questions about past blocks reach: less than the least height a chain may start at."""
_LOG_BLOCKS = 4
"""How many blocks a log query spans."""
_LOG_TOKENS = 4
"""Of how many tokens: about five logs match, and hardly ever none."""


class Asking(msgspec.Struct, frozen=True):
    """What a question is made from: which request it is, and the newest block its author may know of."""

    model: ChainModel
    workload: int
    number: int
    head: int
    draws: Draws

    def address(self) -> str:
        return embedded(self.workload, self.number, 20)

    def hash(self) -> str:
        return embedded(self.workload, self.number, 32)

    def draw(self, what: str, below: int) -> int:
        """A whole number from 0 to `below - 1` for this request."""
        return int(self.draws.uniform(self.workload, self.number, what) * below)

    def past_height(self) -> int:
        return self.head - 1 - self.draw("block", _RECENT_BLOCKS)


def params_for(
    model: ChainModel, method: str, workload: int, number: int, head: int, draws: Draws
) -> list[Any]:
    """The parameters with which the `number`-th request of the `workload`-th workload calls `method`.

    A pure function of its arguments. Addresses, call data and transaction hashes carry the request's id
    (see `carries_id`); all answers are known to the chain model and none is null. Methods without
    parameters, and those the chain does not know, get none.
    """
    make = _QUESTIONS.get(method)
    return [] if make is None else make(Asking(model, workload, number, head, draws))


def carries_id(method: str) -> bool:
    """Whether generated parameters of this method carry the request's id."""
    return method in _QUESTIONS and method not in _WITHOUT_ID


def _about_account(asking: Asking) -> list[Any]:
    return [asking.address(), "latest"]


def _storage(asking: Asking) -> list[Any]:
    return [asking.address(), hex(asking.draw("slot", 256)), "latest"]


def _call(asking: Asking) -> list[Any]:
    """ERC-20's balanceOf(address), of an address that carries the id."""
    token = asking.model.token(asking.draw("token", 16))
    return [{"to": token, "data": "0x70a08231" + asking.address()[2:].rjust(64, "0")}, "latest"]


def _estimate(asking: Asking) -> list[Any]:
    return _call(asking)[:1]


def _fees(asking: Asking) -> list[Any]:
    return [hex(1 + asking.draw("count", 10)), "latest", [25, 50, 75]]


def _block_by_number(asking: Asking) -> list[Any]:
    """Half of the questions are for the newest block, half for one a little older."""
    wanted = "latest" if asking.draw("tag", 2) else hex(asking.past_height())
    return [wanted, False]


def _block_by_hash(asking: Asking) -> list[Any]:
    return [asking.model.block_hash(asking.past_height()), False]


def _transaction(asking: Asking) -> list[Any]:
    return [asking.hash()]


def _logs(asking: Asking) -> list[Any]:
    """A few blocks' transfers of some tokens; the last address has no logs and carries the id."""
    newest = asking.past_height()
    first = asking.draw("token", 16)
    addresses = [asking.model.token(first + number) for number in range(_LOG_TOKENS)]
    addresses.append(asking.address())
    return [{"fromBlock": hex(newest - _LOG_BLOCKS + 1), "toBlock": hex(newest), "address": addresses}]


def _raw_transaction(asking: Asking) -> list[Any]:
    return ["0x02f870" + asking.hash()[2:]]


_QUESTIONS: dict[str, Callable[[Asking], list[Any]]] = {
    "eth_call": _call,
    "eth_estimateGas": _estimate,
    "eth_feeHistory": _fees,
    "eth_getBalance": _about_account,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getCode": _about_account,
    "eth_getLogs": _logs,
    "eth_getStorageAt": _storage,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _about_account,
    "eth_getTransactionReceipt": _transaction,
    "eth_sendRawTransaction": _raw_transaction,
}

_WITHOUT_ID = frozenset({"eth_feeHistory", "eth_getBlockByHash", "eth_getBlockByNumber"})
"""Numbers and the hashes of real blocks leave no room for an id."""

assert METHODS.keys() >= _QUESTIONS.keys()
