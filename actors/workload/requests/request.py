"""A request, and how one is built: a pure function of its number and due time."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.model import ChainModel
from battle.actors.chain.parameters import Params
from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.spec.workloads import HttpSessions, Replay, WsRequests, WsSubscribe
from battle.actors.wire.correlation import number_id, request_id
from battle.actors.wire.http.messages import encode_request, request_head_to
from battle.actors.workload.requests.call_source import CallSource
from battle.actors.workload.requests.mix import Mix

_encode = msgspec.json.Encoder().encode
_NO_PARAMS: list[Any] = []


class Carrier(Protocol):
    """A connection that a request left on: a stream, or a WebSocket."""

    def abort(self) -> None:
        """Reset it at once."""


class Request:
    """One request from the moment it is due to its end.

    `stream` is the connection it left on, None while it waits for one. `recorded` is the answer that a trace says it
    should get, as JSON text. `client` is the number of the user who asks, in a closed loop. `rpc_id` is the JSON-RPC
    id, as JSON text: the request's own if nothing else is said.
    """

    __slots__ = (
        "client",
        "ended",
        "id",
        "method",
        "params",
        "recorded",
        "rpc_id",
        "scheduled_ns",
        "sent_ns",
        "stream",
        "wire",
    )

    def __init__(
        self,
        id: str,
        method: str,
        params: Params,
        scheduled_ns: int,
        wire: bytes,
        rpc_id: bytes | None = None,
    ) -> None:
        self.id = id
        self.rpc_id = b'"%b"' % id.encode() if rpc_id is None else rpc_id
        self.method = method
        self.params = params
        self.recorded: bytes | None = None
        self.client: int | None = None
        self.scheduled_ns = scheduled_ns
        self.wire = wire
        self.sent_ns = 0
        self.stream: Carrier | None = None
        self.ended = False


class NumberIds:
    """Which requests of a workload have a number for their JSON-RPC id: a share of them, by their own numbers."""

    def __init__(self, role: WorkloadRole) -> None:
        assert not isinstance(role.spec, WsSubscribe)
        self._index = role.index
        self._share = role.spec.number_ids
        self._draws = Draws(role.seed, f"ids:{role.index}")

    def has(self, number: int) -> bool:
        """Whether request `number` is one of them."""
        return self._share > 0 and self._draws.uniform("number", number) < self._share

    def text(self, number: int) -> bytes:
        """The JSON-RPC id of a call that has this number, as a number."""
        return b"%d" % number_id(self._index, number)


class RequestBuilder:
    """Builds the requests of a workload of single calls about the chain: method, parameters, bytes for the wire."""

    def __init__(self, role: WorkloadRole, model: ChainModel) -> None:
        assert not isinstance(role.spec, Replay | HttpSessions | WsSubscribe)
        self._index = role.index
        self._numbers = NumberIds(role)
        self._wrap = _wrapping(role)
        self._model = model
        self._draws = Draws(role.seed, f"workload:{role.index}")
        self._method = Mix(role.spec.method, self._draws)
        self._bare = {method: self._bare_call(method) for method in self._method.methods}

    def _bare_call(self, method: str) -> bytes | None:
        """All that follows the id in a call of a method that takes no parameters."""
        return None if self._params(method, 0, 0) else b',"method":%b,"params":[]}' % _encode(method)

    def _params(self, method: str, number: int, scheduled_ns: int) -> list[Any]:
        head = self._model.head_at(scheduled_ns)
        return params_for(self._model, method, self._index, number, head, self._draws)

    def build(self, number: int, scheduled_ns: int) -> Request:
        """Request `number`, due at `scheduled_ns`."""
        method = self._method(number)
        name = request_id(self._index, number)
        id_bytes = name.encode()
        rest = self._bare[method]
        params = _NO_PARAMS
        if rest is None:
            params = self._params(method, number, scheduled_ns)
            rest = b',"method":%b,"params":%b}' % (_encode(method), _encode(params))
        rpc_id = self._numbers.text(number) if self._numbers.has(number) else b'"%b"' % id_bytes
        body = b'{"jsonrpc":"2.0","id":%b%b' % (rpc_id, rest)
        return Request(name, method, params, scheduled_ns, self._wrap(body, id_bytes), rpc_id)


class CallWriter:
    """Writes requests of one call each: their names, ids and bytes."""

    def __init__(self, role: WorkloadRole) -> None:
        self._index = role.index
        self._numbers = NumberIds(role)
        self._wrap = _wrapping(role)

    def write(self, number: int, method: str, text: bytes) -> tuple[str, bytes, bytes]:
        """The name of request `number`, its JSON-RPC id and its bytes; `text` is its parameters as JSON."""
        name = request_id(self._index, number)
        id_bytes = name.encode()
        rpc_id = self._numbers.text(number) if self._numbers.has(number) else b'"%b"' % id_bytes
        return name, rpc_id, self._wrap(encode_call_text(rpc_id, method, text), id_bytes)


class CallBuilder:
    """Builds requests of one call each, whatever it asks."""

    def __init__(self, role: WorkloadRole, next_call: CallSource) -> None:
        self._write = CallWriter(role).write
        self._next_call = next_call

    def build(self, number: int, scheduled_ns: int) -> Request:
        """Request `number`, due at `scheduled_ns`."""
        method, params, text = self._next_call(number, scheduled_ns)
        name, rpc_id, wire = self._write(number, method, text)
        return Request(name, method, params, scheduled_ns, wire, rpc_id)


def _wrapping(role: WorkloadRole) -> Callable[[bytes, bytes], bytes]:
    """What makes of a call, and its id, what is written; a WebSocket has frames of its own."""
    if isinstance(role.spec, WsRequests):
        return _as_it_is
    return partial(encode_request, request_head_to(role.endpoint))


def _as_it_is(body: bytes, _id: bytes) -> bytes:
    return body


def encode_call_text(call_id: bytes, method: str, params: bytes) -> bytes:
    """One call; its id and parameters are JSON text already."""
    return b'{"jsonrpc":"2.0","id":%b,"method":%b,"params":%b}' % (call_id, _encode(method), params)
