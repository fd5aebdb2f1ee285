"""Keep-alive connections to one provider: bounded, first come first served, without a task of their own.

An idle connection that the provider has closed is found when it is taken out (`Stream.is_stale`) and
replaced without anybody noticing. What the kernel does not know at that moment cannot be told apart from a
provider that dies with the request in hand: such a request fails as `closed` or `reset`, and the retry
policy decides.
"""

from collections import deque
from typing import Literal

import trio

from actors.units import seconds
from actors.wire.http_client import HttpClientConnection
from actors.world.seam import Address, Timer, World

IDLE_LIMIT = seconds(60)
"""Below the 75 s after which servers commonly close: we close first, so no request meets a closing."""


class NoConnection(Exception):
    """None to be had: `unsent` (none became free in time, or too late to be used), `timeout` (while
    connecting) or `refused`."""

    def __init__(self, failure: Literal["unsent", "timeout", "refused"]) -> None:
        super().__init__(failure)
        self.failure: Literal["unsent", "timeout", "refused"] = failure


class Pool:
    """At most `limit` connections to `address`.

    connection = pool.take() or await pool.open(deadline_ns)
    ...                                       # one exchange
    pool.give_back(connection)                # or retire, or discard
    """

    def __init__(self, world: World, address: Address, limit: int) -> None:
        self._world = world
        self._address = address
        self._limit = limit
        self._idle: list[tuple[int, HttpClientConnection]] = []  # by the time they became idle
        self._taken = 0
        self._waiters: deque[_Waiter] = deque()
        self._sweeper: Timer | None = None

    def statistics(self) -> dict[str, int]:
        """How many connections are idle and in use, and how many requests wait for one."""
        return {"idle": len(self._idle), "in_use": self._taken, "waiting": len(self._waiters)}

    def take(self) -> HttpClientConnection | None:
        """The idle connection that was used last, if there is one that is not stale."""
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.stream.is_stale():
                self._taken += 1
                return connection
            connection.stream.close()
        return None

    async def open(self, deadline_ns: int) -> HttpClientConnection:
        """Make a connection, or wait for one when there are `limit` already.

        Raises:
            NoConnection: neither was possible before `deadline_ns`.
        """
        failure: Literal["unsent", "timeout"] = "timeout"
        with trio.move_on_after(max(deadline_ns - self._world.now_ns(), 0) / 1e9):
            if self._taken < self._limit:
                self._taken += 1
                return await self._connect()
            failure = "unsent"
            return await self._wait() or await self._connect()
        raise NoConnection(failure)

    def give_back(self, connection: HttpClientConnection) -> None:
        """The connection can carry the next request."""
        if self._waiters:
            self._waiters.popleft().serve(connection)
            return
        self._taken -= 1
        self._idle.append((self._world.now_ns(), connection))
        if self._sweeper is None:
            self._sweeper = self._world.call_at(self._world.now_ns() + IDLE_LIMIT, self._sweep)

    def retire(self, connection: HttpClientConnection) -> None:
        """The exchange went well, but the connection is not to be used again."""
        connection.stream.close()
        self._free_place()

    def discard(self, connection: HttpClientConnection) -> None:
        """The exchange did not come to its end. An answer still under way must not find anybody: reset."""
        connection.stream.abort()
        self._free_place()

    def close(self) -> None:
        """Close the idle connections; those in use are for whoever uses them to discard."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for _, connection in self._idle:
            connection.stream.close()
        self._idle.clear()

    async def _connect(self) -> HttpClientConnection:
        """Connect, in a place that was taken for it."""
        try:
            return HttpClientConnection(await self._world.connect(self._address))
        except OSError:
            self._free_place()
            raise NoConnection("refused") from None
        except BaseException:
            self._free_place()
            raise

    async def _wait(self) -> HttpClientConnection | None:
        """A connection somebody gave back, or None: a place to make one in."""
        waiter = _Waiter()
        self._waiters.append(waiter)
        try:
            await waiter.served.wait()
        except BaseException:
            if not waiter.served.is_set():
                self._waiters.remove(waiter)
            elif waiter.connection is not None:
                self.give_back(waiter.connection)
            else:
                self._free_place()
            raise
        connection = waiter.connection
        if connection is not None and connection.stream.is_stale():
            connection.stream.close()
            return None
        return connection

    def _free_place(self) -> None:
        if self._waiters:
            self._waiters.popleft().serve(None)
        else:
            self._taken -= 1

    def _sweep(self) -> None:
        limit_ns = self._world.now_ns() - IDLE_LIMIT
        while self._idle and self._idle[0][0] <= limit_ns:
            self._idle.pop(0)[1].stream.close()
        self._sweeper = None
        if self._idle:
            self._sweeper = self._world.call_at(self._idle[0][0] + IDLE_LIMIT, self._sweep)


class _Waiter:
    """Somebody who waits for a connection, or for a place to make one in."""

    def __init__(self) -> None:
        self.served = trio.Event()
        self.connection: HttpClientConnection | None = None

    def serve(self, connection: HttpClientConnection | None) -> None:
        self.connection = connection
        self.served.set()
