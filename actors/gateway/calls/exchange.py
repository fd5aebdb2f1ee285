"""One attempt on the wire: a connection, a request, its response, or the name of what went wrong."""

from collections.abc import Callable

from battle.actors.gateway.calls.pool import Opening, Pool
from battle.actors.gateway.policy.classify import TransportFailure
from battle.actors.wire.http.client import Broken, HttpClientConnection
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.world.interfaces import World


class Exchange:
    """Sends an encoded request over a connection of `pool`, and calls `ended` once, later, with what came of it.

    At `deadline_ns` a timer resets the connection: it costs no cancel scope. A request that meets the end
    of a kept connection before any byte of an answer fails as `closed`: the provider may have died with the
    request in hand, so that is the retry policy's business and not hidden here.
    """

    def __init__(
        self,
        world: World,
        pool: Pool,
        request: bytes,
        deadline_ns: int,
        ended: Callable[[HttpResponse | TransportFailure], object],
    ) -> None:
        self._pool = pool
        self._request = request
        self._deadline_ns = deadline_ns
        self._ended = ended
        self._opening: Opening | None = None
        self._timer = world.call_at(deadline_ns, self._overdue)
        self._connection = pool.take()
        if self._connection is None:
            self._opening = pool.open(self._opened)
        else:
            self._connection.exchange(request, self._received)

    def cancel(self) -> None:
        """Call it off; `ended` is not called any more."""
        self._timer.cancel()
        if self._opening is not None:
            self._opening.cancel()
        elif self._connection is not None:
            self._pool.discard(self._connection)

    def _opened(self, connection: HttpClientConnection | None) -> None:
        self._opening = None
        self._connection = connection
        if connection is None:
            self._timer.cancel()
            self._ended("refused")
        else:
            connection.exchange(self._request, self._received)

    def _received(self, result: HttpResponse | Broken, arrived_ns: int) -> None:
        assert self._connection is not None
        self._timer.cancel()
        if isinstance(result, str):
            self._pool.discard(self._connection)
            self._ended("closed" if result == "unread" else result)
        else:
            self._pool.give_back(self._connection)
            self._ended(result)

    def _overdue(self) -> None:
        opening = self._opening
        # A place that became free in this very moment, because others ran out of time too, came too late.
        in_time = opening is None or (opening.place_since_ns or self._deadline_ns) < self._deadline_ns
        self.cancel()
        self._ended("timeout" if in_time else "unsent")
