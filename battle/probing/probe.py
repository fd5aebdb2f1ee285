"""Asks a gateway at a URL what it does, with standard, strict clients: httpx and trio-websocket.

Where JSON-RPC is answered is found by asking for the chain's id at the paths that gateways are used to; where
WebSockets are taken, by opening one there and at the port that follows, as nodes have it. Nothing is sent that could
change anything.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec
import trio

from battle.actors.redaction import basic_authorization, redacted
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.run.no_answer import NO_TLS, was_reached, why_no_answer

if TYPE_CHECKING:  # httpx takes 0.1 s to import
    import httpx

PATHS = ("/", "/rpc", "/ws", "/main/evm/1", "/v1", "/eth", "/ethereum", "/api")
"""Where gateways are used to answer; asked in this order when the URL says no path."""

ANSWER_S = 5.0
"""How long a gateway may take for one answer: a failover and a timeout of its own are in it."""

PORT_MAX = 65535

POLL_S = 0.2
"""Between two looks at a gateway that does not listen yet."""

Kind: TypeAlias = Literal["result", "error", "status", "silent"]
"""What came of a question: a JSON-RPC result, a JSON-RPC error, another HTTP answer, nothing."""

_Stream: TypeAlias = "trio.SocketStream | trio.SSLStream[trio.SocketStream]"

_MESSAGE_CHARACTERS_MAX = 200
"""Of what an error says; a longer one is a page for people."""

_read = reader()

_QUESTION = {"jsonrpc": "2.0", "id": "battle-init", "method": "eth_chainId", "params": []}
_WRONG_PLACE = frozenset({301, 302, 303, 307, 308, 404, 405, 410, 501})
_REFUSED = frozenset({401, 403, 407})
_RANK: dict[Kind, int] = {"result": 0, "error": 1, "status": 2, "silent": 4}


class Answer(msgspec.Struct, frozen=True):
    """What a URL said to the question for the chain's id. `detail` is that in a few words, without a secret."""

    url: str
    kind: Kind
    detail: str
    status: int | None = None
    chain_id: int | None = None
    no_tls: bool = False
    """Somebody is there, and takes no TLS."""

    @property
    def wants_header(self) -> bool:
        """Whether it wants to know who asks."""
        return self.status in _REFUSED

    @property
    def rank(self) -> tuple[int, bool]:
        """The smaller, the more it looks like where JSON-RPC is answered."""
        wrong_place = self.kind == "status" and self.status in _WRONG_PLACE
        return (_RANK[self.kind] + wrong_place, self.wants_header)


class Found(msgspec.Struct, frozen=True):
    """What is known of a gateway: where it answers, all that was asked, and where it takes WebSockets, if it does."""

    http: Answer
    tried: tuple[Answer, ...]
    ws_url: str | None


async def probe(
    url: str,
    headers: Mapping[str, str],
    *,
    patience_s: float,
    ws_url: str = "",
    trust: ssl.SSLContext | None = None,
) -> Found | None:
    """What the gateway at this URL does; None when nothing has listened there for `patience_s`.

    `headers` may hold secrets: a gateway that repeats one has it in a `detail` here. WebSockets are tried at
    `ws_url`, if there is one, and else where gateways are used to take them. `trust` holds the certificates to trust.
    """
    parts = urlsplit(url)
    trust = ssl.create_default_context() if trust is None else trust
    async with _client(headers, trust) as client:
        if not await _listens(client, url, patience_s):
            return None
        tried = [await ask(client, one) for one in _candidates(parts, PATHS)]
    best = min(tried, key=lambda answer: answer.rank)
    ws_urls = [ws_url] if ws_url else ws_candidates(urlsplit(best.url))
    taken = None
    for one in ws_urls:
        if await takes_websockets(one, headers, trust):
            taken = one
            break
    return Found(best, tuple(tried), taken)


@asynccontextmanager
async def _client(headers: Mapping[str, str], trust: ssl.SSLContext) -> AsyncIterator["httpx.AsyncClient"]:
    import httpx

    # No proxy: a gateway that is tested is reached directly, as the load generator does.
    async with httpx.AsyncClient(
        headers=dict(headers), timeout=ANSWER_S, verify=trust, trust_env=False
    ) as client:
        yield client


async def _listens(client: "httpx.AsyncClient", url: str, patience_s: float) -> bool:
    import httpx

    deadline = trio.current_time() + patience_s
    while True:
        try:
            with trio.move_on_after(
                2 * ANSWER_S
            ):  # a connection has its own time; who has one may say nothing
                await client.head(url)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if was_reached(error):
                return True  # somebody is there, and `ask` says what is wrong
            if trio.current_time() >= deadline:
                return False
            await trio.sleep(POLL_S)
        except httpx.HTTPError:
            return True  # it took the connection
        else:
            return True


