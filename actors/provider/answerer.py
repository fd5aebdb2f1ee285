"""From the body of a POST to the body of its answer. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from battle.actors.chain.expected_answers import expected_answer
from battle.actors.chain.model import ChainModel
from battle.actors.chain.node_filters import FILTER_METHODS
from battle.actors.chain.parameters import unknown_method
from battle.actors.chain.traces import TRACES
from battle.actors.provider.chain_view import ChainView, ChainViewer, InForce, answer_under
from battle.actors.provider.filters import Filters
from battle.actors.spec.providers import Capability, NodeSoftware
from battle.actors.wire import correlation
from battle.actors.wire.correlation import REQUEST_ID_HEADER
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import (
    LIMIT_EXCEEDED,
    METHOD_CHARACTERS,
    Call,
    Invalid,
    Item,
    RpcError,
    encode_error,
    encode_result,
    read_calls,
)

MAX_BATCH_BYTES = 4 * 2**20
"""What the answers to a batch may add up to, but for the last: half of what a stream holds for a client."""

Errors: TypeAlias = Callable[[str], RpcError | None]
"""With which error a call of a method fails; None: it is answered."""

SEND = "eth_sendRawTransaction"
"""The one method that changes something."""

_NO_HEADERS: dict[bytes, bytes] = {}
_TOO_LARGE = RpcError(LIMIT_EXCEEDED, "the answer to the batch is too large")
_encode = msgspec.json.Encoder().encode


class ReceivedCall(msgspec.Struct):
    """One call of a request as it came in, with the id by which the log knows it.

    What is no call has the method "", and a request that carries none that of HTTP. The last three are how it was
    answered: with which error, which fault decided that, and whether the error is the right answer to the call.
    """

    item: Item
    method: str
    request_id: str | None
    rpc_code: int | None = None
    fault_id: str | None = None
    is_rightly_refused: bool = False


class ReceivedRequest(msgspec.Struct):
    """What one HTTP request asks: one call, or a batch."""

    asked: list[ReceivedCall]
    is_batch: bool


def read_received(request: HttpRequest, max_batch_calls: int) -> ReceivedRequest:
    """The calls of a POST; a batch over the limit, and what is no JSON-RPC, is one invalid item."""
    items = read_calls(request.body, max_batch_calls)
    if not isinstance(items, list):
        text = "" if REQUEST_ID_HEADER in request.headers else request.body.decode("latin-1")
        return ReceivedRequest([_asked(items, request.headers, text)], is_batch=False)
    return ReceivedRequest([_asked_in_batch(item, request.headers) for item in items], is_batch=True)


def _asked(item: Item, headers: dict[bytes, bytes], params: str) -> ReceivedCall:
    if isinstance(item, Invalid):
        return ReceivedCall(item, "", correlation.found_in_request(headers, bytes(item.id), params))
    call_id = b"" if item.id is msgspec.UNSET else bytes(item.id)
    return ReceivedCall(
        item, item.method[:METHOD_CHARACTERS], correlation.found_in_request(headers, call_id, params)
    )


def _asked_in_batch(item: Item, headers: dict[bytes, bytes]) -> ReceivedCall:
    """Inside a batch a call's own trail is more exact than the header, which is the whole batch's."""
    params = _encode(item.params).decode() if isinstance(item, Call) else ""
    asked = _asked(item, _NO_HEADERS, params)
    return asked if asked.request_id is not None else _asked(item, headers, params)


class CallAnswerer:
    """Answers calls: from the canned answers first, then from the chain, and of filters from those that it has."""

    def __init__(
        self,
        model: ChainModel,
        canned: dict[str, Any],
        filters: Filters | None = None,
        *,
        software: NodeSoftware = "geth",
        capabilities: Sequence[Capability] = tuple(TRACES),
    ) -> None:
        self._model = model
        self.viewer = ChainViewer(model, software)
        self._fixed: dict[str, msgspec.Raw | RpcError | Filters] = {
            method: unknown_method(method)
            for capability, methods in TRACES.items()
            if capability not in capabilities
            for method in methods
        }
        """What is answered without a question to the chain, by methods."""
        if filters is not None:
            self._fixed.update(dict.fromkeys(FILTER_METHODS, filters))
        self._fixed.update((method, _prepared(expected_answer(value))) for method, value in canned.items())

    def answer(
        self,
        received: ReceivedRequest,
        head: int,
        errors: Errors | None = None,
        faults: Sequence[InForce] = (),
    ) -> bytes:
        """The body that answers, empty when only notifications were asked; notes each call's error code.

        With `errors` a valid call can get an error in place of its answer. `faults` are those of the chain,
        `in_order`: each call whose answer one of them changed notes that one.
        """
        if not received.is_batch:
            asked = received.asked[0]
            return self._answer_one(asked, head, errors(asked.method) if errors else None, faults)
        wanted: list[bytes] = []
        size_bytes = 0
        for asked in received.asked:
            # A thousand queries for logs fit into a small batch, and their answers into no memory.
            full = _TOO_LARGE if size_bytes > MAX_BATCH_BYTES else None
            failure = errors(asked.method) if errors else None
            answer = self._answer_one(asked, head, failure or full, faults)
            if answer:
                wanted.append(answer)
                size_bytes += len(answer)
        return b"[%b]" % b",".join(wanted) if wanted else b""

    def _answer_one(
        self, asked: ReceivedCall, head: int, failure: RpcError | None, faults: Sequence[InForce]
    ) -> bytes:
        item = asked.item
        if isinstance(item, Invalid):
            asked.rpc_code = item.error.code
            return encode_error(item.id, item.error)
        error, result = failure, None
        if error is None:  # never raised: a shared error would gather the traceback of each time
            try:
                result = self._result_under(faults, asked, item, head) if faults else self._result(item, head)
            except RpcError as raised:
                error = raised
        if error is not None:
            asked.rpc_code = error.code
            asked.is_rightly_refused = failure is None and asked.fault_id is None
            return b"" if item.id is msgspec.UNSET else encode_error(item.id, error)
        return b"" if item.id is msgspec.UNSET else encode_result(item.id, result)

    def _result(self, call: Call, head: int) -> Any:
        fixed = self._fixed.get(call.method)
        if fixed is None:
            result = self._model.answer(call.method, call.params, head)
            if call.method == SEND:
                self._model.accept(call.params, head)
            return result
        if isinstance(fixed, RpcError):
            raise RpcError(fixed.code, fixed.message, fixed.data)
        if not isinstance(fixed, Filters):
            return fixed
        view, filter_answer = ChainView(self._model, head), fixed.answer(call.method, call.params)
        result = filter_answer.at(view)
        filter_answer.commit(view)
        return result

    def _result_under(self, faults: Sequence[InForce], asked: ReceivedCall, call: Call, head: int) -> Any:
        fixed = self._fixed.get(call.method)
        if isinstance(fixed, Filters):
            filter_answer = fixed.answer(call.method, call.params)
            chain_answer = answer_under(self.viewer, call, head, faults, answer_at=filter_answer.at)
            if chain_answer.error is None:
                filter_answer.commit(self.viewer.view(head, faults))
        else:
            chain_answer = answer_under(self.viewer, call, head, faults, fixed)
            if call.method == SEND and fixed is None and chain_answer.error is None:
                self.viewer.view(head, faults).model.accept(call.params, head)
        if not call.is_notification:  # which gets no answer, so no answer has changed
            asked.fault_id = chain_answer.fault_id
        if chain_answer.error is not None:
            raise chain_answer.error
        return chain_answer.result


def _prepared(answer: Any) -> msgspec.Raw | RpcError:
    return answer if isinstance(answer, RpcError) else msgspec.Raw(_encode(answer))
