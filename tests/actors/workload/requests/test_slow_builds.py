"""Requests that take long to make, as with a slow generator: between two of them a node gets to its other work."""

from collections.abc import Callable
from itertools import count
from typing import Any

import trio
import trio.testing

from battle.actors.units import ms, seconds
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.pacer import Pacer, Users
from battle.actors.workload.requests.request import Request


class SlowWorld:
    """A clock that moves only while a request is made; timers are kept, and each is a turn of the node."""

    def __init__(self, build_takes: int) -> None:
        self.ns = 0
        self.build_takes = build_takes
        self.timers: list[tuple[int, Callable[..., object], tuple[Any, ...]]] = []
        self.turns: list[list[str]] = [[]]

    def now_ns(self) -> int:
        return self.ns

    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> "SlowWorld":
        self.timers.append((at_ns, fn, args))
        return self

    def cancel(self) -> None:
        """A timer is never cancelled here before its time."""

    async def sleep_until(self, at_ns: int) -> None:
        """Serve timers until then."""
        while self.timers and self.ns < at_ns:
            self.turn()

    def turn(self) -> None:
        """Serve the oldest timer."""
        at_ns, fn, args = self.timers.pop(0)
        self.ns = max(self.ns, at_ns)
        self.turns.append([])
        fn(*args)

    def build(self, number: int, at_ns: int) -> Request:
        self.ns += self.build_takes
        return Request(str(number), "m", [], at_ns, b"")

    def submit(self, request: Request, now_ns: int = 0) -> None:
        self.turns[-1].append(request.id)


def paced(build_takes: int) -> SlowWorld:
    """Ten requests that are all due at once."""
    world = SlowWorld(build_takes)

    async def main() -> None:
        arrivals = iter([(number, 0) for number in range(10)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pacer(world, arrivals, world.build, world.submit).run)  # type: ignore[arg-type]
            await trio.testing.wait_all_tasks_blocked()
            while world.timers:
                world.turn()

    trio.run(main)
    return world


def test_a_pacer_gives_way_after_each_request_that_took_long_to_make() -> None:
    assert [turn for turn in paced(ms(300)).turns if turn] == [[str(number)] for number in range(10)]


def test_a_pacer_sends_what_is_due_in_one_turn_when_it_is_quickly_made() -> None:
    assert [turn for turn in paced(ms(0)).turns if turn] == [[str(number) for number in range(10)]]


def test_callers_ask_in_turn_when_their_requests_take_long_to_make() -> None:
    world = SlowWorld(ms(300))
    users = Users(world, count(), world.build, world.submit, users=4, end_ns=seconds(2))  # type: ignore[arg-type]
    trio.run(users.run)
    assert world.turns == [["0"], ["1"], ["2"], ["3"], []]


def test_callers_whose_answers_come_together_ask_in_turn_too() -> None:
    world = SlowWorld(ms(300))
    users = Users(world, count(), world.build, world.submit, users=3, end_ns=seconds(9))  # type: ignore[arg-type]
    for user in range(3):
        answered = Request("before", "m", [], 0, b"")
        answered.client = user
        users.ask_again(answered, Ending("ok"))
    while world.timers:
        world.turn()
    assert world.turns == [["0"], ["1"], ["2"], []]


def test_nobody_asks_after_the_end_who_was_kept_waiting_until_then() -> None:
    world = SlowWorld(ms(300))
    users = Users(world, count(), world.build, world.submit, users=9, end_ns=ms(500))  # type: ignore[arg-type]
    trio.run(users.run)
    while world.timers:
        world.turn()
    assert world.turns == [["0"], ["1"], []]