async def ask(client: "httpx.AsyncClient", url: str) -> Answer:
    """Ask one URL for the chain's id."""
    import httpx

    shown = redacted(url)
    try:
        with trio.fail_after(ANSWER_S):  # httpx's own limit is for each piece: some answers never end
            response = await client.post(url, json=_QUESTION)
    except trio.TooSlowError:
        return Answer(url, "silent", f"{shown}: no whole answer within {ANSWER_S:g} s")
    except httpx.HTTPError as error:
        why = why_no_answer(error)
        return Answer(url, "silent", f"{shown}: {_advised(why)}", no_tls=why == NO_TLS)
    said = _rpc(response.content)
    reason = f"{response.status_code} {response.reason_phrase}".strip()
    if said is None:
        return Answer(url, "status", f"{shown}: {reason}, no JSON-RPC", response.status_code)
    if "result" in said:
        chain_id = _chain_id(said["result"])
        named = "no chain's id" if chain_id is None else f"chain {chain_id}"
        return Answer(url, "result", f"{shown}: {named}", response.status_code, chain_id)
    under = "" if response.is_success else f"{reason}, "
    return Answer(url, "error", f"{shown}: {under}JSON-RPC error {_error_text(said)}", response.status_code)


def _error_text(said: dict[str, Any]) -> str:
    """The error in a response: its code, and its message in one line."""
    error = said["error"]
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    words = redacted(" ".join(str("" if message is None else message).split()))[:_MESSAGE_CHARACTERS_MAX]
    return " ".join(part for part in ("" if code is None else f"{code}", words and f"({words})") if part)


def _advised(why: str) -> str:
    return f"{why}: give `ca_file` in the gateway file" if "certificate" in why else why


def _rpc(body: bytes) -> dict[str, Any] | None:
    """The JSON-RPC response in a body, if it is one: many a JSON has an `error` or a `result`."""
    try:
        said = _read(body)
    except Unreadable:
        return None
    if not isinstance(said, dict) or not said.keys() & {"result", "error"}:
        return None
    error = said.get("error")
    has_code = isinstance(error, dict) and isinstance(error.get("code"), int) and "message" in error
    return said if "jsonrpc" in said or has_code or ("result" in said and "id" in said) else None


def _chain_id(result: Any) -> int | None:
    try:
        return int(result, 16)
    except (TypeError, ValueError):
        return None


def _candidates(parts: SplitResult, paths: tuple[str, ...]) -> list[str]:
    """The URL alone when it has a path or a query of its own; else the usual paths there."""
    if parts.path not in ("", "/") or parts.query:
        return [urlunsplit(parts)]
    return [urlunsplit(parts._replace(path=path)) for path in paths]


def ws_candidates(found: SplitResult) -> list[str]:
    """The same place, its `/ws`, and the same two at the port that follows, if one does."""
    secure = found.scheme == "https"
    here = found._replace(scheme="wss" if secure else "ws")
    port = found.port or (443 if secure else 80)
    user, at, _ = found.netloc.rpartition("@")
    host = f"[{found.hostname}]" if ":" in (found.hostname or "") else found.hostname
    places = [here]
    if port < PORT_MAX:
        places.append(here._replace(netloc=f"{user}{at}{host}:{port + 1}"))
    below = f"{found.path.rstrip('/')}/ws"
    paths = dict.fromkeys([found.path or "/", "/ws", below, "/"])
    return [urlunsplit(place._replace(path=path)) for place in places for path in paths]


async def takes_websockets(url: str, headers: Mapping[str, str], trust: ssl.SSLContext) -> bool:
    """Whether a WebSocket opens there, and answers a call."""
    with trio.move_on_after(ANSWER_S):
        try:
            async with _stream_to(urlsplit(url), trust) as stream:
                return await _answers_on(stream, url, headers)
        except (OSError, trio.BrokenResourceError):
            return False
    return False


@asynccontextmanager
async def _stream_to(parts: SplitResult, trust: ssl.SSLContext) -> AsyncIterator[_Stream]:
    secure = parts.scheme == "wss"
    host = parts.hostname or ""
    tcp = await trio.open_tcp_stream(host, parts.port or (443 if secure else 80))
    async with tcp:  # a handshake that fails would leave it open
        if not secure:
            yield tcp
            return
        stream = trio.SSLStream(tcp, trust, server_hostname=host)
        await stream.do_handshake()  # else trio-websocket waits for what takes no TLS
        yield stream


async def _answers_on(stream: _Stream, url: str, headers: Mapping[str, str]) -> bool:
    import trio_websocket

    parts = urlsplit(url)
    authorization = basic_authorization(url)
    sent = ({"authorization": authorization} if authorization else {}) | dict(headers)
    extra = [(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()]
    resource = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    answer = None
    try:
        async with trio.open_nursery() as nursery:
            connection = await trio_websocket.wrap_client_stream(
                nursery, stream, parts.netloc.rpartition("@")[2], resource, extra_headers=extra
            )
            await connection.send_message(msgspec.json.encode(_QUESTION).decode())
            message = await connection.get_message()
            answer = _rpc(message if isinstance(message, bytes) else message.encode())
            nursery.cancel_scope.cancel()
    except* (trio.BrokenResourceError, trio_websocket.HandshakeError, trio_websocket.ConnectionClosed):
        pass  # no WebSocket, or one that takes no calls
    return answer is not None
