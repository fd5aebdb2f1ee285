"""The closed loop's callers alone: what they do when they are stopped while they think."""

from itertools import count

import trio

from battle.actors.units import ms, seconds
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.pacer import Users
from battle.actors.workload.requests.request import Request
from tests.actors.worlds import Stage, simulated


def test_users_who_are_stopped_while_they_think_ask_no_more() -> None:
    asked: list[Request] = []

    async def main(stage: Stage) -> None:
        users = Users(
            stage.client,
            count(),
            lambda number, at_ns: Request(str(number), "m", [], at_ns, b""),
            asked.append,
            users=2,
            end_ns=seconds(1),
            think_time=ms(20),
        )
        with trio.move_on_after(0.1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(users.run)
                await stage.sleep(ms(10))
                users.ask_again(asked[1], Ending("ok"))
                await stage.sleep(ms(85))
                users.ask_again(asked[1], Ending("ok"))
                await trio.sleep_forever()
        await stage.sleep(seconds(0.5))

    simulated(main)
    assert [(request.id, request.client) for request in asked] == [("0", 0), ("1", 1), ("2", 1)]
