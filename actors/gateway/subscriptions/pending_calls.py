"""What is asked of a provider over a WebSocket, and has no answer yet."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from battle.actors.gateway.subscriptions.codec import Answered
from battle.actors.units import Duration
from battle.actors.world.interfaces import Timer, World

Done: TypeAlias = Callable[[Answered | None], object]
"""Takes the answer; None when there was none in time."""


class _Question(msgspec.Struct):
    done: Done
    timer: Timer


class Questions:
    """Numbers calls and brings each its answer, within `timeout`."""

    def __init__(self, world: World, timeout: Duration, send: Callable[[str], object]) -> None:
        self._world = world
        self._timeout = timeout
        self._send = send
        self._open: dict[int, _Question] = {}
        self._last = 0
        self._closed = False

    def number(self) -> int:
        """The id for a call whose answer nobody waits for."""
        self._last += 1
        return self._last

    def ask(self, call: Callable[[int], str], done: Done) -> None:
        """Send the call that `call` makes for an id; `done` hears of it later, unless this is closed before."""
        if self._closed:
            return
        number = self.number()
        timer = self._world.call_at(self._world.now_ns() + self._timeout, self._overdue, number)
        self._open[number] = _Question(done, timer)
        self._send(call(number))

    def answered(self, answer: Answered) -> None:
        """The provider answered something, perhaps too late, or something that nobody asked."""
        question = self._open.pop(answer.call_id, None)
        if question is not None:
            question.timer.cancel()
            question.done(answer)

    def close(self) -> None:
        """Nobody waits for answers any more."""
        self._closed = True
        for question in self._open.values():
            question.timer.cancel()
        self._open.clear()

    def _overdue(self, number: int) -> None:
        self._open.pop(number).done(None)
