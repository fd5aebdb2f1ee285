"""The chain model: what a node that knows the chain up to a head answers to a call. Pure."""

from typing import Any

from actors.chain.facts import Facts
from actors.chain.methods import METHODS
from actors.chain.parameters import Params
from actors.chain.spec import Chain
from actors.wire.jsonrpc import METHOD_NOT_FOUND, RpcError


class ChainModel:
    """A whole chain, without storage: each answer follows from (chain, method, parameters, head).

    It is coherent as a real chain is: blocks link to their parents, transactions, receipts and logs agree
    with the blocks they stand in, and hashes find what they are the hashes of. Two models of equal `Chain`
    give equal answers.
    """

    def __init__(self, spec: Chain) -> None:
        self.spec = spec
        self._facts = Facts(spec)

    def head_at(self, now_ns: int) -> int:
        """The height of the newest block at `now_ns` since the run's epoch."""
        return self.spec.start_height + now_ns // self.spec.block_time

    def answer(self, method: str, params: Params, head: int) -> Any:
        """The result of a call as plain data, which is shared: do not change it.

        Raises:
            RpcError: an error is the answer: -32601 for an unknown method, -32602 for wrong parameters,
                -32000 for state that is not known at `head`, -32005 for a log query that is too wide.
        """
        function = METHODS.get(method)
        if function is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        return function(self._facts, params, head)

    def block_hash(self, height: int) -> str:
        """The hash of the block at `height`."""
        return self._facts.hashes.at(b"block", height)

    def token(self, number: int) -> str:
        """The address of one of the contracts that emit logs."""
        return self._facts.accounts.token(number)
