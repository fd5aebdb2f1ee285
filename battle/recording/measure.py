"""Asking a provider politely, call after call, and noting what it does: with the strict clients of others.

Calls are due at even intervals, whether the ones before them have been answered or not. HTTP is httpx's, WebSocket
trio-websocket's. No message has more of a URL than its host.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeAlias

import trio

from battle.actors.addresses import is_secure
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.failures import NAMED_RPC
from battle.actors.spec.providers import RealProvider
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.errors import StartError
from battle.recording.call_limits import Searched
from battle.recording.limit_search import LimitSearch
from battle.recording.refusals import Reply, refusal_of, seconds_to_wait
from battle.recording.summary import Observation
from battle.run.no_answer import why_no_answer
from battle.run.secrets import filler_of, secrets_of_provider
from battle.run.trust import trust_in

ANSWER_S = 10.0
"""Without an answer for so long a call counts as never answered."""

_read = reader()

_NOBODY = "0x0000000000000000000000000000000000000001"

CALLS: tuple[tuple[str, list[Any]], ...] = (
    ("eth_getBlockByNumber", ["latest", False]),
    ("eth_getBalance", [_NOBODY, "latest"]),
    ("eth_blockNumber", []),
    ("eth_chainId", []),
)
"""What is asked, in turn: what every provider answers, and what most clients exchange for. Every second one says
which block is the newest."""

_BY_CODE = {failure.code: name for name, failure in reversed(NAMED_RPC.items()) if failure.http_status == 200}


class CallFailed(Exception):
    """No reply: the connection broke, or there was none. The message is a failure's name, `why` says more."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(name)
        self.why = why


Exchange: TypeAlias = Callable[[bytes], Awaitable[Reply]]


class Measured(NamedTuple):
    """What the calls showed, in the order they were sent, the chain that the provider serves, and the search for a
    rate limit, if there was one."""

    observations: list[Observation]
    chain_id: int | None
    search: Searched | None = None
    refused: Sequence[Observation] = ()
    """The calls of the search that were refused."""


async def measure(
    provider: RealProvider, *, requests: int, per_second: float, limit_up_to: float = 0.0
) -> Measured:
    """Send so many calls at that rate, and note how each ended; then look for a limit of up to `limit_up_to` calls
    per second, or of up to the rate itself if it met one.

    Raises:
        StartError: the provider cannot be reached, or a secret is missing.
    """
    from trio_websocket import HandshakeError

    ws = provider.url.startswith(("ws:", "wss:"))
    endpoint = provider.endpoint(filler_of(f"provider {provider.where}"))
    secrets = secrets_of_provider(provider, endpoint)
    measured = Measured([], None)
    exchange: Exchange | StartError
    try:
        async with AsyncExitStack() as stack:
            opened = _over_websocket if ws else _over_http
            exchange = await opened(stack, provider, endpoint)
            if not isinstance(exchange, StartError):
                measured = await measure_by(
                    exchange,
                    requests=requests,
                    per_second=per_second,
                    limit_up_to=limit_up_to,
                    secrets=secrets,
                )
    except* HandshakeError as group:  # that of a refusal with a body comes in a task of trio-websocket's
        exchange = _no_websocket(provider, group.exceptions[0])
    if isinstance(exchange, StartError):  # not from inside a nursery, which would put it into a group
        raise exchange
    if all(one.failure for one in measured.observations):
        first = measured.observations[0]
        said = first.why or first.failure
        raise StartError(f"{provider.where} answered none of {requests} calls (the first one: {said})")
    return measured


async def measure_by(
    exchange: Exchange,
    *,
    requests: int,
    per_second: float,
    limit_up_to: float,
    secrets: Sequence[str] = (),
    time_of_day_s: Callable[[], float] = time.time,
) -> Measured:
    """As `measure`, of who answers `exchange`, which may answer none. `secrets` are kept out of what is noted, and
    `time_of_day_s` is the clock by which blocks are old, in seconds since 1970."""
    calls = _Calls(exchange, secrets, time_of_day_s)
    await calls.make(requests, per_second)
    observations = calls.observations
    observations.sort(key=lambda one: one.sent_s)
    is_limited = any(one.refusal for one in observations)
    if all(one.failure for one in observations) or not limit_up_to:
        return Measured(observations, calls.chain_id)
    if limit_up_to <= per_second and not is_limited:
        return Measured(observations, calls.chain_id)
    search = await LimitSearch(calls.ask_for_limit, max(limit_up_to, per_second)).run()
    return Measured(observations, calls.chain_id, search, calls.refused)


