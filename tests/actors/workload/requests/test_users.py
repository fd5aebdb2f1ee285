"""The closed loop's callers alone: how many are there, and what they do when they are stopped while they think."""

from itertools import count, pairwise

import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.workloads import UserStage
from battle.actors.units import ms, seconds
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.pacer import Users, user_changes
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


STAGES = st.lists(
    st.builds(UserStage, duration=st.integers(0, seconds(2)), users=st.integers(0, 40)), max_size=5
)


def test_users_come_and_leave_evenly() -> None:
    stages = [
        UserStage(duration=seconds(4), users=4),
        UserStage(duration=seconds(1), users=4),
        UserStage(duration=0, users=6),
        UserStage(duration=seconds(2), users=2),
    ]
    assert list(user_changes(0, stages)) == [
        *((ms(500) + seconds(number), number + 1) for number in range(4)),
        (seconds(5), 5),
        (seconds(5), 6),
        *((seconds(5) + ms(250) + ms(500) * number, 5 - number) for number in range(4)),
    ]


@given(st.integers(0, 40), STAGES)
def test_the_number_of_users_ends_at_that_of_the_last_stage_one_by_one(
    users: int, stages: list[UserStage]
) -> None:
    changes = list(user_changes(users, stages))
    times = [at for at, _ in changes]
    assert times == sorted(times)
    numbers = [users, *(number for _, number in changes)]
    assert all(abs(after - before) == 1 for before, after in pairwise(numbers))
    assert numbers[-1] == (stages[-1].users if stages else users)
