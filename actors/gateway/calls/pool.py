"""Keep-alive connections to one provider: bounded, first come first served, without a task of their own.

An idle connection that the provider has closed is found when it is taken out and replaced without anybody
noticing. What the kernel does not know at that moment cannot be distinguished from a provider that dies with the
request in hand: such a request fails as `closed` or `reset`, and the retry policy decides.
"""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import trio

from battle.actors.addresses import Address
from battle.actors.units import seconds
from battle.actors.wire.http.client import HttpClientConnection
from battle.actors.world.interfaces import Timer, World

IDLE_LIMIT = seconds(60)
"""Below the 75 s after which servers commonly close: we close first, so no request meets a closing."""

Ready: TypeAlias = Callable[[HttpClientConnection | None], object]
"""Takes the connection, or None: the provider refused."""


class Opening:
    """Somebody who waits for a connection: for one to be opened, or first for a place to open it in."""

    def __init__(self, pool: "Pool", ready: Ready) -> None:
        self._pool = pool
        self.ready = ready
        self.scope = trio.CancelScope()
        self.place_since_ns: int | None = None
        """Since when it has a place; None: all are taken."""

    def cancel(self) -> None:
        """Wait no longer; `ready` is not called any more."""
        if self.place_since_ns is None:
            self._pool.forget(self)
        else:
            self.scope.cancel()


class Pool:
    """At most `limit` connections to `address`; `nursery` is where they are opened.

    connection = pool.take() or pool.open(ready)    # open calls `ready`, later
    ...                                             # one exchange
    pool.give_back(connection)                      # or discard
    """

    def __init__(self, world: World, nursery: trio.Nursery, address: Address, limit: int) -> None:
        self._world = world
        self._nursery = nursery
        self._address = address
        self._limit = limit
        self._idle: list[tuple[int, HttpClientConnection]] = []  # by the time they became idle
        self._taken = 0
        self._waiters: deque[Opening] = deque()
        self._sweeper: Timer | None = None

    def statistics(self) -> dict[str, int]:
        """How many connections are idle and in use, and how many requests wait for one."""
        return {"idle": len(self._idle), "in_use": self._taken, "waiting": len(self._waiters)}

    def take(self) -> HttpClientConnection | None:
        """The idle connection that was used last, if there is one that is good."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.reusable:
                self._taken += 1
                return connection
            connection.close()
        return None

    def open(self, ready: Ready) -> Opening:
        """Have `ready` called with a new connection, or with one given back when there are `limit` already."""
        opening = Opening(self, ready)
        if self._taken < self._limit:
            self._taken += 1
            self._start(opening)
        else:
            self._waiters.append(opening)
        return opening

    def forget(self, opening: Opening) -> None:
        """Somebody who waits for a place gives up."""
        self._waiters.remove(opening)

    def give_back(self, connection: HttpClientConnection) -> None:
        """The exchange went well. The connection carries the next request, if it can."""
        if not connection.reusable:
            connection.close()
            self._free_place()
        elif self._waiters:
            self._waiters.popleft().ready(connection)
        else:
            self._taken -= 1
            now_ns = self._world.now_ns()
            self._idle.append((now_ns, connection))
            if self._sweeper is None:
                self._sweeper = self._world.call_at(now_ns + IDLE_LIMIT, self._sweep)

    def discard(self, connection: HttpClientConnection) -> None:
        """The exchange did not come to its end. An answer still under way must not find anybody: reset."""
        connection.abort()
        self._free_place()

    def close(self) -> None:
        """Close the idle connections; those in use are for whoever uses them to discard."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for _, connection in self._idle:
            connection.close()
        self._idle.clear()

    def _start(self, opening: Opening) -> None:
        opening.place_since_ns = self._world.now_ns()
        self._nursery.start_soon(self._connect, opening)

    async def _connect(self, opening: Opening) -> None:
        """Connect, in a place that was taken for it."""
        connection = None
        refused = False
        with opening.scope as scope:
            try:
                connection = HttpClientConnection(await self._world.connect(self._address))
            except OSError:
                refused = True
        if connection is not None and not scope.cancel_called:
            opening.ready(connection)
            return
        if connection is not None:
            connection.close()  # it was opened in the very moment it was no longer wanted
        self._free_place()
        if refused and not scope.cancel_called:
            opening.ready(None)

    def _free_place(self) -> None:
        if self._waiters:
            self._start(self._waiters.popleft())
        else:
            self._taken -= 1

    def _sweep(self) -> None:
        limit_ns = self._world.now_ns() - IDLE_LIMIT
        while self._idle and self._idle[0][0] <= limit_ns:
            self._idle.pop(0)[1].close()
        self._sweeper = None
        if self._idle:
            self._sweeper = self._world.call_at(self._idle[0][0] + IDLE_LIMIT, self._sweep)
