"""A request, and how one is built: a pure function of its number and due time."""

from typing import Any

import msgspec

from actors.chain.model import ChainModel
from actors.chain.questions import params_for
from actors.wire.correlation import request_id
from actors.wire.http import encode_request, request_head
from actors.workload.mix import Mix
from actors.workload.spec import WorkloadRole
from actors.world.chance import Draws
from actors.world.seam import Stream

_encode = msgspec.json.Encoder().encode


class Request:
    """One request from the moment it is due to its end.

    `stream` is the connection it left on, None while it waits for one.
    """

    __slots__ = ("ended", "id", "method", "params", "scheduled_ns", "sent_ns", "stream", "wire")

    def __init__(self, id: str, method: str, params: list[Any], scheduled_ns: int, wire: bytes) -> None:
        self.id = id
        self.method = method
        self.params = params
        self.scheduled_ns = scheduled_ns
        self.wire = wire
        self.sent_ns = 0
        self.stream: Stream | None = None
        self.ended = False


class RequestBuilder:
    """Builds the requests of one workload: which method, which parameters, and the bytes for the wire."""

    def __init__(self, role: WorkloadRole, model: ChainModel, draws: Draws) -> None:
        self._index = role.index
        self._head = request_head(role.target, role.path)
        self._model = model
        self._draws = draws
        self._mix = Mix(role.spec.method, draws)
        self._method_texts = {method: _encode(method) for method in self._mix.methods}

    def build(self, number: int, scheduled_ns: int) -> Request:
        """Request `number`, due at `scheduled_ns`."""
        method = self._mix.method(number)
        head = self._model.head_at(scheduled_ns)
        params = params_for(self._model, method, self._index, number, head, self._draws)
        name = request_id(self._index, number)
        id_bytes = name.encode()
        body = b'{"jsonrpc":"2.0","id":"%b","method":%b,"params":%b}' % (
            id_bytes, self._method_texts[method], _encode(params) if params else b"[]",
        )  # fmt: skip
        return Request(name, method, params, scheduled_ns, encode_request(self._head, body, id_bytes))
