"""Holds back the tasks of paused nodes, by standing in for trio's queue of runnable tasks.

trio cannot suspend a task. So while some node is paused, the queue is one that puts the tasks of paused nodes
aside; a deadline that passes meanwhile is noticed when the node goes on, as by a process under SIGSTOP. While no
node is paused trio has a plain queue again, and a simulation pays nothing.

    a task becomes runnable          trio's loop
             |                            ^
             v                            | takes all that is in the queue, and clears it
    runner.runq.append(task) ---> the queue
             |                            ^
             | its node is held           | release(root): behind what is there, in the order they became runnable
             v                            |
           aside[root] -------------------+

    trio's deque ---first hold---> _RunQueue ---last release---> a deque as trio's
                                    |     ^
                                    +-----+ another hold or release: a new one, since what it knows is old

A task belongs to the nearest held root above it, by way of its nursery's parent task. What trio does with a task
on its way to the queue (cancelling it, handing it a value) it has done before: a held task that is cancelled stays
aside, and meets its cancellation when it is released. So a node that is to end has to be released. A task that trio
had taken when the hold began still makes that one step, and a clock that asks whether anything is runnable sees
only those that may run.

Three things are relied on that trio does not promise: that tasks become runnable by `runner.runq.append` alone,
that the loop takes them by iterating over `runner.runq` and clearing it, and that `parent_nursery.parent_task`
leads to the root. `tests/actors/world/simulated/test_suspension.py` fails the day one of them changes (decisions
0001 and 0013).
"""

from collections import deque
from collections.abc import Iterable

from trio._core._run import GLOBAL_RUN_CONTEXT
from trio.lowlevel import Task

_KNOWN_TASKS_MAX = 10_000
"""To look a task's node up takes longer than to wake it; what is remembered keeps tasks that ended in memory."""


class TaskSuspension:
    """The tasks of one simulation that may not run now. A root task stands for all tasks below it."""

    def __init__(self) -> None:
        self._aside: dict[Task, list[Task]] = {}

    def hold(self, root: Task) -> None:
        """From now on no task of `root`'s takes another step; one that trio has just picked still takes that one."""
        if root not in self._aside:
            self._aside[root] = []
            self._stand_in()

    def release(self, root: Task) -> None:
        """Those that became runnable meanwhile run now; harmless when none was held."""
        held = self._aside.pop(root, [])
        if self._aside:
            self._stand_in(held)
        else:
            runner = GLOBAL_RUN_CONTEXT.runner
            runner.runq = deque([*runner.runq, *held])

    def _stand_in(self, more: Iterable[Task] = ()) -> None:
        runner = GLOBAL_RUN_CONTEXT.runner
        runner.runq = _RunQueue(self._aside, [*runner.runq, *more])


class _RunQueue(deque[Task]):
    """A queue of runnable tasks that lets those of held nodes fall aside."""

    def __init__(self, aside: dict[Task, list[Task]], tasks: Iterable[Task]) -> None:
        super().__init__()
        self._aside = aside
        self._known: dict[Task, list[Task] | None] = {}
        for task in tasks:
            self.append(task)

    def append(self, task: Task) -> None:
        try:
            held = self._known[task]
        except KeyError:
            held = self._learn(task)
        if held is None:
            super().append(task)
        else:
            held.append(task)

    def _learn(self, task: Task) -> list[Task] | None:
        if len(self._known) >= _KNOWN_TASKS_MAX:
            self._known.clear()
        held = self._known[task] = self._held_with(task)
        return held

    def _held_with(self, task: Task) -> list[Task] | None:
        """The tasks put aside with this one's node; None if its node is not held."""
        above: Task | None = task
        while above is not None:
            held = self._aside.get(above)
            if held is not None:
                return held
            nursery = above.parent_nursery
            above = None if nursery is None else nursery.parent_task
        return None
