"""The requests that are open: when each one times out, and what is logged when it ends."""

from collections import deque
from collections.abc import Callable

import trio
from msgspec.structs import replace

from battle.actors.units import Duration
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.workload.requests.outcome import (
    INTERRUPTED,
    NEVER_SENT,
    TIMED_OUT,
    UNSENT,
    Ending,
)
from battle.actors.workload.requests.request import Carrier, Request
from battle.actors.workload.requests.statistics import Second
from battle.actors.world.interfaces import Timer, World
from battle.store.events import RequestEnded

PROVIDER_HEADER = b"x-battle-provider"
"""In which a gateway or provider may say who gave the answer."""


class RequestTracker:
    """Every request from the moment it is due until it ended, whoever ends it.

    `on_end` is called with each request and its ending, after it is in the log. In a `closed_loop` a request
    is scheduled when it is sent. `abandon` is called for each one that was sent and times out, before it ends;
    without it the connection is reset.
    """

    def __init__(
        self,
        world: World,
        workload: str,
        timeout: Duration,
        *,
        closed_loop: bool,
        abandon: Callable[[Request], object] | None = None,
        provider_header: bool = True,
    ) -> None:
        self._world = world
        self._now_ns = world.now_ns
        self._log = world.log.append
        self._workload = workload
        self._timeout = timeout
        self._closed_loop = closed_loop
        self._provider_header = PROVIDER_HEADER if provider_header else b""
        self._abandon = _reset if abandon is None else abandon
        # All requests have the same timeout, so the order they were due in is the order they expire in.
        self._open: deque[Request] = deque()
        self._timer: Timer | None = None
        self._in_flight = 0
        self._backlog = 0
        self.second = Second()
        self._all_ended: trio.Event | None = None
        self.on_end: Callable[[Request, Ending], None] = _nothing

    @property
    def open(self) -> int:
        """How many requests are due and have not ended."""
        return self._in_flight + self._backlog

    def due(self, request: Request) -> None:
        """A request is due; from now on it ends when its time is over, if nothing else ends it."""
        self._open.append(request)
        self._backlog += 1
        self.second.due += 1
        if self._timer is None:
            self._arm(request)

    def missed(self, requests: int) -> None:
        """So many requests fell due while this node was not there to send them."""
        self.second.due += requests
        self.second.dropped += requests

    def is_too_late(self, request: Request, now_ns: int) -> bool:
        """Whether the request's time is over."""
        return request.scheduled_ns + self._timeout <= now_ns

    def sent(self, request: Request, stream: Carrier) -> None:
        """A request is about to be written to this connection."""
        request.sent_ns = sent_ns = self._now_ns()
        request.stream = stream
        if self._closed_loop:
            request.scheduled_ns = sent_ns
        self._backlog -= 1
        self._in_flight += 1
        self.second.lateness.add(sent_ns - request.scheduled_ns)

    def end(
        self, request: Request, ending: Ending, ended_ns: int, response: HttpResponse | bytes | None = None
    ) -> None:
        """A request came to its end, which happens once; over a WebSocket the response is a message."""
        assert not request.ended
        request.ended = True
        request.wire = b""  # this may stay in the queue for as long as an older request is open
        if request.stream is None:
            self._backlog -= 1
        else:
            self._in_flight -= 1
        self._record(request, ending, ended_ns, response)
        still_open = self._open
        while still_open and still_open[0].ended:
            still_open.popleft()
        self.on_end(request, ending)
        if self._all_ended is not None and not self.open:
            self._all_ended.set()

    async def wait_until_all_ended(self) -> None:
        """Wait for the end of the last request. Nothing new may be due once this was called."""
        if self.open:
            self._all_ended = trio.Event()
            await self._all_ended.wait()

    def _record(
        self, request: Request, ending: Ending, ended_ns: int, response: HttpResponse | bytes | None
    ) -> None:
        outcome, answer, failure, rpc_code, height, behind, stale_ns, expected_rpc_code = ending
        status = provider = size = None
        if isinstance(response, bytes):
            size = len(response)
        elif response is not None:
            status = response.status
            size = len(response.body)
            named = response.headers.get(self._provider_header)
            provider = None if named is None else named.decode("latin-1")
        event = RequestEnded(
            request_id=request.id,
            workload=self._workload,
            method=request.method,
            scheduled_ns=request.scheduled_ns,
            sent_ns=None if request.stream is None else request.sent_ns,
            ended_ns=ended_ns,
            outcome=outcome,
            answer=answer,
            http_status=status,
            provider=provider,
            response_bytes=size,
            height=height,
            client=request.client,
        )
        # Each field that is passed costs 50 ns of every request, so those that few requests have come after.
        if failure is not None or rpc_code is not None or behind is not None or expected_rpc_code is not None:
            event = replace(
                event,
                failure=failure,
                rpc_code=rpc_code,
                blocks_behind=behind,
                stale_ns=stale_ns,
                expected_rpc_code=expected_rpc_code,
            )
        self._log(event)
        if outcome != "ok":
            self.second.errors += 1
        self.second.latency.add(ended_ns - request.scheduled_ns)

    def _arm(self, oldest: Request) -> None:
        self._timer = self._world.call_at(oldest.scheduled_ns + self._timeout, self._expire)

    def _expire(self) -> None:
        now_ns = self._now_ns()
        while self._open and self.is_too_late(self._open[0], now_ns):
            self._time_out(self._open[0], now_ns)
        self._timer = None
        if self._open:
            self._arm(self._open[0])

    def _time_out(self, request: Request, now_ns: int) -> None:
        if request.stream is None:
            self.end(request, UNSENT, now_ns)
        else:
            self._abandon(request)
            self.end(request, TIMED_OUT, now_ns)

    def sample(self) -> None:
        """Write down the second that has passed and begin a new one."""
        self._log(
            self.second.sampled(
                at_ns=self._now_ns(),
                workload=self._workload,
                in_flight=self._in_flight,
                backlog=self._backlog,
            )
        )
        self.second = Second()

    def close(self) -> None:
        """Stop the clock: whatever is open is interrupted, and the last second written. Does not wait."""
        if self._timer is not None:
            self._timer.cancel()
        self.interrupt()
        self.sample()

    def interrupt(self) -> None:
        """Whatever is open ends now, and by us: nobody else is to blame for it."""
        self.on_end = _nothing
        now_ns = self._now_ns()
        while self._open:
            request = self._open[0]
            self.end(request, NEVER_SENT if request.stream is None else INTERRUPTED, now_ns)


def _reset(request: Request) -> None:
    """Whatever still comes on this connection would be taken for the answer to the next request."""
    assert request.stream is not None
    request.stream.abort()


def _nothing(_request: Request, _ending: Ending) -> None:
    pass
