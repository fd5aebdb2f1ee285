"""What a node answers over HTTP to a request that carries no call: a health check, or a mistake. Pure.

Each node's software in its own way, as its source code has it:

    request                      geth   Erigon                             Nethermind
    GET /                        200    200                                200
    HEAD /                       415    415                                200
    OPTIONS /                    200    200                                404
    any method, /health          404    200 or 500: what the request asks  200 or 503: the state of the node
    PUT, DELETE                  405    405                                404
    POST without JSON            415    415                                404
    another path                 404    404                                404

A POST may carry a call to any path: hosted providers have one for each client.
"""

from collections.abc import Iterable

import msgspec

from battle.actors.chain.model import ChainModel
from battle.actors.chain.node_status import PEERS, is_syncing
from battle.actors.spec.providers import NodeSoftware
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import RpcError
from battle.actors.wire.untrusted_json import Unreadable, reader

JSON = b"application/json"
HEALTH_PATH = "/health"
ERIGON_CHECKS = b"x-erigon-healthcheck"

_CALL_TYPES: dict[NodeSoftware, tuple[bytes, ...]] = {
    "geth": (JSON, b"application/json-rpc", b"application/jsonrequest"),
    "erigon": (JSON, b"application/json-rpc", b"application/jsonrequest"),
    "nethermind": (JSON,),
}
_TEXT = b"text/plain; charset=utf-8"
_HEALTHY, _DISABLED = "HEALTHY", "DISABLED"

_encode = msgspec.json.Encoder(order="sorted").encode


class PlainAnswer(msgspec.Struct, frozen=True):
    """The response to a request that carries no call; `shows_lag`: it is another while the node is not behind."""

    status: int
    body: bytes = b""
    content_type: bytes = _TEXT
    headers: dict[bytes, bytes] | None = None
    shows_lag: bool = False


class NodeState(msgspec.Struct, frozen=True):
    """What a node knows of the chain at `now_ns` since the run's epoch: all to `head`, and that there is `newest`."""

    software: NodeSoftware
    model: ChainModel
    head: int
    newest: int
    now_ns: int

    @property
    def is_syncing(self) -> bool:
        return is_syncing(self.software, self.head, self.newest)

    @property
    def head_age_s(self) -> int:
        """How long ago its newest block came about, in whole seconds."""
        return (self.now_ns - self.model.time_of(self.head)) // 10**9

    def knows_block(self, height: int) -> bool:
        """Whether it has the block at this height."""
        try:
            return self.model.answer("eth_getBlockByNumber", [hex(height), False], self.head) is not None
        except RpcError:
            return False


def carries_call(request: HttpRequest, software: NodeSoftware) -> bool:
    """Whether a node reads the body of this request as JSON-RPC."""
    if (
        request.method in ("PUT", "DELETE", "OPTIONS", "HEAD")
        or _media_type(request) not in _CALL_TYPES[software]
    ):
        return False
    if software != "geth" and path_of(request) == HEALTH_PATH:
        return False
    return request.method == "POST" or (bool(request.body) and software != "nethermind")


def path_of(request: HttpRequest) -> str:
    """The path that a request names, without its query."""
    target = request.target
    if not target.startswith("/"):  # an absolute URL, as proxies get it, or * for the whole server
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]


def answer_plainly(request: HttpRequest, state: NodeState) -> PlainAnswer:
    """What the node answers to a request that carries no call."""
    path = path_of(request)
    if state.software == "nethermind":
        return _of_nethermind(request, path, state)
    if state.software == "erigon" and path == HEALTH_PATH:
        return _erigon_health(request, state)
    return _of_geth(request, path)


def _media_type(request: HttpRequest) -> bytes:
    return request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()


# geth, and Erigon, which began as a copy of it.


def _of_geth(request: HttpRequest, path: str) -> PlainAnswer:
    method = request.method
    if path != "/" and method != "POST":
        return PlainAnswer(404)
    if method == "GET" and not request.body and "?" not in request.target:
        return PlainAnswer(200)
    if method in ("PUT", "DELETE"):
        return PlainAnswer(405, b"method not allowed\n", headers={b"allow": b"GET, OPTIONS, POST"})
    if method == "OPTIONS" or _media_type(request) in _CALL_TYPES["geth"]:
        return PlainAnswer(200)  # it looks for no call, or found none
    return PlainAnswer(415, b"invalid content type, only application/json is supported\n")


# Erigon's health checks: each is asked for by a header, or in the body.


