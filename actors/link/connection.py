"""One client's connection through a link, and the connection to the upstream that was opened for it.

What happens to one happens to the other: a reset is a reset, an end an end. A request waits here while the pace of
the link does not let it go, and while the one before it has no response. A WebSocket is passed as the bytes it
consists of, and read on the side.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from battle.actors.link.conversation import Conversation
from battle.actors.link.forwarding import forwarded_handshake, forwarded_request, forwarded_response
from battle.actors.link.observation import (
    PassedCall,
    answer_to,
    answers_in,
    calls_in,
    facts_in,
    outcome_of,
)
from battle.actors.link.pace import Pace
from battle.actors.link.pace_log import PaceLog
from battle.actors.link.relay import Relay
from battle.actors.roles import LinkRole
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.limits import HttpLimits
from battle.actors.units import minutes
from battle.actors.wire.http.client import Broken, HttpClientConnection
from battle.actors.wire.http.messages import HttpRequest, HttpResponse, encode_response
from battle.actors.wire.http.server import HttpServerConnection
from battle.actors.world.interfaces import Stream, World
from battle.store.events import AttemptServed, ChainFactReported, Outcome

LIMITS = HttpLimits(header_bytes=64 * 1024, body_bytes=16 * 2**20, idle_timeout=minutes(60))
"""A link takes what the upstream might; how long a connection may be idle is the upstream's to say."""

_TOO_FAST = b"Battle holds back: this provider is asked no more often than its requests_per_second\n"


class Passage(msgspec.Struct, eq=False):
    """A request on its way to the upstream and back."""

    request: HttpRequest
    calls: list[PassedCall]
    received_ns: int


