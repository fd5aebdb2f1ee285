"""Asking a provider politely, call after call, and noting what it does: with the strict clients of others.

Calls are due at even intervals, whether the ones before them have been answered or not. HTTP is httpx's, WebSocket
trio-websocket's. No message has more of a URL than its host.
"""

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeAlias

import trio

from battle.actors.addresses import is_secure
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.failures import NAMED_RPC
from battle.actors.spec.providers import RealProvider
from battle.errors import StartError
from battle.recording.summary import Observation
from battle.run.secrets import with_secrets
from battle.run.trust import trust_of

ANSWER_S = 10.0
"""Without an answer for so long a call counts as never answered."""

_NOBODY = "0x0000000000000000000000000000000000000001"

CALLS: tuple[tuple[str, list[Any]], ...] = (
    ("eth_getBlockByNumber", ["latest", False]),
    ("eth_blockNumber", []),
    ("eth_getBalance", [_NOBODY, "latest"]),
    ("eth_chainId", []),
)
"""What is asked, in turn: what every provider answers, and what most clients exchange for."""

_BY_CODE = {failure.code: name for name, failure in reversed(NAMED_RPC.items()) if failure.http_status == 200}


class Reply(NamedTuple):
    """What came back: the HTTP status (200 over a WebSocket), and the body's JSON, if it is some."""

    status: int
    answer: Any


class CallFailed(Exception):
    """No reply: the connection broke, or there was none. The message is a failure's name."""


Exchange: TypeAlias = Callable[[bytes], Awaitable[Reply]]


class Measured(NamedTuple):
    """What the calls showed, in the order they were sent, and the chain that the provider serves."""

    observations: list[Observation]
    chain_id: int | None


async def measure(
    provider: RealProvider, *, requests: int, per_second: float, on_reply: Callable[[], object] = lambda: None
) -> Measured:
    """Send so many calls at that rate, and note how each ended.

    Raises:
        StartError: the provider cannot be reached, or a secret is missing.
    """
    ws = provider.url.startswith(("ws:", "wss:"))
    endpoint = provider.endpoint(lambda text: with_secrets(text, f"provider {provider.where}"))
    calls = _Calls(requests, per_second, on_reply)
    async with AsyncExitStack() as stack:
        opened = _over_websocket if ws else _over_http
        exchange = await opened(stack, provider, endpoint)
        if not isinstance(exchange, StartError):
            await calls.make(exchange)
    if isinstance(exchange, StartError):  # not from inside a nursery, which would put it into a group
        raise exchange
    observations = calls.observations
    observations.sort(key=lambda one: one.sent_s)
    if all(one.failure for one in observations):
        first = observations[0].failure
        raise StartError(f"{provider.where} answered none of {requests} calls (the first one: {first})")
    return Measured(observations, calls.chain_id)


class _Calls:
    """The calls of one measurement, and what came of them."""

    def __init__(self, requests: int, per_second: float, on_reply: Callable[[], object]) -> None:
        self.observations: list[Observation] = []
        self.chain_id: int | None = None
        self._requests = requests
        self._interval_s = 1 / per_second
        self._on_reply = on_reply

    async def make(self, exchange: Exchange) -> None:
        """Make them all, each when it is due, and wait for the replies."""
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(self._requests):
                await trio.sleep_until(began_s + number * self._interval_s)
                nursery.start_soon(self._make, exchange, number, began_s)

    async def _make(self, exchange: Exchange, number: int, began_s: float) -> None:
        method, params = CALLS[number % len(CALLS)]
        sent_s = trio.current_time()
        failure, result = await _outcome(exchange, number, method, params)
        took_s = trio.current_time() - sent_s
        height, age_s = _newest(result, took_s) if method == CALLS[0][0] else (None, None)
        if method == "eth_chainId":
            self.chain_id = _number(result) or self.chain_id
        self.observations.append(Observation(sent_s - began_s, took_s, failure, height, age_s))
        self._on_reply()