class _Query(msgspec.Struct):
    min_peer_count: int | None = None
    known_block: int | str | None = None


_decode_query = reader(_Query)

_HEIGHTS = range(-(2**63), 2**63)
"""What Erigon can read; Python shows no number of thousands of digits."""


def _erigon_health(request: HttpRequest, state: NodeState) -> PlainAnswer:
    asked = request.headers.get(ERIGON_CHECKS)
    if asked is None:
        found = _checked_as_body(request.body, state)
    else:
        found = _checked_as_headers(asked.decode("latin-1").lower().split(","), state)
    unwell = any(said not in (_HEALTHY, _DISABLED) for said in found.values())
    behind = state.newest > state.head and unwell
    return PlainAnswer(500 if unwell else 200, _encode(found), shows_lag=behind)


def _checked_as_headers(values: Iterable[str], state: NodeState) -> dict[str, str]:
    found = dict.fromkeys(("synced", "min_peer_count", "check_block", "max_seconds_behind"), _DISABLED)
    for value in map(str.strip, values):
        if value == "synced":
            found[value] = "ERROR: not synced" if state.is_syncing else _HEALTHY
            continue
        name = next((name for name in found if value.startswith(name)), None)
        if name is None:
            continue
        wanted = value.removeprefix(name)
        try:
            found[name] = _checked(name, int(wanted), state)
        except ValueError:
            found[name] = f'ERROR: strconv.Atoi: parsing "{wanted}": invalid syntax'
            break  # it looks at no further header
    return found


def _checked(name: str, wanted: int, state: NodeState) -> str:
    if name == "min_peer_count":
        return _HEALTHY if wanted <= PEERS else f"ERROR: not enough peers: {PEERS} (minimum {wanted})"
    if name == "check_block":
        known = wanted >= 0 and state.knows_block(wanted)
        return _HEALTHY if known else f"ERROR: no known block with number {wanted} ({wanted:x} hex)"
    if wanted < 0:
        return "ERROR: bad header value"
    if state.head_age_s <= wanted:
        return _HEALTHY
    time_s = int(state.model.block_at(state.head).header["timestamp"], 16)
    return f"ERROR: timestamp too old: got ts: {time_s}, need: {time_s + state.head_age_s - wanted}"


def _checked_as_body(body: bytes, state: NodeState) -> dict[str, str]:
    found = {"healthcheck_query": _HEALTHY, "min_peer_count": _DISABLED, "check_block": _DISABLED}
    try:
        query = _decode_query(body)
        block = query.known_block
        height = int(block, 16) if isinstance(block, str) else block
        if height is not None and height not in _HEIGHTS:
            raise ValueError("block number larger than int64")
    except (Unreadable, ValueError) as error:
        found["healthcheck_query"] = f"ERROR: {error}"
        return found
    if query.min_peer_count is not None:
        found["min_peer_count"] = _checked("min_peer_count", query.min_peer_count, state)
    if height is not None:
        found["check_block"] = _checked("check_block", height, state)
    return found


# Nethermind, with its health checks switched on.


def _of_nethermind(request: HttpRequest, path: str, state: NodeState) -> PlainAnswer:
    if path == HEALTH_PATH:
        return _nethermind_health(state)
    if _media_type(request) == JSON and request.method != "GET":
        return PlainAnswer(405)
    if path == "/" and request.method in ("GET", "HEAD"):
        return PlainAnswer(
            200, b"<!DOCTYPE html><title>Node</title><h1>A mock node</h1>\n", content_type=b"text/html"
        )
    return PlainAnswer(404)


def _nethermind_health(state: NodeState) -> PlainAnswer:
    if state.is_syncing:
        sentence = (
            f"The node is still syncing, CurrentBlock: {state.head}, HighestBlock: {state.newest}. "
            "The status will change to healthy once synced"
        )
    else:
        sentence = "The node is now fully synced with a network"
    status = "Unhealthy" if state.is_syncing else "Healthy"
    entry = {
        "data": {"IsSyncing": state.is_syncing, "Errors": []},
        "description": f"{sentence}. Peers: {PEERS}.",
        "duration": "00:00:00.0003797",
        "status": status,
        "tags": [],
    }
    body = {"status": status, "totalDuration": "00:00:00.0006931", "entries": {"node-health": entry}}
    return PlainAnswer(
        503 if state.is_syncing else 200, _encode(body), content_type=JSON, shows_lag=state.is_syncing
    )
