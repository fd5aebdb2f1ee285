"""What to ask: parameters for each method, made so that the answer is known and the trail inside. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import msgspec

from battle.actors.chain import signed_transactions
from battle.actors.chain.headers import HIGHEST_BASE_FEE_WEI
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.chain.node_filters import FILTER_METHODS
from battle.actors.chain.signatures import Signer
from battle.actors.rng import Draws
from battle.actors.wire.correlation import embedded

_RECENT_BLOCKS = 100
"""How far back questions about past blocks reach: less than the least height a chain may start at."""
_TIP_WEI = 10**9
_TRANSFER_GAS = 21_000
_LOG_BLOCKS = 4
"""How many blocks a log query spans."""
_LOG_TOKENS = 4
"""Of how many tokens: about five logs match, and hardly ever none."""


class ParamsDraft(msgspec.Struct, frozen=True):
    """What a question is made from: which request it is, and the newest block its author may know of."""

    model: ChainModel
    workload: int
    number: int
    head: int
    draws: Draws

    def address(self) -> str:
        return embedded(self.workload, self.number, 20)

    def draw(self, what: str, below: int) -> int:
        """A whole number from 0 to `below - 1` for this request."""
        return int(self.draws.uniform(self.workload, self.number, what) * below)

    def past_height(self) -> int:
        return self.head - 1 - self.draw("block", _RECENT_BLOCKS)


Maker: TypeAlias = Callable[[ParamsDraft], list[Any]]


def params_for(
    model: ChainModel, method: str, workload: int, number: int, head: int, draws: Draws
) -> list[Any]:
    """The parameters with which the `number`-th request of the `workload`-th workload calls `method`.

    A pure function of its arguments. Addresses, call data and transactions carry the request's id (see `carries_id`);
    all answers are known to the chain model and none is null. Methods without parameters, and those the chain does
    not know, get none.
    """
    make = _MAKERS.get(method)
    return [] if make is None else make(ParamsDraft(model, workload, number, head, draws))


def carries_id(method: str) -> bool:
    """Whether generated parameters of this method carry the request's id."""
    return method in _WITH_ID


def _about_account(draft: ParamsDraft) -> list[Any]:
    return [draft.address(), "latest"]


def _storage(draft: ParamsDraft) -> list[Any]:
    return [draft.address(), hex(draft.draw("slot", 256)), "latest"]


def _call(draft: ParamsDraft) -> list[Any]:
    """ERC-20's balanceOf(address), of an address that carries the id."""
    token = draft.model.token(draft.draw("token", 16))
    return [{"to": token, "data": "0x70a08231" + draft.address()[2:].rjust(64, "0")}, "latest"]


def _estimate(draft: ParamsDraft) -> list[Any]:
    return _call(draft)[:1]


def _fees(draft: ParamsDraft) -> list[Any]:
    return [hex(1 + draft.draw("count", 10)), "latest", [25, 50, 75]]


def _block_by_number(draft: ParamsDraft) -> list[Any]:
    """Half of the questions are for the newest block, half for one a little older."""
    wanted = "latest" if draft.draw("tag", 2) else hex(draft.past_height())
    return [wanted, False]


def _block_by_hash(draft: ParamsDraft) -> list[Any]:
    return [draft.model.block_hash(draft.past_height()), False]


def _transaction(draft: ParamsDraft) -> list[Any]:
    height, index = _place(draft)
    return [draft.model.transaction_hashes(height)[index]]


def _transaction_at_number(draft: ParamsDraft) -> list[Any]:
    height, index = _place(draft)
    return [hex(height), hex(index)]


def _transaction_at_hash(draft: ParamsDraft) -> list[Any]:
    height, index = _place(draft)
    return [draft.model.block_hash(height), hex(index)]


def _place(draft: ParamsDraft) -> tuple[int, int]:
    """Where a transaction of a recent block stands: its block's height, its index there. Some blocks have none."""
    height = draft.past_height()
    while not (hashes := draft.model.transaction_hashes(height)):
        height -= 1
    return height, draft.draw("transaction", len(hashes))


def _number(draft: ParamsDraft) -> list[Any]:
    return [hex(draft.past_height())]


def _hash(draft: ParamsDraft) -> list[Any]:
    return [draft.model.block_hash(draft.past_height())]


def _call_traced(make: Maker, draft: ParamsDraft) -> list[Any]:
    return [*make(draft), {"tracer": "callTracer"}]


def _traces(draft: ParamsDraft) -> list[Any]:
    newest = draft.past_height()
    return [{"fromBlock": hex(newest - _LOG_BLOCKS + 1), "toBlock": hex(newest)}]


def _bytes(draft: ParamsDraft) -> list[Any]:
    return [draft.address()]


def _filter(draft: ParamsDraft) -> list[Any]:
    return [{"address": draft.model.token(draft.draw("token", 16))}]


def _logs(draft: ParamsDraft) -> list[Any]:
    """A few blocks' transfers of some tokens; the last address has no logs and carries the id."""
    newest = draft.past_height()
    first = draft.draw("token", 16)
    addresses = [draft.model.token(first + number) for number in range(_LOG_TOKENS)]
    addresses.append(draft.address())
    return [{"fromBlock": hex(newest - _LOG_BLOCKS + 1), "toBlock": hex(newest), "address": addresses}]


def _raw_transaction(draft: ParamsDraft) -> list[Any]:
    """The first transaction of an account that nobody else has, to an address that carries the id."""
    signed = signed_transactions.sign(
        Signer(b"request %d:%d" % (draft.workload, draft.number)),
        chain_id=draft.model.spec.chain_id,
        nonce=0,
        tip_wei=_TIP_WEI,
        max_fee_wei=2 * HIGHEST_BASE_FEE_WEI,
        gas=_TRANSFER_GAS,
        to=bytes.fromhex(draft.address()[2:]),
        value_wei=1,
    )
    return ["0x" + signed.raw.hex()]


_MAKERS: dict[str, Maker] = {
    "debug_traceBlockByHash": partial(_call_traced, _hash),
    "debug_traceBlockByNumber": partial(_call_traced, _number),
    "debug_traceTransaction": partial(_call_traced, _transaction),
    "eth_call": _call,
    "eth_createAccessList": _estimate,
    "eth_estimateGas": _estimate,
    "eth_feeHistory": _fees,
    "eth_getBalance": _about_account,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockReceipts": _number,
    "eth_getBlockTransactionCountByHash": _hash,
    "eth_getBlockTransactionCountByNumber": _number,
    "eth_getCode": _about_account,
    "eth_getLogs": _logs,
    "eth_getStorageAt": _storage,
    "eth_getTransactionByBlockHashAndIndex": _transaction_at_hash,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_at_number,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _about_account,
    "eth_getTransactionReceipt": _transaction,
    "eth_getUncleCountByBlockHash": _hash,
    "eth_getUncleCountByBlockNumber": _number,
    "eth_newFilter": _filter,
    "eth_sendRawTransaction": _raw_transaction,
    "trace_block": _number,
    "trace_filter": _traces,
    "trace_transaction": _transaction,
    "web3_sha3": _bytes,
}

_WITH_ID = frozenset(
    {
        "eth_call",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_getBalance",
        "eth_getCode",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_getTransactionCount",
        "eth_sendRawTransaction",
        "web3_sha3",
    }
)
"""Numbers and real hashes leave no room for an id."""

assert METHODS.keys() | FILTER_METHODS >= _MAKERS.keys() >= _WITH_ID