async def _outcome(exchange: Exchange, number: int, method: str, params: list[Any]) -> tuple[str, Any]:
    """How a call failed, "" if it did not, and its result."""
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    try:
        with trio.fail_after(ANSWER_S):
            reply = await exchange(body)
    except trio.TooSlowError:
        return "no_answer", None
    except CallFailed as failure:
        return str(failure), None
    if reply.status >= 300:
        return f"http_{reply.status}", None
    if not isinstance(reply.answer, dict):
        return "http_502", None  # a page instead of an answer: what proxies do whose upstream is gone
    if isinstance(error := reply.answer.get("error"), dict):
        return _BY_CODE.get(error.get("code") or 0, "rpc_error"), None
    return "", reply.answer.get("result")


def _newest(block: Any, took_s: float) -> tuple[int | None, float | None]:
    """The number of the newest block, and how old it was when it was sent; by this machine's clock."""
    height = _number(block.get("number")) if isinstance(block, dict) else None
    stamp = _number(block.get("timestamp")) if isinstance(block, dict) else None
    return height, None if stamp is None else max(0.0, time.time() - took_s / 2 - stamp)


def _number(value: Any) -> int | None:
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        return None


async def _over_http(stack: AsyncExitStack, provider: RealProvider, endpoint: Endpoint) -> Exchange:
    import httpx

    url = f"{'https' if is_secure(provider.url) else 'http'}://{endpoint.address}{endpoint.path}"
    client = await stack.enter_async_context(
        httpx.AsyncClient(headers=endpoint.headers, timeout=None, verify=trust_of(provider), trust_env=False)
    )

    async def exchange(body: bytes) -> Reply:
        try:
            response = await client.post(url, content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError:
            raise CallFailed("reset") from None
        try:
            return Reply(response.status_code, response.json())
        except ValueError:
            return Reply(response.status_code, None)

    return exchange


async def _over_websocket(
    stack: AsyncExitStack, provider: RealProvider, endpoint: Endpoint
) -> Exchange | StartError:
    from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream

    host, _, port = endpoint.address.rpartition(":")
    trust = trust_of(provider)
    headers = [(name.encode(), value.encode()) for name, value in endpoint.headers.items()]
    nursery = await stack.enter_async_context(trio.open_nursery())
    try:
        with trio.fail_after(ANSWER_S):
            tcp = await trio.open_tcp_stream(host.strip("[]"), int(port))
            stack.push_async_callback(trio.aclose_forcefully, tcp)
            stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = tcp
            if endpoint.tls is not None:
                stream = trio.SSLStream(tcp, trust, server_hostname=endpoint.tls.server_name)
            socket = await wrap_client_stream(
                nursery, stream, endpoint.address, endpoint.path, extra_headers=headers
            )
    except (OSError, HandshakeError, trio.BrokenResourceError, trio.TooSlowError) as error:
        nursery.cancel_scope.cancel()
        return StartError(f"{provider.where} takes no WebSocket ({type(error).__name__})")
    waiting: dict[Any, trio.MemorySendChannel[Any]] = {}

    async def receive() -> None:
        try:
            while True:
                answer = _parsed(await socket.get_message())
                channel = waiting.pop(answer.get("id"), None) if isinstance(answer, dict) else None
                if channel is not None:
                    channel.send_nowait(answer)
        except ConnectionClosed:
            for channel in waiting.values():
                channel.close()
            waiting.clear()

    async def exchange(body: bytes) -> Reply:
        send, answers = trio.open_memory_channel[Any](1)
        identifier = json.loads(body)["id"]
        waiting[identifier] = send
        try:
            await socket.send_message(body.decode())
            return Reply(200, await answers.receive())
        except (ConnectionClosed, trio.EndOfChannel):
            raise CallFailed("reset") from None
        finally:
            waiting.pop(identifier, None)

    nursery.start_soon(receive)
    stack.callback(nursery.cancel_scope.cancel)
    return exchange


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
