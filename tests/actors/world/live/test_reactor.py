"""The live reactor looks again and again while it serves: what it stamps and whom it serves, on real sockets."""

import select
import socket
from time import perf_counter_ns

import pytest
import trio

from battle.actors.world.live.reactor import EVENTS_PER_LOOK, Reactor

pytestmark = [pytest.mark.live, pytest.mark.alone]

MANY = 4 * EVENTS_PER_LOOK


class Line:
    """A socket pair: `say` makes one end ready, and `served` is called when the reactor serves it."""

    def __init__(self, reactor, served) -> None:
        self.mine, self._theirs = socket.socketpair()
        self.fd = self.mine.fileno()
        self._reactor = reactor
        reactor.register(self.fd, select.EPOLLIN, lambda events: served(self))

    def say(self) -> None:
        self._theirs.send(b"x")

    def close(self) -> None:
        self._theirs.close()
        if self.mine.fileno() >= 0:
            self._reactor.forget(self.fd)
            self.mine.close()


class Stage:
    """A reactor and `MANY` lines that become ready together. `served` is what was served, in order."""

    def __init__(self, reactor) -> None:
        self.reactor = reactor
        self.served = []
        self.seen_ns = {}
        self.served_ns = {}
        self.then = lambda line: None
        """Called with each line that is served."""
        self._expected = 0
        self._done = trio.Event()
        self._opened = []
        self.lines = [self.line() for _ in range(MANY)]

    def line(self) -> Line:
        """Another line, that is not ready yet."""
        self._opened.append(Line(self.reactor, self._serve))
        return self._opened[-1]

    def close(self) -> None:
        for line in self._opened:
            line.close()

    def _serve(self, line) -> None:
        self.served.append(line)
        self.seen_ns[line] = self.reactor.seen_ns
        self.served_ns[line] = self.reactor.now_ns()
        self.then(line)
        if len(self.served) == self._expected:
            self._done.set()

    async def play(self, expected) -> None:
        """Let all become ready, and wait until so many events were served."""
        self._expected = expected
        for line in self.lines:
            line.say()
        with trio.fail_after(10):
            await self._done.wait()


def played(main) -> None:
    async def run():
        reactor = Reactor(perf_counter_ns())
        stage = Stage(reactor)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(reactor.run)
                await main(stage)
                nursery.cancel_scope.cancel()
        finally:
            stage.close()
            reactor.close()

    trio.run(run)


def test_what_becomes_ready_among_many_is_stamped_before_they_are_served():
    async def main(stage):
        late = stage.line()
        stage.then = lambda line: line is stage.lines[0] and late.say()
        await stage.play(MANY + 1)
        assert stage.served[-1] is late
        after_next_look = stage.served[EVENTS_PER_LOOK]
        assert stage.seen_ns[late] <= stage.served_ns[after_next_look] < stage.served_ns[late]

    played(main)


def test_a_timer_has_its_turn_among_many_events():
    async def main(stage):
        rung = []
        stage.then = lambda line: (
            line is stage.lines[0]
            and stage.reactor.call_at(stage.reactor.now_ns(), lambda: rung.append(len(stage.served)))
        )
        await stage.play(MANY)
        assert rung == [EVENTS_PER_LOOK]

    played(main)


def test_who_is_closed_while_it_waits_is_not_served_and_its_number_says_nothing_about_another():
    async def main(stage):
        last = stage.lines[-1]
        heirs = []

        def close_last(line) -> None:
            if line is stage.lines[0]:
                last.close()
                heirs.append(stage.line())

        stage.then = close_last
        await stage.play(MANY - 1)
        await trio.sleep(0.01)  # whatever wrongly waits would be served now
        (heir,) = heirs
        assert heir.fd == last.fd, "else this shows nothing"
        assert last not in stage.served
        assert heir not in stage.served

    played(main)


def test_more_for_one_that_waits_is_served_once_with_the_later_stamp():
    async def main(stage):
        last = stage.lines[-1]
        stage.then = lambda line: line is stage.lines[0] and last.say()
        await stage.play(MANY)
        await trio.sleep(0.01)
        assert stage.served.count(last) == 1
        assert stage.seen_ns[last] >= stage.served_ns[stage.lines[0]]

    played(main)