class LinkConnection:
    """Passes requests on and responses back until either side has ended; logs every call, and what was answered."""

    def __init__(
        self,
        world: World,
        role: LinkRole,
        pace: Pace | None,
        pace_log: PaceLog,
        client: Stream,
        upstream: Stream,
        settled: Callable[[Stream], object],
    ) -> None:
        """`settled` is called with the client's stream whenever all that was asked on it has been answered."""
        self._world = world
        self._role = role
        self._pace = pace
        self._pace_log = pace_log
        self._client = client
        self._settled = settled
        self._passage: Passage | None = None
        self._websocket: HttpRequest | None = None
        self._relay: Relay | None = None
        self._gone = False
        self._http = HttpServerConnection(world, client, LIMITS, self)
        self._upstream = HttpClientConnection(upstream, on_end=self._on_upstream_end)

    async def serve(self, connect: Callable[[Endpoint], Awaitable[Stream]]) -> None:
        """Pass until the client is gone, or the upstream. `connect` opens the one for a WebSocket."""
        try:
            await self._http.run()
            if self._websocket is not None:
                assert self._relay is not None
                await self._serve_websocket(self._websocket, self._relay, connect)
        finally:
            self.on_client_gone()
            self._upstream.close()

    # For HttpServerConnection.

    @property
    def has_unanswered(self) -> bool:
        """Whether a request is on its way."""
        return self._passage is not None

    @property
    def takes_more(self) -> bool:
        """Whether the next request is wanted."""
        return self._passage is None and not self._gone

    def on_request(self, request: HttpRequest) -> None:
        """A request has come in."""
        if request.wants_websocket:
            self._websocket = request
            conversation = Conversation(self._world, self._role, self._pace, self._pace_log)
            self._relay = Relay(self._world, self._client, conversation)
            self._relay.early(self._http.upgrade(*self._relay.client_callbacks()))
            return
        now_ns = self._world.now_ns()
        passage = self._passage = Passage(request, calls_in(request), now_ns)
        due_ns = now_ns if self._pace is None else self._pace.due_ns(now_ns, len(passage.calls))
        if due_ns is None:
            self._pace_log.held_back(None)
            self._turn_away(passage)
        elif due_ns <= now_ns:
            self._send(passage)
        else:
            self._pace_log.held_back(due_ns - now_ns)
            self._world.call_at(due_ns, self._send, passage)

    def on_client_gone(self) -> None:
        """The client has ended its side: what is under way is given up."""
        self._gone = True
        passage, self._passage = self._passage, None
        if passage is not None:
            self._log(passage, None, "unknown")
            self._upstream.abort()

    # Passing.

    def _send(self, passage: Passage) -> None:
        if self._passage is not passage:
            return  # the client did not wait for its turn
        request = forwarded_request(passage.request, self._role.upstream)
        self._upstream.exchange(request, partial(self._on_answer, passage))

    def _on_answer(self, passage: Passage, answer: HttpResponse | Broken, _at_ns: int) -> None:
        if self._passage is not passage:
            return
        self._passage = None
        if not isinstance(answer, HttpResponse):
            self._log(passage, None, "error")
            self._end(aborting=answer != "closed")
            return
        self._log_answers(passage, answer)
        self._answer(passage, forwarded_response(answer, passage.request), keeps=answer.keep_alive)

    def _turn_away(self, passage: Passage) -> None:
        """Behave like a provider that is asked too often: a gateway has an answer to that."""
        self._passage = None
        keeps = passage.request.keep_alive
        refusal = encode_response(
            429, _TOO_FAST, content_type=b"text/plain", headers={b"retry-after": b"1"}, keep_alive=keeps
        )
        self._log(passage, 429, "error")
        self._answer(passage, refusal, keeps=keeps)

    def _answer(self, passage: Passage, data: bytes, *, keeps: bool) -> None:
        self._client.write(data)
        if not keeps or not passage.request.keep_alive:
            self._client.close()
        self._http.go_on()
        if self._passage is None:
            self._settled(self._client)

    def _on_upstream_end(self) -> None:
        """The upstream has ended a connection on which nothing was under way: clients see what they would there."""
        if self._passage is None and self._websocket is None:
            self._end(aborting=False)

    def _end(self, *, aborting: bool) -> None:
        if aborting:
            self._client.abort()
        else:
            self._client.close()

    # WebSocket.

    async def _serve_websocket(
        self, request: HttpRequest, relay: Relay, connect: Callable[[Endpoint], Awaitable[Stream]]
    ) -> None:
        self._upstream.close()
        upstream = self._role.ws_upstream
        try:
            stream = await connect(upstream)
        except OSError:
            self._client.abort()
            return
        stream.write(forwarded_handshake(request, upstream))
        await relay.run(stream)

    # The log.

    def _log_answers(self, passage: Passage, response: HttpResponse) -> None:
        answers = answers_in(response)
        now_ns = self._world.now_ns()
        for call in passage.calls:
            answer = answer_to(call, answers, alone=len(passage.calls) == 1)
            how = outcome_of(call, response.status, answer)
            self._append(passage, call, how.outcome, now_ns, response.status, how.rpc_code)
            if answer is not None and how.outcome == "ok":
                for fact in facts_in(call.method, answer):
                    self._world.log.append(
                        ChainFactReported(
                            at_ns=now_ns,
                            provider=self._role.name,
                            subject=fact.subject,
                            value=fact.value,
                            is_final=fact.is_final,
                            request_id=call.request_id,
                        )
                    )

    def _log(self, passage: Passage, status: int | None, outcome: Outcome) -> None:
        """No answer of the upstream reached the client."""
        replied_ns = None if status is None else self._world.now_ns()
        for call in passage.calls:
            self._append(passage, call, outcome, replied_ns, status, None)

    def _append(
        self,
        passage: Passage,
        call: PassedCall,
        outcome: Outcome,
        replied_ns: int | None,
        status: int | None,
        rpc_code: int | None,
    ) -> None:
        self._world.log.append(
            AttemptServed(
                provider=self._role.name,
                transport="http",
                method=call.method,
                received_ns=passage.received_ns,
                outcome=outcome,
                request_id=call.request_id,
                replied_ns=replied_ns,
                http_status=status,
                rpc_code=rpc_code,
            )
        )
