"""What `suspension.py` relies on of trio's run queue, which trio does not promise: a canary.

The day one of these fails, trio has changed what is replaced while a simulated node is paused: see decisions 0001
and 0013.
"""

import inspect
from collections import deque
from contextlib import contextmanager

import trio
import trio._core._run
import trio.testing

from battle.actors.world.simulated.suspension import TaskSuspension

STEPS = 5

HINT = f"trio {trio.__version__}: see actors/world/simulated/suspension.py and decision 0013"

KNOWN_USES = {
    "runq: deque[Task] = attrs.Factory(deque)",
    "tasks_runnable=len(self.runq),",
    "if not self.runq and self.is_guest:",
    "self.runq.append(task)",
    "if runner.runq:",
    "if idle_primed is not None and not runner.runq and not events:",
    "batch = list(runner.runq)",
    "runner.runq.clear()",
}
"""All that trio does with its run queue: tasks are appended, the batch is a copy of it, and it is cleared."""


def test_canary_trio_uses_its_run_queue_as_before():
    lines = (line.strip() for line in inspect.getsource(trio._core._run).splitlines())
    uses = {line for line in lines if "runq" in line and not line.startswith("#")}
    new, gone = uses - KNOWN_USES, KNOWN_USES - uses
    assert new | gone == set(), f"trio uses its run queue differently, new: {new}, gone: {gone}. {HINT}"


class Family:
    """A root task with a task below a task below it, each of which counts its steps."""

    def __init__(self):
        self.steps = 0
        self.root = None
        self.event = trio.Event()
        self.scope = trio.CancelScope()
        self.nursery = None

    async def live(self, task_status):
        self.root = trio.lowlevel.current_task()
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self.parent)
            task_status.started()

    async def parent(self):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.step_after, self.event.wait)
            nursery.start_soon(self.step_after, self.sleep_until_cancelled)
            while True:
                await self.step()

    async def step(self):
        await trio.lowlevel.checkpoint()
        self.steps += 1

    async def step_after(self, wait):
        await wait()
        self.steps += 1000

    async def sleep_until_cancelled(self):
        with self.scope:
            await trio.sleep_forever()


async def take_steps(families):
    """How many steps each family takes while the caller takes some."""
    before = [family.steps for family in families]
    for _ in range(STEPS):
        await trio.lowlevel.checkpoint()
    return [family.steps - was for family, was in zip(families, before, strict=True)]


@contextmanager
def held(suspension, *families):
    for family in families:
        suspension.hold(family.root)
    try:
        yield
    finally:
        for family in families:
            suspension.release(family.root)


def with_families(body):
    """Run `body(suspension, a, b)` with two families at work. What it asserts is raised outside of any group."""
    failed = []

    async def main():
        a, b = Family(), Family()
        async with trio.open_nursery() as nursery:
            await nursery.start(a.live)
            await nursery.start(b.live)
            await take_steps([a, b])
            try:
                await body(TaskSuspension(), a, b)
            except AssertionError as error:
                failed.append(error)
            nursery.cancel_scope.cancel()

    trio.run(main)
    if failed:
        raise failed[0]


def test_canary_a_held_task_takes_no_step_whatever_makes_it_runnable():
    async def body(suspension, a, b):
        suspension.hold(a.root)
        await trio.lowlevel.checkpoint()  # what trio had taken already still makes its step
        a.event.set()
        a.scope.cancel()
        a.nursery.start_soon(a.step)
        steps_of_a, steps_of_b = await take_steps([a, b])
        assert steps_of_a == 0, (
            f"a held task ran: tasks become runnable by another way than the queue. {HINT}"
        )
        assert steps_of_b > 0, (
            f"a task that is not held did not run: trio does not take the queue's tasks. {HINT}"
        )
        suspension.release(a.root)
        steps_of_a, _ = await take_steps([a, b])
        assert steps_of_a > 2000, f"what became runnable meanwhile did not run when it was released. {HINT}"

    with_families(body)


def test_each_hold_is_of_its_own_and_trio_has_its_queue_back_after_the_last():
    async def body(suspension, a, b):
        runner = trio._core._run.GLOBAL_RUN_CONTEXT.runner
        with held(suspension, a, b):
            await trio.lowlevel.checkpoint()
            assert await take_steps([a, b]) == [0, 0]
            suspension.release(a.root)
            steps_of_a, steps_of_b = await take_steps([a, b])
            assert steps_of_a > 0
            assert steps_of_b == 0
        assert type(runner.runq) is deque
        assert min(await take_steps([a, b])) > 0

    with_families(body)