class _Calls:
    """The calls of one measurement, and what came of them."""

    def __init__(
        self, exchange: Exchange, secrets: Sequence[str], time_of_day_s: Callable[[], float]
    ) -> None:
        self.observations: list[Observation] = []
        self.chain_id: int | None = None
        self._exchange = exchange
        self._secrets = secrets
        self._time_of_day_s = time_of_day_s
        self._number = 0
        self.refused: list[Observation] = []
        """Those of the search that were refused."""

    async def make(self, requests: int, per_second: float) -> None:
        """Make so many, each when it is due, and wait for the replies."""
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(requests):
                await trio.sleep_until(began_s + number / per_second)
                nursery.start_soon(self._make)

    async def ask_for_limit(self) -> tuple[bool, float | None]:
        """One call more, which counts for the limit alone: as `limit_search.LimitCaller`."""
        seen = await self._observed()
        if seen.refusal is None:
            return False, None
        self.refused.append(seen)
        return True, seconds_to_wait(seen.refusal)

    async def _make(self) -> None:
        self.observations.append(await self._observed())

    async def _observed(self) -> Observation:
        number, self._number = self._number, self._number + 1
        method, params = CALLS[number % len(CALLS)]
        sent_s = trio.current_time()
        failure, reply, why = await _outcome(self._exchange, number, method, params)
        took_s = trio.current_time() - sent_s
        result = reply.answer.get("result") if reply is not None and not failure else None
        height, age_s = None, None
        if method == "eth_getBlockByNumber":
            height, age_s = self._newest(result, took_s)
        elif method == "eth_blockNumber":
            height = _number(result)
        else:
            self.chain_id = (_number(result) if method == "eth_chainId" else None) or self.chain_id
        refusal = None if reply is None or not failure else refusal_of(reply, self._secrets)
        return Observation(sent_s, took_s, failure, height, age_s, refusal, why)

    def _newest(self, block: Any, took_s: float) -> tuple[int | None, float | None]:
        """The number of the newest block, and how old it was when it was asked for."""
        if not isinstance(block, dict):
            return None, None
        stamp = _number(block.get("timestamp"))
        return _number(block.get("number")), None if stamp is None else self._time_of_day_s() - took_s - stamp


async def _outcome(
    exchange: Exchange, number: int, method: str, params: list[Any]
) -> tuple[str, Reply | None, str]:
    """How a call failed, "" if it did not, what came back, and why nothing did, where the failure's name is too
    little."""
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    try:
        with trio.fail_after(ANSWER_S):
            reply = await exchange(body)
    except trio.TooSlowError:
        return "no_answer", None, ""
    except CallFailed as failure:
        return str(failure), None, failure.why
    if reply.status >= 300:
        return f"http_{reply.status}", reply, ""
    if not isinstance(reply.answer, dict):
        why = f"HTTP {reply.status} without a JSON-RPC answer"
        return "http_502", reply, why  # a page instead of an answer: what proxies do whose upstream is gone
    if isinstance(error := reply.answer.get("error"), dict):
        code = error.get("code")
        return (_BY_CODE.get(code, "rpc_error") if isinstance(code, int) else "rpc_error"), reply, ""
    return "", reply, ""


def _number(value: Any) -> int | None:
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        return None


async def _over_http(stack: AsyncExitStack, provider: RealProvider, endpoint: Endpoint) -> Exchange:
    import httpx

    url = f"{'https' if is_secure(provider.url) else 'http'}://{endpoint.address}{endpoint.path}"
    trust = trust_in(provider.ca_file, verify=provider.verify, whose=f"provider {provider.where}")
    client = await stack.enter_async_context(
        httpx.AsyncClient(headers=endpoint.headers, timeout=None, verify=trust, trust_env=False)
    )

    async def exchange(body: bytes) -> Reply:
        try:
            response = await client.post(url, content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError as error:
            raise CallFailed("reset", why_no_answer(error)) from None
        answer = _parsed(response.content)
        return Reply(response.status_code, answer, dict(response.headers), response.text)

    return exchange


async def _over_websocket(
    stack: AsyncExitStack, provider: RealProvider, endpoint: Endpoint
) -> Exchange | StartError:
    from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream

    host, _, port = endpoint.address.rpartition(":")
    trust = trust_in(provider.ca_file, verify=provider.verify, whose=f"provider {provider.where}")
    headers = [(name.encode(), value.encode()) for name, value in endpoint.headers.items()]
    nursery = await stack.enter_async_context(trio.open_nursery())
    try:
        with trio.fail_after(ANSWER_S):
            tcp = await trio.open_tcp_stream(host.strip("[]"), int(port))
            stack.push_async_callback(trio.aclose_forcefully, tcp)
            stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = tcp
            if endpoint.tls is not None:
                stream = trio.SSLStream(tcp, trust, server_hostname=endpoint.tls.server_name)
                await stream.do_handshake()  # else trio-websocket waits for ever for what takes no TLS
            socket = await wrap_client_stream(
                nursery, stream, endpoint.address, endpoint.path, extra_headers=headers
            )
    except (OSError, HandshakeError, trio.BrokenResourceError, trio.TooSlowError) as error:
        nursery.cancel_scope.cancel()
        return _no_websocket(provider, error)
    waiting: dict[Any, trio.MemorySendChannel[Any]] = {}

    async def receive() -> None:
        try:
            while True:
                answer = _parsed(await socket.get_message())
                number = answer.get("id") if isinstance(answer, dict) else None
                channel = waiting.pop(number, None) if isinstance(number, int) else None
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


def _no_websocket(provider: RealProvider, error: Exception) -> StartError:
    from trio_websocket import ConnectionRejected

    why = f"HTTP {error.status_code}" if isinstance(error, ConnectionRejected) else why_no_answer(error)
    return StartError(f"{provider.where} takes no WebSocket ({why})")


def _parsed(text: str | bytes) -> Any:
    try:
        return _read(text)
    except Unreadable:
        return None
